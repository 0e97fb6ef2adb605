//! Random histories of a business, and what they add up to by the plainest fold there is.

// Facts of a test are made, folded once and thrown away: their size and the shape of their rows matter to no caller.
#![allow(clippy::large_enum_variant, clippy::type_complexity)]

use std::collections::{BTreeMap, BTreeSet};

use dyocense_domain::Personal;
use dyocense_domain::connectors::{ColumnMapping, CsvFormat, DateFormat};
use dyocense_domain::connectors::{
    ImportCompleted, ImportEvent, ImportStarted, ImportTotals, Transaction, TransactionsImported, When,
};
use dyocense_domain::event::DomainEvent;
use dyocense_domain::goals::{
    Aim, Cadence, Feasibility, FeasibilityBasis, GoalAtRisk, GoalCreated, GoalEvent, GoalPlan, GoalProgressed,
    GoalStatus, Likelihood, Measure, Milestone, MilestoneReached, Objective, Pace, PathShape, ProgressSource,
};
use dyocense_domain::identity::{
    BusinessEvent, BusinessRegistered, BusinessRenamed, Role, RoleChanged, SessionEnd, SessionEnded, SessionEvent,
    SessionStarted, UserJoined, UserRemoved,
};
use dyocense_domain::ids::{CredentialId, GoalId, ImportId, MetricId, MilestoneId, SessionId, UploadId, UserId};
use dyocense_domain::metrics::{
    GoodDirection, MetricDefined, MetricEvent, MetricKind, MetricPointsRecorded, MetricPointsRetracted, MetricSource,
    Point,
};
use dyocense_domain::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rust_decimal::Decimal;
use uuid::Uuid;

/// An event on its way to a stream.
#[derive(Debug, Clone)]
pub struct Written {
    pub stream: String,
    pub fact: Fact,
}

#[derive(Debug, Clone)]
pub enum Fact {
    Business(BusinessEvent),
    Session(SessionEvent),
    Metric(MetricEvent),
    Import(ImportEvent),
    Goal(GoalEvent),
}

