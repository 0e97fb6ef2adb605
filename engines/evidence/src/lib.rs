//! Evidence: why a number changed, what would happen if, and how sure we are. Pure: knows no tenant, no event, no I/O.
