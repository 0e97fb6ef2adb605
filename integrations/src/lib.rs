//! Adapters behind the ports of dyocense-commands.

mod mail;

pub use mail::{BadMailSettings, SmtpMailer};
