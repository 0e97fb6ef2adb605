//! The event store on Postgres: append, read, tail, prove, erase. Knows no domain.
