//! End-to-end tests through the public interfaces, with a real Postgres.
