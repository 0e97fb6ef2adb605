//! The history of a made-up shop, the same for every tenant but for its ids.

use dyocense_domain::Personal;
use dyocense_domain::connectors::{
    ColumnMapping, CsvFormat, DateFormat, ImportCompleted, ImportEvent, ImportStarted, ImportTotals, Transaction,
    TransactionsImported, When,
};
use dyocense_domain::event::DomainEvent;
use dyocense_domain::goals::{
    Aggregation, Aim, Cadence, Feasibility, FeasibilityBasis, GoalAtRisk, GoalBackOnTrack, GoalCreated, GoalEvent,
    GoalPlan, GoalProgressed, GoalStatus, Likelihood, Measure, Milestone, MilestoneReached, Objective, Pace, PathShape,
    ProgressSource,
};
use dyocense_domain::identity::{
    BusinessEvent, BusinessRegistered, Role, SessionEnd, SessionEnded, SessionEvent, SessionStarted, UserJoined,
};
use dyocense_domain::ids::{
    BUSINESS_STREAM, CredentialId, GoalId, ImportId, MetricId, MilestoneId, SessionId, UploadId, UserId,
};
use dyocense_domain::metrics::{
    GoodDirection, MetricDefined, MetricEvent, MetricKind, MetricPointsRecorded, MetricSource, Point,
};
use dyocense_domain::time_zone::TimeZoneName;
use dyocense_eventlog::{EventLog, ExpectedVersion, Metadata, NewEvent, StreamAppend, StreamId, TenantId};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Keys of the metrics whose points are recorded.
pub const RECORDED: [&str; 5] = ["visits", "signups", "stock", "open_tickets", "ad_spend"];
const DERIVED: [&str; 7] =
    ["revenue", "orders", "units", "customers", "new_customers", "returning_rate", "average_order_value"];
const USERS: u32 = 3;
const GOALS: u32 = 4;
const BATCH: u32 = 10;
/// Each tenth recording brings a day of hourly points.
const DAY_EVERY: u32 = 10;
const POINTS_OF_A_DAY: u32 = 24;
/// Events of one command while filling.
const COMMAND: usize = 100;

/// How many events of each kind a history of this length has.
struct Counts {
    logins: u32,
    imports: u32,
    progress: u32,
    recordings: u32,
}

fn counts(events: u32) -> Counts {
    let (logins, imports, progress) = (events * 3 / 100, events * 2 / 100, events / 10);
    let fixed = 1 + USERS + (DERIVED.len() + RECORDED.len()) as u32 + 2 + GOALS * 4;
    Counts { logins, imports, progress, recordings: events - fixed - 2 * logins - imports - progress }
}

/// The kinds of events and how many there are of each.
pub fn mix(events: u32) -> Vec<(&'static str, u32)> {
    let Counts { logins, imports, progress, recordings } = counts(events);
    vec![
        ("recordings of one point of a metric", recordings - recordings / DAY_EVERY),
        ("recordings of 24 points of a metric", recordings / DAY_EVERY),
        ("readings of goals", progress),
        ("logins, and as many ends of sessions", 2 * logins),
        ("batches of 10 imported transactions", imports),
        ("definitions, people, goals, milestones, alerts", events - recordings - progress - 2 * logins - imports),
    ]
}

/// What the read models of a shop must say.
pub struct Expected {
    pub transactions: i64,
    pub points: u64,
}

pub fn expected(events: u32) -> Expected {
    let Counts { imports, recordings, .. } = counts(events);
    let days = recordings / DAY_EVERY;
    Expected { transactions: i64::from(imports * BATCH), points: u64::from(recordings - days + days * POINTS_OF_A_DAY) }
}

/// Writes a tenant's history through the log's append.
pub async fn fill(log: &EventLog, tenant: TenantId, events: u32) -> anyhow::Result<()> {
    let history = history(events);
    for command in history.chunks(COMMAND) {
        let mut streams: Vec<StreamAppend> = Vec::new();
        for (stream, event) in command {
            match streams.iter_mut().find(|known| known.stream.as_str() == stream) {
                Some(known) => known.events.push(event.clone()),
                None => streams.push(StreamAppend {
                    stream: StreamId::new(stream.clone())?,
                    expected: ExpectedVersion::Any,
                    events: vec![event.clone()],
                }),
            }
        }
        let metadata = Metadata {
            actor: "system:bench".to_owned(),
            at: Timestamp::now(),
            correlation: Uuid::now_v7(),
            causation: None,
            command: "Fill".to_owned(),
        };
        log.append_all(tenant, streams, metadata, None).await?;
    }
    Ok(())
}

