//! Parked streams: what an operator can do about them.

use dyocense_eventlog::{Direction, Position, ReadError, RecordedEvent, StreamId, TenantId, TenantTx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::Row as _;

use crate::advance::within_savepoint;
use crate::{Projections, Projector};

/// A stream that a projection could not go on with. Its events, from `position` on, wait in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    pub tenant: TenantId,
    pub projection: String,
    pub stream: String,
    /// Of the event that could not be applied.
    pub position: Position,
    pub version: i64,
    pub event_type: String,
    pub reason: String,
    pub parked_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum ParkedError {
    #[error("stream {stream} of tenant {tenant} is not parked for projection `{projection}`")]
    NotParked { tenant: TenantId, projection: String, stream: String },
    #[error("there is no projection `{0}`")]
    NoSuchProjection(String),
    #[error("it still cannot be applied: position {position}: {reason}")]
    StillPoison { position: Position, reason: String },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the database is unavailable: {0}")]
    Database(#[from] sqlx::Error),
}

/// Events of the stream that are read at a time.
const PAGE: usize = 1_000;

impl Projections {
    /// What is parked, of all tenants, the oldest first.
    pub async fn parked(&self) -> Result<Vec<Parked>, sqlx::Error> {
        let rows = sqlx::query(
            "select tenant_id, projection, stream_id, position, version, event_type, reason, parked_at
             from read_models.parked order by parked_at, tenant_id, projection, stream_id",
        )
        .fetch_all(&self.0.stepper.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Parked {
                    tenant: row.try_get::<uuid::Uuid, _>("tenant_id")?.into(),
                    projection: row.try_get("projection")?,
                    stream: row.try_get("stream_id")?,
                    position: Position::new(row.try_get("position")?).unwrap_or(Position::START),
                    version: row.try_get("version")?,
                    event_type: row.try_get("event_type")?,
                    reason: row.try_get("reason")?,
                    parked_at: row.try_get::<jiff_sqlx::Timestamp, _>("parked_at")?.to_jiff(),
                })
            })
            .collect()
    }

    /// Applies the waiting events of a stream again, after the program was mended. All of them or none: the stream
    /// stays parked if one still cannot be applied.
    pub async fn retry(&self, tenant: TenantId, projection: &str, stream: &str) -> Result<u64, ParkedError> {
        let (mut tx, parked) = self.take(tenant, projection, stream).await?;
        let applied = self.catch_up(&mut tx, &parked, parked.version - 1).await?;
        self.unpark(tx, &parked).await?;
        Ok(applied)
    }

    /// Leaves the event out that could not be applied, for good, and applies those after it.
    pub async fn skip(&self, tenant: TenantId, projection: &str, stream: &str) -> Result<u64, ParkedError> {
        let (mut tx, parked) = self.take(tenant, projection, stream).await?;
        waive(&mut tx, &parked, false).await?;
        let applied = self.catch_up(&mut tx, &parked, parked.version).await?;
        self.unpark(tx, &parked).await?;
        Ok(applied)
    }

    /// Gives the stream up for this projection: its waiting events, and those to come, are left out for good.
    pub async fn discard(&self, tenant: TenantId, projection: &str, stream: &str) -> Result<(), ParkedError> {
        let (mut tx, parked) = self.take(tenant, projection, stream).await?;
        waive(&mut tx, &parked, true).await?;
        self.unpark(tx, &parked).await
    }

    /// Locks the tenant's checkpoint, so that no batch runs meanwhile, and finds the parked stream.
    async fn take(&self, tenant: TenantId, projection: &str, stream: &str) -> Result<(TenantTx, Parked), ParkedError> {
        let mut tx = self.0.stepper.begin(self.0.target(), tenant).await?;
        sqlx::query("select position from checkpoints where tenant_id = $1 for update")
            .bind(tenant.uuid())
            .fetch_optional(&mut *tx)
            .await?;
        let row = sqlx::query(
            "select position, version, event_type, reason, parked_at from parked
             where tenant_id = $1 and projection = $2 and stream_id = $3",
        )
        .bind(tenant.uuid())
        .bind(projection)
        .bind(stream)
        .fetch_optional(&mut *tx)
        .await?;
        let row = row.ok_or_else(|| ParkedError::NotParked {
            tenant,
            projection: projection.to_owned(),
            stream: stream.to_owned(),
        })?;
        let parked = Parked {
            tenant,
            projection: projection.to_owned(),
            stream: stream.to_owned(),
            position: Position::new(row.try_get("position")?).unwrap_or(Position::START),
            version: row.try_get("version")?,
            event_type: row.try_get("event_type")?,
            reason: row.try_get("reason")?,
            parked_at: row.try_get::<jiff_sqlx::Timestamp, _>("parked_at")?.to_jiff(),
        };
        Ok((tx, parked))
    }

    /// Applies the stream's events behind version `beyond`, up to the tenant's checkpoint.
    async fn catch_up(&self, tx: &mut TenantTx, parked: &Parked, beyond: i64) -> Result<u64, ParkedError> {
        let projector = self.projector(&parked.projection)?;
        let checkpoint: i64 = sqlx::query_scalar("select position from checkpoints where tenant_id = $1")
            .bind(parked.tenant.uuid())
            .fetch_one(&mut **tx)
            .await?;
        let stream = StreamId::new(parked.stream.clone())
            .map_err(|invalid| ParkedError::StillPoison { position: parked.position, reason: invalid.to_string() })?;
        let (mut beyond, mut applied) = (beyond, 0);
        loop {
            let log = &self.0.stepper.log;
            let events = log.read_stream(parked.tenant, &stream, beyond, PAGE, Direction::Forward).await?;
            let Some(last) = events.last() else { return Ok(applied) };
            beyond = last.version;
            let own: Vec<&RecordedEvent> = events
                .iter()
                .filter(|event| event.position.get() <= checkpoint && projector.handles(&event.event_type))
                .collect();
            if !own.is_empty() {
                within_savepoint(tx, projector, &own).await?.map_err(|error| match error {
                    crate::ProjectorError::Poison { position, reason } => ParkedError::StillPoison { position, reason },
                    crate::ProjectorError::Database(error) => {
                        ParkedError::StillPoison { position: own[0].position, reason: error.to_string() }
                    }
                })?;
                applied += own.len() as u64;
            }
        }
    }

    fn projector(&self, name: &str) -> Result<&dyn Projector, ParkedError> {
        let found = self.0.stepper.projectors.iter().find(|projector| projector.name() == name);
        found.map(|projector| &**projector).ok_or_else(|| ParkedError::NoSuchProjection(name.to_owned()))
    }

    async fn unpark(&self, mut tx: TenantTx, parked: &Parked) -> Result<(), ParkedError> {
        sqlx::query("delete from parked where tenant_id = $1 and projection = $2 and stream_id = $3")
            .bind(parked.tenant.uuid())
            .bind(&parked.projection)
            .bind(&parked.stream)
            .execute(&mut *tx)
            .await?;
        let position: i64 = sqlx::query_scalar("select position from checkpoints where tenant_id = $1")
            .bind(parked.tenant.uuid())
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        if let Some(position) = Position::new(position) {
            self.0.reached.publish(parked.tenant, position);
        }
        Ok(())
    }
}

async fn waive(tx: &mut TenantTx, parked: &Parked, rest_of_stream: bool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into waived (tenant_id, projection, stream_id, position, rest_of_stream, reason, waived_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(parked.tenant.uuid())
    .bind(&parked.projection)
    .bind(&parked.stream)
    .bind(parked.position.get())
    .bind(rest_of_stream)
    .bind(&parked.reason)
    .bind(Timestamp::now().to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
