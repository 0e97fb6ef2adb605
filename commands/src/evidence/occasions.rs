use dyocense_domain::evidence::{self, EvidenceRefusal, Occasion, OccasionEvent, OccasionKind, OccasionRecorded};
use dyocense_domain::ids::OccasionId;
use dyocense_domain::text;
use jiff::civil::Date;
use uuid::Uuid;

use super::READ_MODELS_WAIT;
use crate::caller::Caller;
use crate::error::CommandError;
use crate::execute::{Commands, Outcome};

/// Occasions of one business.
const MOST: usize = 2_000;
const LONGEST_NAME: usize = 100;

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
