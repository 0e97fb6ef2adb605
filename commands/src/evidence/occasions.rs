use std::ops::RangeInclusive;

use dyocense_domain::evidence::{self, EvidenceRefusal, Occasion, OccasionEvent, OccasionKind, OccasionRecorded};
use dyocense_domain::ids::OccasionId;
use dyocense_domain::text;
use dyocense_eventlog::{Position, TenantId};
use dyocense_forecasting::holidays::{self, Country};
use jiff::civil::Date;
use uuid::Uuid;

use super::{READ_MODELS_WAIT, step};
use crate::caller::Caller;
use crate::derived;
use crate::error::CommandError;
use crate::execute::{Commands, Outcome};
use crate::ports::KnownOccasion;

/// Occasions of one business.
const MOST: usize = 2_000;
const LONGEST_NAME: usize = 100;

/// Years whose holidays can be recorded.
const YEARS: RangeInclusive<i16> = 1990..=2100;
const MOST_YEARS: i16 = 31;

/// The same holiday of the same year is the same occasion, however often it is recorded.
fn holiday_id(tenant: TenantId, country: Country, day: Date, name: &str) -> OccasionId {
    let day = day.to_string();
    let words = [country.code(), " ", &day, " ", name].map(str::as_bytes);
    OccasionId::from(derived::id("holiday", tenant, words))
}

impl Commands {
    /// Records days on which something known happened or will.
    pub async fn record_occasion(
        &self,
        caller: &Caller,
        kind: OccasionKind,
        name: &str,
        first: Date,
        last: Date,
    ) -> Result<(OccasionId, Outcome<OccasionEvent>), CommandError<EvidenceRefusal>> {
        let refused = CommandError::Refused;
        let by = caller.actor.user_id().ok_or(refused(EvidenceRefusal::NotAPerson))?;
        let name = text::line("name", name, LONGEST_NAME).map_err(|error| refused(error.into()))?;
        let head = self.log.head(caller.tenant).await?;
        self.reads.wait_for(caller.tenant, head, READ_MODELS_WAIT).await?;
        let kept = self.reads.occasions(caller.tenant).await?.len();
        if kept >= MOST {
            return Err(refused(EvidenceRefusal::TooMany { kept, bound: MOST }));
        }
        let occasion_id = OccasionId::from(Uuid::now_v7());
        let fact = OccasionRecorded { occasion_id, kind, name, first, last, recorded_by: by };
        let outcome = self
            .execute::<Occasion, EvidenceRefusal>(caller, occasion_id.stream(), "RecordOccasion", |occasion| {
                evidence::record(occasion, fact.clone())
            })
            .await?;
        let recorded = outcome.events.iter().find_map(|event| match event {
            OccasionEvent::OccasionRecorded(fact) => Some(fact.occasion_id),
            OccasionEvent::OccasionRemoved(_) => None,
        });
        Ok((recorded.unwrap_or(occasion_id), outcome))
    }

    /// Records the public holidays of a country as occasions. Those on record already, and those that were removed, stay
    /// as they are. The new ones, and the position they reached.
    pub async fn record_holidays(
        &self,
        caller: &Caller,
        country: Country,
        first_year: i16,
        last_year: i16,
    ) -> Result<(Vec<OccasionId>, Position), CommandError<EvidenceRefusal>> {
        let refused = CommandError::Refused;
        let by = caller.actor.user_id().ok_or(refused(EvidenceRefusal::NotAPerson))?;
        let in_order = first_year <= last_year && i32::from(last_year) - i32::from(first_year) < i32::from(MOST_YEARS);
        if !(in_order && YEARS.contains(&first_year) && YEARS.contains(&last_year)) {
            return Err(refused(EvidenceRefusal::Years { first_year, last_year, most: MOST_YEARS }));
        }
        let mut position = self.log.head(caller.tenant).await?;
        self.reads.wait_for(caller.tenant, position, READ_MODELS_WAIT).await?;
        let known = self.reads.occasions(caller.tenant).await?;
        let holidays = (first_year..=last_year).flat_map(|year| holidays::of_year(country, year));
        let missing: Vec<(Date, String)> = holidays
            .filter(|(day, name)| {
                let on_record = |of: &KnownOccasion| {
                    of.kind == OccasionKind::Holiday && of.name == *name && of.first <= *day && *day <= of.last
                };
                !known.iter().any(on_record)
            })
            .collect();
        if known.len() + missing.len() > MOST {
            return Err(refused(EvidenceRefusal::TooMany { kept: known.len() + missing.len(), bound: MOST }));
        }
        let mut recorded = Vec::new();
        for (i, (day, name)) in missing.into_iter().enumerate() {
            let occasion_id = holiday_id(caller.tenant, country, day, &name);
            let fact = OccasionRecorded {
                occasion_id,
                kind: OccasionKind::Holiday,
                name,
                first: day,
                last: day,
                recorded_by: by,
            };
            let outcome = self
                .execute::<Occasion, EvidenceRefusal>(
                    &step(caller, &format!("holiday {i}")),
                    occasion_id.stream(),
                    "RecordHolidays",
                    |occasion| evidence::record(occasion, fact.clone()),
                )
                .await?;
            if !outcome.events.is_empty() {
                recorded.push(occasion_id);
            }
            position = position.max(outcome.position);
        }
        Ok((recorded, position))
    }

    /// The occasion was recorded by mistake, or will not be.
    pub async fn remove_occasion(
        &self,
        caller: &Caller,
        id: OccasionId,
    ) -> Result<Outcome<OccasionEvent>, CommandError<EvidenceRefusal>> {
        let by = caller.actor.user_id().ok_or(CommandError::Refused(EvidenceRefusal::NotAPerson))?;
        self.execute::<Occasion, EvidenceRefusal>(caller, id.stream(), "RemoveOccasion", |occasion| {
            evidence::remove(occasion, by)
        })
        .await
    }
}
