//! The group roles: who may do what in the database.

use sqlx::{Executor, PgConnection};

/// A group role of the database. Connections take one by `SET ROLE`; no role logs in by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Owns the schemas and runs the migrations.
    Owner,
    /// Appends to the log, and reads no bodies back.
    Writer,
    /// Reads under row-level security.
    Reader,
    /// Reads the log; owns and writes the generations of read models.
    Projector,
    /// Reads and writes the state that the log does not hold: secrets, uploads, policy checkpoints.
    Vault,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Owner, Role::Writer, Role::Reader, Role::Projector, Role::Vault];

    /// The role's name in Postgres.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Owner => "dyocense_owner",
            Role::Writer => "dyocense_writer",
            Role::Reader => "dyocense_reader",
            Role::Projector => "dyocense_projector",
            Role::Vault => "dyocense_vault",
        }
    }

    const fn set_role(self) -> &'static str {
        match self {
            Role::Owner => "set role dyocense_owner",
            Role::Writer => "set role dyocense_writer",
            Role::Reader => "set role dyocense_reader",
            Role::Projector => "set role dyocense_projector",
            Role::Vault => "set role dyocense_vault",
        }
    }

    /// Makes `connection` act as this role until it is closed.
    pub async fn assume(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        connection.execute(self.set_role()).await?;
        Ok(())
    }
}

/// Creates the roles that are missing and lets the connected login become each of them.
pub(crate) async fn ensure(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(include_str!("roles.sql")).await?;
    Ok(())
}