fn new<E: DomainEvent>(event: E) -> NewEvent {
    let of = event.event_type();
    NewEvent::new(of.name, of.schema_version, event.to_json())
}

fn history(events: u32) -> Vec<(String, NewEvent)> {
    let Counts { logins, imports, progress, recordings } = counts(events);
    let mut history: Vec<(String, NewEvent)> = Vec::with_capacity(events as usize);
    let mut business = |event: BusinessEvent| history.push((BUSINESS_STREAM.to_owned(), new(event)));
    let users: Vec<UserId> = (0..USERS).map(|_| Uuid::now_v7().into()).collect();
    business(
        BusinessRegistered { name: "Corner shop".into(), time_zone: TimeZoneName::utc(), currency: "USD".into() }
            .into(),
    );
    for (i, user_id) in users.iter().enumerate() {
        business(
            UserJoined {
                user_id: *user_id,
                email: Personal::of(*user_id, format!("person{i}@example.com")),
                name: Personal::of(*user_id, format!("Person {i}")),
                role: if i == 0 { Role::Owner } else { Role::Member },
                credential_id: CredentialId::from(Uuid::now_v7()),
            }
            .into(),
        );
    }
    let derived = DERIVED.iter().map(|key| (*key, MetricSource::Derived));
    let recorded = RECORDED.iter().map(|key| (*key, MetricSource::Recorded));
    let mut metrics: Vec<MetricId> = Vec::new();
    for (key, source) in derived.chain(recorded) {
        let metric_id = MetricId::from(Uuid::now_v7());
        history.push((metric_id.stream(), new::<MetricEvent>(defined(metric_id, key, source).into())));
        if source == MetricSource::Recorded {
            metrics.push(metric_id);
        }
    }
    let mut goals: Vec<GoalId> = Vec::new();
    for i in 0..GOALS {
        let goal_id = GoalId::from(Uuid::now_v7());
        let milestone_id = MilestoneId::from(Uuid::now_v7());
        let owner = users[(i % USERS) as usize];
        goals.push(goal_id);
        let created = GoalCreated {
            goal_id,
            plan: plan(owner, metrics[i as usize]),
            milestones: vec![Milestone {
                milestone_id,
                title: "Half way".into(),
                value: Decimal::from(500),
                due: None,
            }],
            feasibility: feasibility(),
            acknowledgement: None,
            created_by: owner,
        };
        let reached = MilestoneReached {
            milestone_id,
            title: "Half way".into(),
            value: Decimal::from(500),
            on: date(2026, 6, 1),
            actual: Decimal::from(510),
        };
        let alerts: [GoalEvent; 4] = [
            created.into(),
            GoalAtRisk { pace: pace(1, GoalStatus::AtRisk) }.into(),
            GoalBackOnTrack { pace: pace(2, GoalStatus::OnTrack) }.into(),
            reached.into(),
        ];
        history.extend(alerts.map(|event| (goal_id.stream(), new(event))));
    }
    let import_id = ImportId::from(Uuid::now_v7());
    let mut import = |event: ImportEvent| history.push((import_id.stream(), new(event)));
    import(started(import_id).into());
    for batch in 0..imports {
        import(imported(batch).into());
    }
    import(ImportCompleted { totals: ImportTotals::default() }.into());

    // What goes on from day to day is mixed, as it is in a log.
    let mut last_points: Vec<i64> = metrics.iter().map(|_| 1_767_225_600).collect();
    let daily = recordings + progress + logins;
    let (mut recorded, mut progressed, mut logged_in) = (0, 0, 0);
    for i in 0..daily {
        let due = |count: u32| (u64::from(i + 1) * u64::from(count) / u64::from(daily)) as u32;
        if progressed < due(progress) {
            let goal = goals[(progressed % GOALS) as usize];
            let event = GoalProgressed { source: ProgressSource::Metric, pace: pace(progressed, GoalStatus::OnTrack) };
            history.push((goal.stream(), new::<GoalEvent>(event.into())));
            progressed += 1;
        } else if logged_in < due(logins) || (recorded == recordings && logged_in < logins) {
            let user_id = users[(logged_in % USERS) as usize];
            let session_id = SessionId::from(Uuid::now_v7());
            let events: [SessionEvent; 2] = [
                SessionStarted {
                    session_id,
                    user_id,
                    client: Personal::of(user_id, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140".to_owned()),
                    expires_at: second(1_800_000_000),
                }
                .into(),
                SessionEnded { session_id, user_id, reason: SessionEnd::LoggedOut }.into(),
            ];
            history.extend(events.map(|event| (session_id.stream(), new(event))));
            logged_in += 1;
        } else {
            let which = (recorded % RECORDED.len() as u32) as usize;
            recorded += 1;
            let count = if recorded % DAY_EVERY == 0 { POINTS_OF_A_DAY } else { 1 };
            let points = (0..count).map(|_| {
                last_points[which] += 3_600;
                Point { at: second(last_points[which]), value: Decimal::new(last_points[which] % 100_003, 2) }
            });
            let event = MetricPointsRecorded { points: points.collect(), corrected: 0, late: 0, import_id: None };
            history.push((metrics[which].stream(), new::<MetricEvent>(event.into())));
        }
    }
    debug_assert_eq!(history.len(), events as usize);
    history
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("within jiff's range")
}

fn day(number: u32) -> Date {
    date(2026, 1, 1).checked_add(jiff::Span::new().days(i64::from(number))).expect("within jiff's range")
}

fn defined(metric_id: MetricId, key: &str, source: MetricSource) -> MetricDefined {
    MetricDefined {
        metric_id,
        key: key.to_owned(),
        name: key.replace('_', " "),
        unit: "items".into(),
        kind: MetricKind::Flow,
        currency: None,
        time_zone: TimeZoneName::utc(),
        good_direction: GoodDirection::Up,
        source,
        description: "What the shop follows.".into(),
    }
}

fn plan(owner: UserId, metric_id: MetricId) -> GoalPlan {
    GoalPlan {
        title: "More visits by the end of the year".into(),
        description: Some(Personal::of(owner, "So that the new branch pays.".to_owned())),
        owner,
        measure: Measure::Metric { metric_id, aggregation: Aggregation::Total, unit: "visits".into() },
        aim: Aim::Up { baseline: Decimal::ZERO, target: Decimal::from(1_000) },
        objective: Objective::WinCustomers,
        relevance: None,
        start: date(2026, 1, 1),
        due: date(2026, 12, 31),
        cadence: Cadence::Weekly,
        time_zone: TimeZoneName::utc(),
    }
}

fn feasibility() -> Feasibility {
    Feasibility {
        likelihood: Likelihood::Ambitious,
        windows: 12,
        reached: 3,
        required: Some(Decimal::from(1_000)),
        basis: FeasibilityBasis::Total,
        typical: Some(Decimal::from(800)),
        best: Some(Decimal::from(1_200)),
        reason: "3 of 12 years like it reached 1,000; the middle one reached 800.".into(),
    }
}

fn pace(number: u32, status: GoalStatus) -> Pace {
    let actual = Decimal::from(number * 4);
    Pace {
        day: day(number),
        status,
        actual: Some(actual),
        expected: Some(Decimal::from(number * 5)),
        progress: actual / Decimal::from(1_000),
        expected_progress: Decimal::new(i64::from(number * 5), 3),
        projected: Some(Decimal::from(970)),
        required_per_day: Some(Decimal::new(325, 2)),
        path: PathShape::Weekday,
        reason: format!("{actual} visits are 80 % of the {} expected by now.", number * 5),
        forecast: None,
    }
}

fn started(import_id: ImportId) -> ImportStarted {
    ImportStarted {
        import_id,
        upload_id: UploadId::from(Uuid::now_v7()),
        file_name: "sales.csv".into(),
        bytes: 100_000,
        file_sha256: "5f".repeat(32),
        format: CsvFormat {
            delimiter: ';',
            encoding: "utf-8".into(),
            decimal_separator: ',',
            date_format: DateFormat::DayMonthYear,
            header: true,
        },
        mapping: ColumnMapping {
            date: 0,
            amount: 3,
            units: Some(2),
            customer: Some(1),
            order: None,
            product: None,
            currency: None,
        },
        currency: "USD".into(),
        corrects: None,
    }
}

fn imported(batch: u32) -> TransactionsImported {
    let transactions = (0..BATCH).map(|i| {
        let number = batch * BATCH + i;
        Transaction {
            key: format!("row:{:016x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            order: None,
            customer: Some(format!("customer-{:05}", number % 70)),
            product: None,
            day: day(number / 2),
            when: When::On(day(number / 2)),
            units: Decimal::from(number % 5 + 1),
            amount: Decimal::new(i64::from(number * 37 % 9_000) + 500, 2),
        }
    });
    TransactionsImported {
        batch,
        transactions: transactions.collect(),
        last_line: u64::from(batch + 1) * u64::from(BATCH),
        bytes_read: u64::from(batch + 1) * 500,
        rows: BATCH,
        unchanged: 0,
        corrected: 0,
        rejected: 0,
        totals: ImportTotals::default(),
    }
}
