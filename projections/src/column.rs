//! How the values of the domain become columns of a read model, and back.

use dyocense_domain::goals::{Cadence, GoalStatus, Objective, Outcome, PathShape, PlanField};
use dyocense_domain::identity::{Role, SessionEnd};
use dyocense_domain::ids::{
    ApiKeyId, CausalModelId, ConstraintId, CredentialId, GoalId, ImportId, InvitationId, MetricId, MilestoneId,
    OccasionId, RunId, SessionId, UploadId, UserId,
};
use dyocense_domain::metrics::{Bucket, GoodDirection, MetricKind, MetricSource};
use dyocense_domain::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgHasArrayType, PgRow};
use sqlx::types::Json;
use sqlx::{Decode, Encode, Postgres, Row, Type};
use uuid::Uuid;

/// Postgres has no days before 4714 BC; jiff has. A bound of a query is cut to this one.
pub(crate) const EARLIEST_DAY: Date = date(-4_000, 1, 1);

pub type BadValue = Box<dyn std::error::Error + Send + Sync>;

/// A value that a column can hold.
pub trait Column: Sized {
    /// What goes over the wire.
    type Wire: Type<Postgres> + PgHasArrayType + for<'q> Encode<'q, Postgres> + for<'r> Decode<'r, Postgres> + Send;
    /// The Postgres type, for the cast of `unnest($n::<type>[])`.
    const TYPE: &'static str;

    fn to_wire(&self) -> Self::Wire;
    fn from_wire(wire: Self::Wire) -> Result<Self, BadValue>;
}

/// Reads one column of a row.
pub(crate) fn read<T: Column>(row: &PgRow, name: &'static str) -> Result<T, sqlx::Error> {
    // Nullability is part of `T::Wire`, since `Option<T>` is a column too.
    let wire: T::Wire = row.try_get(name)?;
    T::from_wire(wire).map_err(|source| sqlx::Error::ColumnDecode { index: name.to_owned(), source })
}

impl<T: Column> Column for Option<T>
where
    Option<T::Wire>: Type<Postgres> + PgHasArrayType + for<'q> Encode<'q, Postgres> + for<'r> Decode<'r, Postgres>,
{
    type Wire = Option<T::Wire>;
    const TYPE: &'static str = T::TYPE;

    fn to_wire(&self) -> Self::Wire {
        self.as_ref().map(T::to_wire)
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, BadValue> {
        wire.map(T::from_wire).transpose()
    }
}

macro_rules! plain {
    ($($type:ty => $name:literal),* $(,)?) => {$(
        impl Column for $type {
            type Wire = $type;
            const TYPE: &'static str = $name;

            fn to_wire(&self) -> $type {
                self.clone()
            }

            fn from_wire(wire: $type) -> Result<Self, BadValue> {
                Ok(wire)
            }
        }
    )*};
}

plain! {
    String => "text", bool => "bool", i32 => "int4", i64 => "int8", f64 => "float8", Decimal => "numeric", Uuid => "uuid",
    Vec<u8> => "bytea",
}

impl Column for Timestamp {
    type Wire = jiff_sqlx::Timestamp;
    const TYPE: &'static str = "timestamptz";

    fn to_wire(&self) -> Self::Wire {
        self.to_sqlx()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, BadValue> {
        Ok(wire.to_jiff())
    }
}

impl Column for Date {
    type Wire = jiff_sqlx::Date;
    const TYPE: &'static str = "date";

    fn to_wire(&self) -> Self::Wire {
        self.to_sqlx()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, BadValue> {
        Ok(wire.to_jiff())
    }
}

macro_rules! ids {
    ($($id:ty),* $(,)?) => {$(
        impl Column for $id {
            type Wire = Uuid;
            const TYPE: &'static str = "uuid";

            fn to_wire(&self) -> Uuid {
                (*self).into()
            }

            fn from_wire(wire: Uuid) -> Result<Self, BadValue> {
                Ok(wire.into())
            }
        }
    )*};
}

ids!(
    CausalModelId,
    OccasionId,
    ConstraintId,
    ApiKeyId,
    CredentialId,
    GoalId,
    ImportId,
    InvitationId,
    MetricId,
    MilestoneId,
    SessionId,
    UploadId,
    UserId,
    RunId
);

/// Enums without payload, under their serde name.
macro_rules! names {
    ($($name:ty),* $(,)?) => {$(
        impl Column for $name {
            type Wire = String;
            const TYPE: &'static str = "text";

            fn to_wire(&self) -> String {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(name)) => name,
                    other => unreachable!("an enum without payload is written as its name, not {other:?}"),
                }
            }

            fn from_wire(wire: String) -> Result<Self, BadValue> {
                Ok(serde_json::from_value(serde_json::Value::String(wire))?)
            }
        }
    )*};
}

pub(crate) use names;

names!(
    Bucket,
    Cadence,
    GoalStatus,
    GoodDirection,
    MetricKind,
    MetricSource,
    Objective,
    Outcome,
    PathShape,
    PlanField,
    Role,
    SessionEnd,
    TimeZoneName
);

/// A structured value that queries only ever hand out whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<T>(pub T);

impl<T: Serialize + DeserializeOwned + Send> Column for Document<T> {
    type Wire = Json<serde_json::Value>;
    const TYPE: &'static str = "jsonb";

    fn to_wire(&self) -> Self::Wire {
        Json(serde_json::to_value(&self.0).expect("payloads of events have string keys and finite numbers"))
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, BadValue> {
        Ok(Self(serde_json::from_value(wire.0)?))
    }
}
