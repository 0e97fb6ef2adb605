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
/// The first call hopes that every stream is at the version its command expects and every key unused; where they are
/// not, the database says so by a unique violation, and a second, careful call finds out whose.
pub(crate) async fn write(connection: &mut PgConnection, commands: &[Command]) -> Result<Vec<Outcome>, sqlx::Error> {
    let slices = || commands.iter().flat_map(|command| &command.slices);
    let hopeful = match commands {
        [command] if command.events == 1 => write_one(connection, command).await.map(|outcome| vec![outcome]),
        commands if slices().all(|slice| slice.expected.version().is_some()) => {
            write_hopefully(connection, commands).await
        }
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
    let event = &slice.events[0];
    let answer: Vec<i64> = sqlx::query_scalar("select log.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(command.tenant.uuid())
        .bind(slice.stream.as_str())
        .bind(slice.expected.to_log())
        .bind(command.at.to_sqlx())
        .bind(&command.actor)
        .bind(command.idempotency.as_ref().map(|used| &used.key))
        .bind(command.idempotency.as_ref().map(|used| used.request_hash.as_slice()))
        .bind(event.event_type.as_ref())
        .bind(event.body.as_str())
        .bind(event.leaf_hash.as_slice())
        .fetch_one(connection)
        .await?;
    match answer[..] {
        [outcome, first, last, before] => Outcome::from_log(outcome as i32, first, last, vec![before]),
        _ => Err(sqlx::Error::Protocol(format!("log.append_one answered {answer:?}"))),
    }
}

/// The tenants of a batch, ascending and distinct. Postgres compares UUIDs by their bytes, as Rust does: this is the
/// order in which the heads are locked.
fn tenants_of(commands: &[Command]) -> Vec<Uuid> {
    let mut tenants: Vec<Uuid> = commands.iter().map(|command| command.tenant.uuid()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}

fn index_of(tenants: &[Uuid], command: &Command) -> usize {
    tenants.binary_search(&command.tenant.uuid()).expect("every command's tenant is in the list")
}

/// All versions are known before: only the positions are the database's to give, and they follow from the heads.
async fn write_hopefully(connection: &mut PgConnection, commands: &[Command]) -> Result<Vec<Outcome>, sqlx::Error> {
    let tenants = tenants_of(commands);
    let mut counts = vec![0_i32; tenants.len()];
    let mut rows = HopefulRows::default();
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        let t = index_of(&tenants, command);
        let first = counts[t] + 1;
        let mut versions_before = Vec::with_capacity(command.slices.len());
        for slice in &command.slices {
            let before = slice.expected.version().expect("the caller asked for it");
            versions_before.push(before);
            if before > 0 {
                rows.known_tenants.push(command.tenant.uuid());
                rows.known_streams.push(slice.stream.as_str());
                rows.known_versions.push(before);
            }
            for (i, event) in slice.events.iter().enumerate() {
                counts[t] += 1;
                rows.tenants.push(t as i32 + 1);
                rows.numbers.push(counts[t]);
                rows.versions.push(before + 1 + i as i64);
                rows.times.push(command.at.to_sqlx());
                rows.streams.push(slice.stream.as_str());
                rows.types.push(event.event_type.as_ref());
                rows.actors.push(command.actor.as_str());
                rows.bodies.push(event.body.as_str());
                rows.leaves.push(event.leaf_hash.as_slice());
            }
        }
        if let Some(used) = &command.idempotency {
            rows.key_tenants.push(t as i32 + 1);
            rows.keys.push(used.key.as_str());
            rows.key_hashes.push(used.request_hash.as_slice());
            rows.key_firsts.push(first);
            rows.key_lasts.push(counts[t]);
            rows.key_times.push(command.at.to_sqlx());
        }
        // Positions count from the tenant's head, which the answer brings.
        outcomes.push((t, i64::from(first), i64::from(counts[t]), versions_before));
    }

    let heads: Vec<i64> = sqlx::query_scalar(
        "select log.append_hopefully($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(&tenants)
    .bind(&counts)
    .bind(&rows.tenants)
    .bind(&rows.numbers)
    .bind(&rows.versions)
    .bind(&rows.times)
    .bind(&rows.streams)
    .bind(&rows.types)
    .bind(&rows.actors)
    .bind(&rows.bodies)
    .bind(&rows.leaves)
    .bind(&rows.known_tenants)
    .bind(&rows.known_streams)
    .bind(&rows.known_versions)
    .bind(&rows.key_tenants)
    .bind(&rows.keys)
    .bind(&rows.key_hashes)
    .bind(&rows.key_firsts)
    .bind(&rows.key_lasts)
    .bind(&rows.key_times)
    .fetch_one(connection)
    .await?;
    if heads.len() != tenants.len() {
        return Err(sqlx::Error::Protocol(format!(
            "log.append_hopefully answered {} heads for {} tenants",
            heads.len(),
            tenants.len()
        )));
    }
    Ok(outcomes
        .into_iter()
        .map(|(t, first, last, versions_before)| Outcome::Appended {
            first_position: heads[t] + first,
            last_position: heads[t] + last,
            versions_before,
        })
        .collect())
}

/// The parallel lists of `log.append_hopefully`, described in its migration.
#[derive(Default)]
struct HopefulRows<'a> {
    tenants: Vec<i32>,
    numbers: Vec<i32>,
    versions: Vec<i64>,
    times: Vec<jiff_sqlx::Timestamp>,
    streams: Vec<&'a str>,
    types: Vec<&'a str>,
    actors: Vec<&'a str>,
    bodies: Vec<&'a str>,
    leaves: Vec<&'a [u8]>,
    known_tenants: Vec<Uuid>,
    known_streams: Vec<&'a str>,
    known_versions: Vec<i64>,
    key_tenants: Vec<i32>,
    keys: Vec<&'a str>,
    key_hashes: Vec<&'a [u8]>,
    key_firsts: Vec<i32>,
    key_lasts: Vec<i32>,
    key_times: Vec<jiff_sqlx::Timestamp>,
}

async fn write_batch(
    connection: &mut PgConnection,
    commands: &[Command],
    careful: bool,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let tenants = tenants_of(commands);
    let tenant_index = |command: &Command| index_of(&tenants, command) as i32 + 1;
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
