use dyocense_domain::identity::Business;
use dyocense_domain::ids::BUSINESS_STREAM;
use dyocense_domain::metrics::{self, GoodDirection, Metric, MetricKind, MetricRefusal, MetricSource, NewMetric};
use dyocense_eventlog::Position;

use super::metric_id;
use crate::caller::{Actor, Caller};
use crate::error::{CommandError, Fault};
use crate::execute::{Commands, stream_id};

/// The metrics that follow from imported sales: key, name, unit (empty: the business's currency), kind, what it is.
const SALES_METRICS: [(&str, &str, &str, MetricKind, &str); 7] = [
    ("revenue", "Revenue", "", MetricKind::Flow, "The sum of all sales of a day, refunds taken off."),
    ("orders", "Orders", "orders", MetricKind::Flow, "How many orders were placed on a day."),
    ("units", "Units sold", "units", MetricKind::Flow, "How many units were sold on a day."),
    ("customers", "Customers", "customers", MetricKind::Flow, "How many different customers bought on a day."),
    ("new_customers", "New customers", "customers", MetricKind::Flow, "How many customers bought for the first time."),
    (
        "returning_rate",
        "Returning customers",
        "%",
        MetricKind::Level,
        "The share of a day's customers who had bought on an earlier day.",
    ),
    ("average_order_value", "Average order value", "", MetricKind::Level, "Revenue of a day by its orders."),
];

/// Their keys: all of them change with every import.
pub(crate) const SALES_KEYS: [&str; 7] =
    ["revenue", "orders", "units", "customers", "new_customers", "returning_rate", "average_order_value"];

impl Commands {
    /// Defines the metrics that follow from sales; what is defined already stays as it is.
    pub(crate) async fn define_sales_metrics(&self, caller: &Caller) -> Result<Position, Fault> {
        let caller = Caller { actor: Actor::System("sales metrics"), idempotency: None, ..caller.clone() };
        let business = self.load::<Business>(caller.tenant, &stream_id(BUSINESS_STREAM.to_owned())?).await?.state;
        let profile = business.profile.ok_or_else(|| Fault::internal("a tenant without a business"))?;
        let mut reached = Position::START;
        for (key, name, unit, kind, description) in SALES_METRICS {
            let money = unit.is_empty();
            let new = NewMetric {
                metric_id: metric_id(caller.tenant, key),
                key: key.to_owned(),
                name: name.to_owned(),
                unit: if money { profile.currency.clone() } else { unit.to_owned() },
                kind,
                currency: money.then(|| profile.currency.clone()),
                time_zone: profile.time_zone.to_string(),
                good_direction: GoodDirection::Up,
                source: MetricSource::Derived,
                description: description.to_owned(),
            };
            let outcome = self
                .execute::<Metric, MetricRefusal>(&caller, new.metric_id.stream(), "DefineMetric", |metric| {
                    if metric.defined.is_some() { Ok(vec![]) } else { metrics::define(metric, new.clone()) }
                })
                .await;
            match outcome {
                Ok(outcome) => reached = reached.max(outcome.position),
                Err(CommandError::Refused(refusal)) => return Err(Fault::internal(refusal)),
                Err(CommandError::Fault(fault)) => return Err(fault),
            }
        }
        Ok(reached)
    }
}
