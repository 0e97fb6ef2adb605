//! Recording days on which something known happened or will.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use dyocense_domain::ids::OccasionId;
use dyocense_forecasting::holidays;
use dyocense_projections::evidence;

use super::occasions::{Occasion, OccasionKind};
use crate::graphql::fault::Fault;
use crate::graphql::ids::{self, Kind};
use crate::graphql::refusal::{UserError, refusable, refused};
use crate::graphql::request::{caller, commands, query_fault, settle, snapshot};
use crate::graphql::scalars::{Date, Position};

/// Days on which something known happened or will.
#[derive(InputObject)]
pub struct RecordOccasionInput {
    /// What kind it is.
    kind: OccasionKind,
    /// Its name (up to 100 characters). Of occasions with the same kind and name the later ones are judged by the
    /// earlier.
    name: String,
    /// Its first day.
    first: Date,
    /// Its last day.
    last: Date,
}

/// What became of recording an occasion.
#[derive(SimpleObject, Default)]
pub struct RecordOccasionPayload {
    /// The occasion.
    occasion: Option<Occasion>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Which occasion to remove.
#[derive(InputObject)]
pub struct RemoveOccasionInput {
    /// The occasion.
    occasion_id: ID,
}

/// What became of removing an occasion.
#[derive(SimpleObject, Default)]
pub struct RemoveOccasionPayload {
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// Countries whose public holidays are known, by ISO 3166 code.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "holidays::Country")]
pub enum Country {
    /// Australia.
    #[graphql(name = "AU")]
    Australia,
    /// Austria.
    #[graphql(name = "AT")]
    Austria,
    /// Belgium.
    #[graphql(name = "BE")]
    Belgium,
    /// Brazil.
    #[graphql(name = "BR")]
    Brazil,
    /// Canada.
    #[graphql(name = "CA")]
    Canada,
    /// Denmark.
    #[graphql(name = "DK")]
    Denmark,
    /// Finland.
    #[graphql(name = "FI")]
    Finland,
    /// France.
    #[graphql(name = "FR")]
    France,
    /// Germany.
    #[graphql(name = "DE")]
    Germany,
    /// Italy.
    #[graphql(name = "IT")]
    Italy,
    /// The Netherlands.
    #[graphql(name = "NL")]
    Netherlands,
    /// Norway.
    #[graphql(name = "NO")]
    Norway,
    /// Poland.
    #[graphql(name = "PL")]
    Poland,
    /// Portugal.
    #[graphql(name = "PT")]
    Portugal,
    /// Spain.
    #[graphql(name = "ES")]
    Spain,
    /// Sweden.
    #[graphql(name = "SE")]
    Sweden,
    /// The United Kingdom.
    #[graphql(name = "GB")]
    UnitedKingdom,
    /// The United States.
    #[graphql(name = "US")]
    UnitedStates,
}

/// The public holidays of a country, as occasions.
#[derive(InputObject)]
pub struct RecordHolidaysInput {
    /// The country; only days that all of it keeps are recorded.
    country: Country,
    /// The first year, 1990 to 2100.
    first_year: i16,
    /// The last year, at most 30 years later.
    last_year: i16,
}

/// What became of recording holidays.
#[derive(SimpleObject, Default)]
pub struct RecordHolidaysPayload {
    /// Those that were not on record before.
    occasions: Vec<Occasion>,
    /// The history's position it reached.
    position: Option<Position>,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

refusable!(RecordOccasionPayload, RemoveOccasionPayload, RecordHolidaysPayload);

#[derive(Default)]
pub struct OccasionMutation;

#[Object]
impl OccasionMutation {
    /// Records days on which something known happened or will: explanations separate it first.
    async fn record_occasion(
        &self,
        ctx: &Context<'_>,
        input: RecordOccasionInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RecordOccasionPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let RecordOccasionInput { kind, name, first, last } = input;
        match commands(ctx).record_occasion(&caller, kind.into(), &name, first.0, last.0).await {
            Ok((id, outcome)) => {
                settle(ctx, caller.tenant, outcome.position).await;
                let mut snapshot = snapshot(ctx, None).await?;
                let occasion = evidence::occasion(&mut snapshot, id).await.map_err(query_fault)?.map(Occasion);
                Ok(RecordOccasionPayload { occasion, position: Some(Position(outcome.position)), user_errors: vec![] })
            }
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Removes an occasion that was recorded by mistake.
    async fn remove_occasion(
        &self,
        ctx: &Context<'_>,
        input: RemoveOccasionInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RemoveOccasionPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let Some(id) = ids::of::<OccasionId>(Kind::Occasion, &input.occasion_id) else {
            return Ok(UserError::not_found("occasion", &["input", "occasionId"]).into());
        };
        match commands(ctx).remove_occasion(&caller, id).await {
            Ok(outcome) => {
                settle(ctx, caller.tenant, outcome.position).await;
                Ok(RemoveOccasionPayload { position: Some(Position(outcome.position)), user_errors: vec![] })
            }
            Err(error) => Ok(refused(error)?.into()),
        }
    }

    /// Records the public holidays of a country, so that explanations and simulations know them. Those on record already,
    /// and those that were removed, stay as they are.
    async fn record_holidays(
        &self,
        ctx: &Context<'_>,
        input: RecordHolidaysInput,
        #[graphql(desc = "Repeats of this request with the same key are done once.")] idempotency_key: Option<String>,
    ) -> Result<RecordHolidaysPayload, Fault> {
        let caller = caller(ctx, &input, idempotency_key)?;
        let RecordHolidaysInput { country, first_year, last_year } = input;
        match commands(ctx).record_holidays(&caller, country.into(), first_year, last_year).await {
            Ok((recorded, position)) => {
                settle(ctx, caller.tenant, position).await;
                let mut snapshot = snapshot(ctx, None).await?;
                let mut occasions = Vec::with_capacity(recorded.len());
                for id in recorded {
                    occasions.extend(evidence::occasion(&mut snapshot, id).await.map_err(query_fault)?.map(Occasion));
                }
                Ok(RecordHolidaysPayload { occasions, position: Some(Position(position)), user_errors: vec![] })
            }
            Err(error) => Ok(refused(error)?.into()),
        }
    }
}
