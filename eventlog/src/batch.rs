//! One transaction of the log: the commands of a batch to the database in one round trip, and their outcomes back.

use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::command::{Command, Event};

/// What the database decided about one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Appended {
        first_position: i64,
        last_position: i64,
        /// The version each slice's stream had before.
        versions_before: Vec<i64>,
    },
    /// The versions that the slices' streams had instead.
    Conflict {
        versions: Vec<i64>,
    },
    Replayed {
        first_position: i64,
        last_position: i64,
    },
    KeyReused,
}

impl Outcome {
    fn from_log(code: i32, first_position: i64, last_position: i64, versions: Vec<i64>) -> Result<Self, sqlx::Error> {
        Ok(match code {
            0 => Self::Appended { first_position, last_position, versions_before: versions },
            1 => Self::Conflict { versions },
            2 => Self::Replayed { first_position, last_position },
            3 => Self::KeyReused,
            other => {
                return Err(sqlx::Error::Protocol(format!("log.append answered outcome {other}")));
            }
        })
    }
}

/// Appends the commands in one transaction. An error means that none is in the log, unless the connection broke.
///
/// The first call hopes that new streams are new and keys unused; where they are not, the database says so by a unique
/// violation, and a second, careful call finds out whose.
pub(crate) async fn write(connection: &mut PgConnection, commands: &[Command]) -> Result<Vec<Outcome>, sqlx::Error> {
    let hopeful = match commands {
        [command] if command.slices.len() == 1 => write_one(connection, command).await.map(|outcome| vec![outcome]),
        commands => write_batch(connection, commands, false).await,
    };
    match hopeful {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            write_batch(connection, commands, true).await
        }
        outcomes => outcomes,
    }
}

async fn write_one(connection: &mut PgConnection, command: &Command) -> Result<Outcome, sqlx::Error> {
    let slice = &command.slices[0];
    let events = || slice.events.iter();
    let row = sqlx::query(
        "select outcome, first_position, last_position, version_before
         from log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(command.tenant.uuid())
    .bind(slice.stream.as_str())
    .bind(slice.expected.to_log())
    .bind(command.at.to_sqlx())
    .bind(&command.actor)
    .bind(command.idempotency.as_ref().map(|used| &used.key))
    .bind(command.idempotency.as_ref().map(|used| used.request_hash.as_slice()))
    .bind(events().map(|event| event.event_type.as_ref()).collect::<Vec<&str>>())
    .bind(events().map(|event| event.body.as_str()).collect::<Vec<&str>>())
    .bind(events().map(|event| event.leaf_hash.as_slice()).collect::<Vec<&[u8]>>())
    .fetch_one(connection)
    .await?;
    let outcome: i16 = row.try_get("outcome")?;
    let version: Option<i64> = row.try_get("version_before")?;
    Outcome::from_log(
        outcome.into(),
        row.try_get("first_position")?,
        row.try_get("last_position")?,
        version.into_iter().collect(),
    )
}

async fn write_batch(
    connection: &mut PgConnection,
    commands: &[Command],
    careful: bool,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut tenants: Vec<Uuid> = commands.iter().map(|command| command.tenant.uuid()).collect();
    // Postgres compares UUIDs by their bytes, as Rust does: the order in which the heads are locked.
    tenants.sort_unstable();
    tenants.dedup();
    let tenant_index = |command: &Command| {
        tenants.binary_search(&command.tenant.uuid()).expect("every command's tenant is in the list") as i32 + 1
    };
    let slices =
        || commands.iter().enumerate().flat_map(|(c, command)| command.slices.iter().map(move |slice| (c, slice)));
    let events = || slices().flat_map(|(_, slice)| slice.events.iter());
    let one_based = |i: usize| i as i32 + 1;

    let row = sqlx::query(
        "select outcomes, first_positions, last_positions, versions_before
         from log.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(&tenants)
    .bind(commands.iter().map(tenant_index).collect::<Vec<i32>>())
    .bind(commands.iter().map(|command| command.at.to_sqlx()).collect::<Vec<_>>())
    .bind(commands.iter().map(|command| command.actor.as_str()).collect::<Vec<&str>>())
    .bind(commands.iter().map(|command| command.idempotency.as_ref().map(|used| used.key.as_str())).collect::<Vec<_>>())
    .bind(
        commands
            .iter()
            .map(|command| command.idempotency.as_ref().map(|used| used.request_hash.as_slice()))
            .collect::<Vec<_>>(),
    )
    .bind(slices().map(|(command, _)| one_based(command)).collect::<Vec<i32>>())
    .bind(slices().map(|(_, slice)| slice.stream.as_str()).collect::<Vec<&str>>())
    .bind(slices().map(|(_, slice)| slice.expected.to_log()).collect::<Vec<i64>>())
    .bind(slices().map(|(_, slice)| slice.events.len() as i32).collect::<Vec<i32>>())
    .bind(
        slices()
            .enumerate()
            .flat_map(|(s, (_, slice))| slice.events.iter().map(move |_| one_based(s)))
            .collect::<Vec<i32>>(),
    )
    .bind(slices().flat_map(|(_, slice)| (0..slice.events.len()).map(one_based)).collect::<Vec<i32>>())
    .bind(events().map(|event: &Event| event.event_type.as_ref()).collect::<Vec<&str>>())
    .bind(events().map(|event| event.body.as_str()).collect::<Vec<&str>>())
    .bind(events().map(|event| event.leaf_hash.as_slice()).collect::<Vec<&[u8]>>())
    .bind(careful)
    .fetch_one(connection)
    .await?;
    read_outcomes(&row, commands)
}

fn read_outcomes(row: &PgRow, commands: &[Command]) -> Result<Vec<Outcome>, sqlx::Error> {
    let outcomes: Vec<i32> = row.try_get("outcomes")?;
    let first_positions: Vec<i64> = row.try_get("first_positions")?;
    let last_positions: Vec<i64> = row.try_get("last_positions")?;
    let versions: Vec<i64> = row.try_get("versions_before")?;
    let lengths = [outcomes.len(), first_positions.len(), last_positions.len()];
    let slices = commands.iter().map(|command| command.slices.len()).sum::<usize>();
    if lengths.iter().any(|length| *length != commands.len()) || versions.len() != slices {
        return Err(sqlx::Error::Protocol(format!(
            "log.append_batch answered {lengths:?} for {} commands",
            commands.len()
        )));
    }
    let mut versions = versions.into_iter();
    commands
        .iter()
        .enumerate()
        .map(|(i, command)| {
            let versions = versions.by_ref().take(command.slices.len()).collect();
            Outcome::from_log(outcomes[i], first_positions[i], last_positions[i], versions)
        })
        .collect()
}
