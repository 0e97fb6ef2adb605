//! Rows of read models: loaded by key, folded in memory, written back by one statement a table.

use std::collections::HashMap;
use std::hash::Hash;

use dyocense_eventlog::TenantTx;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use crate::column::Column;

pub type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// A column's name and its Postgres type.
pub type ColumnName = (&'static str, &'static str);

/// A row of one table. Every table has `tenant_id` before the columns named here, and (tenant_id, key) is its
/// primary key. Declared by [`rows!`].
pub trait Row: Sized + Send + Sync + 'static {
    type Key: Key;
    const TABLE: &'static str;
    const KEY: &'static [ColumnName];
    const REST: &'static [ColumnName];

    fn statements() -> &'static Statements;
    fn key(&self) -> Self::Key;
    fn read(row: &PgRow) -> Result<Self, sqlx::Error>;
    fn bind<'q>(query: PgQuery<'q>, rows: &[&Self]) -> PgQuery<'q>;
}

/// The columns of a primary key behind `tenant_id`.
pub trait Key: Eq + Hash + Ord + Clone + Send + Sync {
    /// Binds one array a column.
    fn bind<'q>(query: PgQuery<'q>, keys: &[Self]) -> PgQuery<'q>;
}

macro_rules! keys {
    ($(($($part:ident $index:tt),+);)*) => {$(
        impl<$($part),+> Key for ($($part,)+)
        where
            $($part: Column + Eq + Hash + Ord + Clone + Send + Sync, $part::Wire: 'static),+
        {
            fn bind<'q>(query: PgQuery<'q>, keys: &[Self]) -> PgQuery<'q> {
                query$(.bind(keys.iter().map(|key| key.$index.to_wire()).collect::<Vec<_>>()))+
            }
        }
    )*};
}

keys! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
}

/// The statements of a table, put together once.
pub struct Statements {
    load: String,
    save: String,
    remove: String,
    columns: String,
}

impl Statements {
    pub fn of<R: Row>() -> Self {
        let table = R::TABLE;
        let names = |columns: &[ColumnName]| columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let arrays = |columns: &mut dyn Iterator<Item = &ColumnName>| {
            columns.enumerate().map(|(i, (_, of))| format!("${}::{of}[]", i + 2)).collect::<Vec<_>>().join(", ")
        };
        let (key, rest) = (names(R::KEY), names(R::REST));
        let columns = if rest.is_empty() { key.clone() } else { format!("{key}, {rest}") };
        let keys = arrays(&mut R::KEY.iter());
        let values = arrays(&mut R::KEY.iter().chain(R::REST));
        let matches = R::KEY.iter().map(|(name, _)| format!("t.{name} = k.{name}")).collect::<Vec<_>>().join(" and ");
        let update = R::REST.iter().map(|(name, _)| format!("{name} = excluded.{name}")).collect::<Vec<_>>().join(", ");
        let on_conflict = if update.is_empty() { "nothing".to_owned() } else { format!("update set {update}") };
        let own = columns.split(", ").map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ");
        Self {
            load: format!(
                "select {own} from unnest({keys}) k ({key}) join {table} t on t.tenant_id = $1 and {matches}"
            ),
            save: format!(
                "insert into {table} (tenant_id, {columns}) select $1, * from unnest({values}) \
                 on conflict (tenant_id, {key}) do {on_conflict}"
            ),
            remove: format!(
                "delete from {table} t using unnest({keys}) k ({key}) where t.tenant_id = $1 and {matches}"
            ),
            columns,
        }
    }

    /// `select <columns> from read_models.<table> <rest>`, for a query.
    pub fn select(&self, table: &str, rest: &str) -> String {
        format!("select {} from read_models.{table} {rest}", self.columns)
    }
}

/// Loads the rows with these keys; keys without a row are absent.
pub async fn load<R: Row>(
    tx: &mut TenantTx,
    keys: impl IntoIterator<Item = R::Key>,
) -> Result<HashMap<R::Key, R>, sqlx::Error> {
    let mut keys: Vec<R::Key> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query(AssertSqlSafe(R::statements().load.as_str())).bind(tx.tenant().uuid());
    let rows = R::Key::bind(query, &keys).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| R::read(row).map(|row| (row.key(), row))).collect()
}

/// Inserts or replaces rows, in the order of their keys so that neighbours in the index are written together.
/// No key may occur twice.
pub async fn save<'r, R: Row>(tx: &mut TenantTx, rows: impl IntoIterator<Item = &'r R>) -> Result<(), sqlx::Error> {
    let mut rows: Vec<&R> = rows.into_iter().collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_cached_key(|row| row.key());
    let query = sqlx::query(AssertSqlSafe(R::statements().save.as_str())).bind(tx.tenant().uuid());
    R::bind(query, &rows).execute(&mut **tx).await?;
    Ok(())
}

pub async fn remove<R: Row>(tx: &mut TenantTx, keys: impl IntoIterator<Item = R::Key>) -> Result<(), sqlx::Error> {
    let keys: Vec<R::Key> = keys.into_iter().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(AssertSqlSafe(R::statements().remove.as_str())).bind(tx.tenant().uuid());
    R::Key::bind(query, &keys).execute(&mut **tx).await?;
    Ok(())
}

/// Declares the row of a table, its key in brackets:
/// `rows! { pub struct User in users { [user_id: UserId], email: Option<String>, } }`.
macro_rules! rows {
    ($($(#[$doc:meta])* $vis:vis struct $name:ident in $table:ident {
        $([$key:ident: $key_type:ty],)+
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $(pub $key: $key_type,)+
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::row::Row for $name {
            type Key = ($($key_type,)+);
            const TABLE: &'static str = stringify!($table);
            const KEY: &'static [$crate::row::ColumnName] =
                &[$((stringify!($key), <$key_type as $crate::column::Column>::TYPE)),+];
            const REST: &'static [$crate::row::ColumnName] =
                &[$((stringify!($field), <$type as $crate::column::Column>::TYPE)),*];

            fn statements() -> &'static $crate::row::Statements {
                static STATEMENTS: std::sync::LazyLock<$crate::row::Statements> =
                    std::sync::LazyLock::new($crate::row::Statements::of::<$name>);
                &STATEMENTS
            }

            fn key(&self) -> Self::Key {
                ($(self.$key.clone(),)+)
            }

            fn read(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                Ok(Self {
                    $($key: $crate::column::read(row, stringify!($key))?,)+
                    $($field: $crate::column::read(row, stringify!($field))?,)*
                })
            }

            fn bind<'q>(query: $crate::row::PgQuery<'q>, rows: &[&Self]) -> $crate::row::PgQuery<'q> {
                query
                    $(.bind(rows.iter().map(|row| $crate::column::Column::to_wire(&row.$key)).collect::<Vec<_>>()))+
                    $(.bind(rows.iter().map(|row| $crate::column::Column::to_wire(&row.$field)).collect::<Vec<_>>()))*
            }
        }
    )*};
}
pub(crate) use rows;
