//! Adapters behind the ports of dyocense-commands.