impl Fact {
    pub fn to_new(&self) -> dyocense_eventlog::NewEvent {
        let (of, json) = match self {
            Self::Business(event) => (event.event_type(), event.to_json()),
            Self::Session(event) => (event.event_type(), event.to_json()),
            Self::Metric(event) => (event.event_type(), event.to_json()),
            Self::Import(event) => (event.event_type(), event.to_json()),
            Self::Goal(event) => (event.event_type(), event.to_json()),
        };
        dyocense_eventlog::NewEvent::new(of.name, of.schema_version, json)
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub fn plan(title: &str, owner: UserId, metric: Option<MetricId>) -> GoalPlan {
    let unit = "USD".to_owned();
    GoalPlan {
        title: title.to_owned(),
        description: Some(Personal::of(owner, "for the shop".to_owned())),
        owner,
        measure: match metric {
            None => Measure::Manual { unit },
            Some(metric_id) => {
                Measure::Metric { metric_id, aggregation: dyocense_domain::goals::Aggregation::Latest, unit }
            }
        },
        aim: Aim::Up { baseline: Decimal::ZERO, target: Decimal::ONE_HUNDRED },
        objective: Objective::GrowRevenue,
        relevance: None,
        start: date(2026, 1, 1),
        due: date(2026, 12, 31),
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::utc(),
    }
}

pub fn pace(actual: i64, status: GoalStatus) -> Pace {
    Pace {
        day: date(2026, 3, 1),
        status,
        actual: Some(actual.into()),
        expected: Some(Decimal::TEN),
        progress: Decimal::new(actual, 2),
        expected_progress: Decimal::new(10, 2),
        projected: None,
        required_per_day: None,
        path: PathShape::Linear,
        reason: format!("{actual} of 100"),
        forecast: None,
    }
}

pub fn feasibility() -> Feasibility {
    Feasibility {
        likelihood: Likelihood::Unknown,
        windows: 0,
        reached: 0,
        required: None,
        basis: FeasibilityBasis::None,
        typical: None,
        best: None,
        reason: "Too little history.".to_owned(),
    }
}

pub fn transaction(key: &str, customer: Option<&str>, day: Date, cents: i64) -> Transaction {
    Transaction {
        key: key.to_owned(),
        order: None,
        customer: customer.map(str::to_owned),
        product: None,
        day,
        when: When::On(day),
        units: Decimal::new(200, 2),
        amount: Decimal::new(cents, 2),
    }
}

pub fn imported(batch: u32, transactions: Vec<Transaction>) -> ImportEvent {
    TransactionsImported {
        batch,
        last_line: u64::from(batch) * 10,
        bytes_read: u64::from(batch) * 100,
        rows: transactions.len() as u32,
        unchanged: 0,
        corrected: 0,
        rejected: 0,
        totals: ImportTotals { rows: u64::from(batch) * 10, ..ImportTotals::default() },
        transactions,
    }
    .into()
}

pub fn import_started(import_id: ImportId) -> ImportEvent {
    ImportStarted {
        import_id,
        upload_id: UploadId::from(Uuid::now_v7()),
        file_name: "sales.csv".to_owned(),
        bytes: 1_000,
        file_sha256: "00".repeat(32),
        format: CsvFormat {
            delimiter: ',',
            encoding: "utf-8".to_owned(),
            decimal_separator: '.',
            date_format: DateFormat::YearMonthDay,
            header: true,
        },
        mapping: ColumnMapping {
            date: 0,
            amount: 1,
            units: None,
            customer: None,
            order: None,
            product: None,
            currency: None,
        },
        currency: "USD".to_owned(),
        corrects: None,
    }
    .into()
}

pub fn defined(metric_id: MetricId, key: &str, source: MetricSource) -> MetricEvent {
    MetricDefined {
        metric_id,
        key: key.to_owned(),
        name: key.to_owned(),
        unit: "USD".to_owned(),
        kind: MetricKind::Flow,
        currency: None,
        time_zone: TimeZoneName::utc(),
        good_direction: GoodDirection::Up,
        source,
        description: String::new(),
    }
    .into()
}

/// What a history adds up to.
#[derive(Debug, Default, PartialEq)]
pub struct Sum {
    pub business: Option<String>,
    /// Role of everyone with access.
    pub users: BTreeMap<UserId, String>,
    pub open_sessions: BTreeSet<SessionId>,
    pub points: BTreeMap<MetricId, BTreeMap<Timestamp, Decimal>>,
    pub transactions: BTreeMap<String, (Option<String>, Option<String>, Date, Decimal, Decimal)>,
    /// Per day: transactions, orders, units, revenue, customers, new customers.
    pub days: BTreeMap<Date, (i64, i64, Decimal, Decimal, i64, i64)>,
    pub goals: BTreeMap<GoalId, (String, GoalStatus, usize, usize)>,
}

/// Folds a history the plain way.
pub fn sum(history: &[Written]) -> Sum {
    let mut sum = Sum::default();
    for Written { stream, fact } in history {
        let id = || stream.split_once('-').unwrap().1.parse::<Uuid>().unwrap();
        match fact {
            Fact::Business(BusinessEvent::BusinessRegistered(fact)) => sum.business = Some(fact.name.clone()),
            Fact::Business(BusinessEvent::BusinessRenamed(fact)) => sum.business = Some(fact.name.clone()),
            Fact::Business(BusinessEvent::UserJoined(fact)) => {
                sum.users.insert(fact.user_id, format!("{:?}", fact.role));
            }
            Fact::Business(BusinessEvent::RoleChanged(fact)) => {
                sum.users.insert(fact.user_id, format!("{:?}", fact.to));
            }
            Fact::Business(BusinessEvent::UserRemoved(fact)) => drop(sum.users.remove(&fact.user_id)),
            Fact::Session(SessionEvent::SessionStarted(fact)) => drop(sum.open_sessions.insert(fact.session_id)),
            Fact::Session(SessionEvent::SessionEnded(fact)) => drop(sum.open_sessions.remove(&fact.session_id)),
            Fact::Metric(MetricEvent::MetricPointsRecorded(fact)) => {
                let points = sum.points.entry(id().into()).or_default();
                points.extend(fact.points.iter().map(|point| (point.at, point.value)));
            }
            Fact::Metric(MetricEvent::MetricPointsRetracted(fact)) => {
                let points = sum.points.entry(id().into()).or_default();
                fact.at.iter().for_each(|at| {
                    points.remove(at);
                });
            }
            Fact::Import(ImportEvent::TransactionsImported(fact)) => {
                for t in &fact.transactions {
                    let row = (t.order.clone(), t.customer.clone(), t.day, t.units, t.amount);
                    sum.transactions.insert(t.key.clone(), row);
                }
            }
            Fact::Goal(GoalEvent::GoalCreated(fact)) => {
                let row = (fact.plan.title.clone(), GoalStatus::OnTrack, 0, 0);
                sum.goals.insert(fact.goal_id, row);
            }
            Fact::Goal(GoalEvent::GoalProgressed(_)) => sum.goals.get_mut(&id().into()).unwrap().2 += 1,
            Fact::Goal(GoalEvent::GoalAtRisk(_)) => {
                sum.goals.get_mut(&id().into()).unwrap().1 = GoalStatus::AtRisk;
            }
            Fact::Goal(GoalEvent::MilestoneReached(_)) => sum.goals.get_mut(&id().into()).unwrap().3 += 1,
            _ => {}
        }
    }
    let mut first_of_customer: BTreeMap<&String, Date> = BTreeMap::new();
    let mut first_of_order: BTreeMap<&String, Date> = BTreeMap::new();
    let mut buyers: BTreeMap<Date, BTreeSet<&String>> = BTreeMap::new();
    for (order, customer, day, units, amount) in sum.transactions.values() {
        let row = sum.days.entry(*day).or_default();
        row.0 += 1;
        row.2 += units;
        row.3 += amount;
        match order {
            None => row.1 += 1,
            Some(order) => {
                let first = first_of_order.entry(order).or_insert(*day);
                *first = (*first).min(*day);
            }
        }
        if let Some(customer) = customer {
            buyers.entry(*day).or_default().insert(customer);
            let first = first_of_customer.entry(customer).or_insert(*day);
            *first = (*first).min(*day);
        }
    }
    for day in first_of_order.values() {
        sum.days.get_mut(day).unwrap().1 += 1;
    }
    for (day, buyers) in buyers {
        sum.days.get_mut(&day).unwrap().4 = buyers.len() as i64;
    }
    for day in first_of_customer.values() {
        sum.days.get_mut(day).unwrap().5 += 1;
    }
    sum.points.retain(|_, points| !points.is_empty());
    sum
}

/// A history of `length` events and a few more, the same for the same seed.
pub fn random(seed: u64, length: usize) -> Vec<Written> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut history = vec![write(
        "business",
        Fact::Business(
            BusinessRegistered { name: "Shop".to_owned(), time_zone: TimeZoneName::utc(), currency: "USD".to_owned() }
                .into(),
        ),
    )];
    let id = |rng: &mut StdRng| Uuid::from_u128(rng.random());
    let metrics: Vec<MetricId> = (0..3).map(|_| id(&mut rng).into()).collect();
    for (i, metric) in metrics.iter().enumerate() {
        let event = defined(*metric, &format!("metric_{i}"), MetricSource::Recorded);
        history.push(write(&metric.stream(), Fact::Metric(event)));
    }
    let import: ImportId = id(&mut rng).into();
    history.push(write(&import.stream(), Fact::Import(import_started(import))));
    let (mut users, mut sessions, mut goals): (Vec<UserId>, Vec<SessionId>, Vec<(GoalId, Vec<MilestoneId>)>) =
        Default::default();
    let mut batch = 0;
    while history.len() < length {
        match rng.random_range(0..12) {
            0 => {
                let user: UserId = id(&mut rng).into();
                users.push(user);
                let joined = UserJoined {
                    user_id: user,
                    email: Personal::of(user, format!("{user}@example.com")),
                    name: Personal::of(user, "Ada".to_owned()),
                    role: Role::Member,
                    credential_id: CredentialId::from(id(&mut rng)),
                };
                history.push(write("business", Fact::Business(joined.into())));
            }
            1 if !users.is_empty() => {
                let user_id = users[rng.random_range(0..users.len())];
                let event: BusinessEvent = match rng.random_range(0..3) {
                    0 => BusinessRenamed { name: format!("Shop {}", rng.random_range(0..9)) }.into(),
                    1 => RoleChanged { user_id, from: Role::Member, to: Role::Auditor, changed_by: user_id }.into(),
                    _ => {
                        users.retain(|known| *known != user_id);
                        UserRemoved { user_id, removed_by: user_id }.into()
                    }
                };
                history.push(write("business", Fact::Business(event)));
            }
            2 if !users.is_empty() => {
                let (session_id, user_id) = (SessionId::from(id(&mut rng)), users[0]);
                sessions.push(session_id);
                let started = SessionStarted {
                    session_id,
                    user_id,
                    client: Personal::of(user_id, "browser".to_owned()),
                    expires_at: at(1_000_000_000),
                };
                history.push(write(&session_id.stream(), Fact::Session(started.into())));
            }
            3 if !sessions.is_empty() && !users.is_empty() => {
                let session_id = sessions.swap_remove(rng.random_range(0..sessions.len()));
                let ended = SessionEnded { session_id, user_id: users[0], reason: SessionEnd::LoggedOut };
                history.push(write(&session_id.stream(), Fact::Session(ended.into())));
            }
            4..=6 => {
                let metric = metrics[rng.random_range(0..metrics.len())];
                let from = rng.random_range(0..400);
                let points = (from..from + rng.random_range(1..40))
                    .map(|i| Point { at: at(i * 3_600), value: Decimal::new(rng.random_range(0..10_000), 2) })
                    .collect();
                let event = MetricPointsRecorded { points, corrected: 0, late: 0, import_id: None };
                history.push(write(&metric.stream(), Fact::Metric(event.into())));
            }
            7 => {
                let metric = metrics[rng.random_range(0..metrics.len())];
                let from = rng.random_range(0..400);
                let instants = (from..from + rng.random_range(1..60)).map(|i| at(i * 3_600)).collect();
                let event = MetricPointsRetracted { at: instants };
                history.push(write(&metric.stream(), Fact::Metric(event.into())));
            }
            8 | 9 => {
                let transactions: Vec<Transaction> = (0..rng.random_range(1..20))
                    .map(|_| {
                        let day =
                            date(2026, 1, 1).checked_add(jiff::Span::new().days(rng.random_range(0..20_i64))).unwrap();
                        let customer = format!("c{}", rng.random_range(0..12));
                        let mut t = transaction(
                            &format!("t{}", rng.random_range(0..150)),
                            rng.random_bool(0.9).then_some(customer.as_str()),
                            day,
                            rng.random_range(-1_000..10_000),
                        );
                        t.order = rng.random_bool(0.5).then(|| format!("o{}", rng.random_range(0..40)));
                        t
                    })
                    .collect();
                // A batch names a transaction once.
                let mut seen = BTreeSet::new();
                let transactions = transactions.into_iter().filter(|t| seen.insert(t.key.clone())).collect();
                batch += 1;
                history.push(write(&import.stream(), Fact::Import(imported(batch, transactions))));
            }
            10 if !users.is_empty() => {
                let goal_id: GoalId = id(&mut rng).into();
                let milestones: Vec<Milestone> = (0..rng.random_range(0..3))
                    .map(|i| Milestone {
                        milestone_id: id(&mut rng).into(),
                        title: format!("stop {i}"),
                        value: Decimal::from(i * 10),
                        due: None,
                    })
                    .collect();
                goals.push((goal_id, milestones.iter().map(|m| m.milestone_id).collect()));
                let created = GoalCreated {
                    goal_id,
                    plan: plan(&format!("goal {}", goals.len()), users[0], Some(metrics[0])),
                    milestones,
                    feasibility: feasibility(),
                    acknowledgement: None,
                    created_by: users[0],
                };
                history.push(write(&goal_id.stream(), Fact::Goal(created.into())));
            }
            11 if !goals.is_empty() => {
                let which = rng.random_range(0..goals.len());
                let (goal, milestones) = &mut goals[which];
                let event: GoalEvent = match (rng.random_range(0..3), milestones.pop()) {
                    (0, Some(milestone_id)) => MilestoneReached {
                        milestone_id,
                        title: "stop".to_owned(),
                        value: Decimal::TEN,
                        on: date(2026, 2, 2),
                        actual: Decimal::TEN,
                    }
                    .into(),
                    (1, _) => GoalAtRisk { pace: pace(3, GoalStatus::AtRisk) }.into(),
                    _ => GoalProgressed {
                        source: ProgressSource::Metric,
                        pace: pace(rng.random_range(0..100), GoalStatus::OnTrack),
                    }
                    .into(),
                };
                history.push(write(&goal.stream(), Fact::Goal(event)));
            }
            _ => {}
        }
    }
    history.push(write(&import.stream(), Fact::Import(ImportCompleted { totals: ImportTotals::default() }.into())));
    history
}

fn write(stream: &str, fact: Fact) -> Written {
    Written { stream: stream.to_owned(), fact }
}
