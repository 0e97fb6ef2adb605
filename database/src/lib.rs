//! The Postgres under everything: the embedded server, the migrations, the roles and the connection pools.
