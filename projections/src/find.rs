//! Fetching typed rows within a snapshot.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use crate::row::Row;
use crate::{QueryError, Snapshot};

pub(crate) type Bound<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// The rows of `R`'s table that match `rest` (from WHERE on). `$1` is the tenant; `bind` adds what follows.
pub(crate) async fn all<R: Row>(
    snapshot: &mut Snapshot,
    rest: &str,
    bind: impl for<'q> FnOnce(Bound<'q>) -> Bound<'q>,
) -> Result<Vec<R>, QueryError> {
    let sql = R::statements().select(R::TABLE, rest);
    let query = bind(sqlx::query(AssertSqlSafe(sql)).bind(snapshot.tenant().uuid()));
    let rows = query.fetch_all(&mut **snapshot.tx()).await?;
    Ok(rows.iter().map(R::read).collect::<Result<_, _>>()?)
}

/// The first such row.
pub(crate) async fn one<R: Row>(
    snapshot: &mut Snapshot,
    rest: &str,
    bind: impl for<'q> FnOnce(Bound<'q>) -> Bound<'q>,
) -> Result<Option<R>, QueryError> {
    Ok(all(snapshot, rest, bind).await?.into_iter().next())
}
