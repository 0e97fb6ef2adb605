//! Who may ask for which field: the one table. What has no row is refused, and a test walks the schema and fails where
//! a field has none.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::types::OperationType;
use dyocense_domain::identity::Role;

/// Who may use a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, logged in or not.
    Anyone,
    /// As [`Access::Anyone`], but each use that is well formed counts as an attempt to get in, of which an address has
    /// few a minute.
    Attempt,
    /// Everyone in the business: reading.
    Everyone,
    /// Owners, admins and members: working with data and goals.
    Workers,
    /// Owners and admins: people and keys.
    Managers,
    /// Owners, admins and auditors: what tells of people's doings.
    Watchers,
}

use Access::{Anyone, Attempt, Everyone, Managers, Watchers, Workers};

impl Access {
    pub fn admits(self, role: Option<Role>) -> bool {
        match (self, role) {
            (Anyone | Attempt, _) => true,
            (_, None) => false,
            (Everyone, Some(_)) => true,
            (Workers, Some(role)) => matches!(role, Role::Owner | Role::Admin | Role::Member),
            (Managers, Some(role)) => matches!(role, Role::Owner | Role::Admin),
            (Watchers, Some(role)) => matches!(role, Role::Owner | Role::Admin | Role::Auditor),
        }
    }
}

/// `(type, who, fields)`.
const TABLE: &[(&str, Access, &str)] = &[
    // Getting in.
    ("Query", Anyone, "viewer"),
    ("Mutation", Attempt, "registerBusiness login refreshSession acceptInvitation"),
    ("Mutation", Everyone, "logout changePassword"),
    ("RegisterBusinessPayload", Anyone, "tokens position userErrors"),
    ("LoginPayload", Anyone, "tokens role businesses position userErrors"),
    ("RefreshSessionPayload", Anyone, "tokens userErrors"),
    ("AcceptInvitationPayload", Anyone, "businessId position userErrors"),
    ("SessionTokens", Anyone, "accessToken accessTokenExpiresAt refreshToken sessionExpiresAt"),
    ("BusinessChoice", Anyone, "id name"),
    ("UserError", Anyone, "code message field"),
    ("LogoutPayload", Everyone, "position userErrors"),
    ("ChangePasswordPayload", Everyone, "position userErrors"),
    // Reading.
    ("Query", Everyone, "business users user metrics metric imports import salesTotals goals goal notifications"),
    ("Query", Everyone, "runs run forecastAccuracy insights constraints compareScenarios scenarios"),
    ("Query", Everyone, "occasions causalModels causalModel"),
    ("Query", Everyone, "node nodes"),
    ("Query", Watchers, "auditEvents invitations apiKeys"),
    ("Subscription", Everyone, "goalProgress runProgress tenantEvents"),
    ("Viewer", Anyone, "role user business accessExpiresAt"),
    ("PageInfo", Everyone, "hasNextPage hasPreviousPage startCursor endCursor"),
    ("Node", Everyone, "id"),
    ("Business", Everyone, "id name timeZone currency registeredAt"),
    ("User", Everyone, "id email name role active joinedAt"),
    ("UserConnection", Everyone, "edges pageInfo"),
    ("UserEdge", Everyone, "node cursor"),
    ("Invitation", Watchers, "id email role status invitedAt expiresAt mailedAt mailProblem"),
    ("InvitationConnection", Watchers, "edges pageInfo"),
    ("InvitationEdge", Watchers, "node cursor"),
    ("ApiKey", Watchers, "id name role hint createdAt expiresAt revoked"),
    ("ApiKeyConnection", Watchers, "edges pageInfo"),
    ("ApiKeyEdge", Watchers, "node cursor"),
    ("Metric", Everyone, "id key name unit kind currency timeZone goodDirection source description definedAt"),
    ("Metric", Everyone, "archived firstPoint latestPoint pointCount series"),
    ("MetricConnection", Everyone, "edges pageInfo"),
    ("MetricEdge", Everyone, "node cursor"),
    ("MetricPoint", Everyone, "at value"),
    ("MetricSeries", Everyone, "bucket aggregation points"),
    ("SeriesPoint", Everyone, "start value count"),
    ("Import", Everyone, "id fileName bytes sha256 format mapping currency corrects status progress failure startedBy"),
    ("Import", Everyone, "startedAt finishedAt rows imported unchanged corrected rejected firstDay lastDay units"),
    ("Import", Everyone, "amount rejectedRowsPath rejectedRows"),
    ("ImportConnection", Everyone, "edges pageInfo"),
    ("ImportEdge", Everyone, "node cursor"),
    ("CsvFormat", Everyone, "delimiter encoding decimalSeparator dateFormat header"),
    ("ColumnMapping", Everyone, "date amount units customer order product currency"),
    ("RejectedRow", Everyone, "line reason fields"),
    ("RejectedRowConnection", Everyone, "edges pageInfo"),
    ("RejectedRowEdge", Everyone, "node cursor"),
    ("SalesTotals", Everyone, "transactions orders units revenue customers firstDay lastDay"),
    ("Goal", Everyone, "id title description owner metric aggregation unit aim objective relevance start due cadence"),
    ("Goal", Everyone, "timeZone lifecycle status pace feasibility acknowledgement pauses milestones outcome insight"),
    ("Goal", Everyone, "abandonedBecause createdAt changedAt position readings revisions forecast"),
    ("GoalForecast", Everyone, "runId knownUntil value level lower upper probability"),
    ("GoalConnection", Everyone, "edges pageInfo"),
    ("GoalEdge", Everyone, "node cursor"),
    ("GoalAim", Everyone, "direction baseline target low high share"),
    ("Feasibility", Everyone, "likelihood windows reached required basis typical best reason"),
    (
        "Pace",
        Everyone,
        "day status actual expected progress expectedProgress projected requiredPerDay path reason forecast",
    ),
    ("Insight", Everyone, "summary reached shortfall days pausedDays averagePerDay neededPerDay firstMet course"),
    ("CoursePoint", Everyone, "day actual expected status"),
    ("Milestone", Everyone, "id title value due reachedOn missed"),
    ("GoalPause", Everyone, "from until reason"),
    ("GoalReading", Everyone, "position at recordedDay recordedValue note pace"),
    ("GoalReadingConnection", Everyone, "edges pageInfo"),
    ("GoalReadingEdge", Everyone, "node cursor"),
    ("GoalRevision", Everyone, "position at changed reason titleBefore aimBefore dueBefore"),
    ("GoalRevisionConnection", Everyone, "edges pageInfo"),
    ("GoalRevisionEdge", Everyone, "node cursor"),
    ("GoalProgress", Everyone, "position goal"),
    ("Run", Everyone, "id kind status progress request metric seed requestedBy requestedAt finishedAt elapsedMs"),
    ("Run", Everyone, "stopRequested stoppedEarly summary caveats failure method inputPosition inputSha256 answer"),
    ("Run", Everyone, "forecast backtest anomalies watch whatIf changepoints hierarchy plan acceptedAt acceptedBy"),
    ("Run", Everyone, "position"),
    ("Run", Everyone, "changeExplanation intervention causalGraph scenarioOf changes files followedBy"),
    ("PlanFile", Everyone, "format path fileName"),
    ("PlanFollowing", Everyone, "figure of metric amount goal"),
    ("ScenarioTable", Everyone, "runs objectives terms"),
    ("ScenarioTerm", Everyone, "name amounts changes"),
    ("ForeseenMetric", Everyone, "metric unit bucket forecast points"),
    ("ForeseenPoint", Everyone, "start mean standardDeviation"),
    ("SupposedIntervention", Everyone, "metric run summary points"),
    ("StockTarget", Everyone, "product serviceLevel leadTime leadTimeDemand reorderPoint safetyStock"),
    (
        "ChangeExplanation",
        Everyone,
        "unit first last verdict actual before calendarEffect calendarParts expected change",
    ),
    ("ChangeExplanation", Everyone, "lower upper p causes contributors ruledOut notTestable unexplained"),
    ("ChangeExplanation", Everyone, "unexplainedLower unexplainedUpper source parts"),
    ("SalesParts", Everyone, "ordersBefore orders orderValueBefore orderValue byOrders byOrderValue"),
    ("ChangeFactor", Everyone, "key contribution lower upper share lag effect p q moved stability method words source"),
    ("SeriesSource", Everyone, "metric first last eventPositions"),
    ("CalendarPart", Everyone, "name effect occasions"),
    ("UnjudgedFactor", Everyone, "key reason"),
    ("Intervention", Everyone, "unit factorId points effect standardError p placeboP assumptions warnings held goals"),
    ("GoalOutlook", Everyone, "goal day with without"),
    ("GoalScenario", Everyone, "status reading progress"),
    ("InterventionPoint", Everyone, "day with without lower50 upper50 lower80 upper80 lower95 upper95"),
    ("CausalGraph", Everyone, "nodes edges method days first last warnings"),
    ("Occasion", Everyone, "id kind name first last recordedBy recordedAt"),
    ("CausalModel", Everyone, "id metrics maxLag alpha repeats definedBy definedAt graph learning versions edits"),
    ("CausalVersion", Everyone, "version run because days learntAt"),
    ("CausalEdit", Everyone, "position from to edit reason editedBy editedAt"),
    ("CausalEdge", Everyone, "from to directed lag strength p q stability source reason"),
    ("Constraint", Everyone, "id family says limit savedBy savedAt"),
    ("PlanReport", Everyone, "status objective bound gap plan costs againstToday binding bindingConstraints ranges"),
    (
        "PlanReport",
        Everyone,
        "marginalReturns whyNot solver work replayable nodes problem foreseen supposed stockTargets",
    ),
    ("PlanTerm", Everyone, "name amount"),
    ("PlanDifference", Everyone, "name before after change"),
    ("BindingLimit", Everyone, "says limit unit shadowPrice holdsFrom holdsTo"),
    ("BindingConstraint", Everyone, "says price exact"),
    ("PlanConflict", Everyone, "members verified repairs"),
    ("PlanRepair", Everyone, "says from to unit"),
    ("RunConnection", Everyone, "edges pageInfo"),
    ("RunEdge", Everyone, "node cursor"),
    ("RunProgress", Everyone, "share note incumbent bound gap"),
    ("RunUpdate", Everyone, "position progress run"),
    ("HistorySpan", Everyone, "first last steps"),
    ("Forecast", Everyone, "unit bucket history model members points total tradingDays learnedFrom"),
    ("TradingDayEffect", Everyone, "effect explanation"),
    ("LearnedFrom", Everyone, "metricId name"),
    ("ForecastMember", Everyone, "model weight backtestError"),
    ("ForecastPoint", Everyone, "start mean intervals"),
    ("ForecastInterval", Everyone, "level lower upper"),
    ("ForecastTotal", Everyone, "mean level lower upper"),
    ("Backtest", Everyone, "unit bucket history mase smape coverage origins"),
    ("BacktestOrigin", Everyone, "start model mase smape points"),
    ("BacktestPoint", Everyone, "mean actual"),
    ("ForecastAccuracy", Everyone, "run steps meanAbsoluteError bias coverage"),
    ("IntervalCoverage", Everyone, "level covered"),
    ("AnomalyReport", Everyone, "unit bucket history anomalies"),
    ("Anomaly", Everyone, "start kind value expected score p explanation"),
    ("WatchReport", Everyone, "unit bucket history steps"),
    ("WatchedStep", Everyone, "start value isNews anomaly breach"),
    ("ForecastBreach", Everyone, "forecastId expected level lower upper steps explanation"),
    ("MetricInsight", Everyone, "position at kind bucket start value expected lower upper level explanation runId"),
    ("MetricInsight", Everyone, "forecastId withdrawnAt"),
    ("MetricInsightConnection", Everyone, "edges pageInfo"),
    ("MetricInsightEdge", Everyone, "node cursor"),
    ("ChangepointReport", Everyone, "unit bucket history changepoints"),
    ("Changepoint", Everyone, "start kind levelBefore levelAfter slopeBefore slopeAfter confidence explanation"),
    ("HierarchyForecast", Everyone, "unit bucket history reconciliation total parts drivers"),
    ("HierarchyDriver", Everyone, "metricId name unit lowest highest expected values moves"),
    ("HierarchyNode", Everyone, "metricId name model points"),
    ("WhatIf", Everyone, "unit bucket history model drivers baseline scenarios"),
    ("WhatIfDriver", Everyone, "metricId name unit lowest highest expected"),
    ("WhatIfScenario", Everyone, "name drivers points expected supposed difference"),
    ("WhatIfDriverPath", Everyone, "metricId values"),
    ("WhatIfPoint", Everyone, "start mean intervals difference differenceIntervals"),
    ("WhatIfDifference", Everyone, "value level lower upper"),
    ("Notification", Everyone, "position kind at goalId metricId title message"),
    ("NotificationConnection", Everyone, "edges pageInfo"),
    ("NotificationEdge", Everyone, "node cursor"),
    ("Event", Everyone, "id position stream version type schemaVersion actor at command correlation causation data"),
    ("Event", Everyone, "unreadable"),
    ("EventConnection", Watchers, "edges pageInfo"),
    ("EventEdge", Watchers, "node cursor"),
    // Working.
    ("Mutation", Workers, "defineMetric describeMetric archiveMetric recordMetricPoints retractMetricPoints"),
    ("Mutation", Workers, "previewImport startImport cancelImport"),
    ("Mutation", Workers, "createGoal reviseGoal pauseGoal resumeGoal abandonGoal addMilestone removeMilestone"),
    ("Mutation", Workers, "recordGoalProgress"),
    ("Mutation", Workers, "optimizeInventory optimizeStaffing optimizeRoster optimizeBudget acceptPlan"),
    ("Mutation", Workers, "saveConstraint removeConstraint"),
    ("Mutation", Workers, "explainChange simulateIntervention buildCausalGraph editCausalGraph"),
    ("Mutation", Workers, "recordOccasion recordHolidays removeOccasion"),
    ("Mutation", Workers, "forecastMetric ensembleForecast whatIf backtest detectAnomalies stopRun"),
    ("Mutation", Workers, "detectChangepoints forecastHierarchy"),
    ("DefineMetricPayload", Workers, "metric position userErrors"),
    ("DescribeMetricPayload", Workers, "metric position userErrors"),
    ("ArchiveMetricPayload", Workers, "metric position userErrors"),
    ("RecordMetricPointsPayload", Workers, "metric added corrected unchanged late position userErrors"),
    ("RetractMetricPointsPayload", Workers, "metric position userErrors"),
    ("PreviewImportPayload", Workers, "preview userErrors"),
    ("ImportPreview", Workers, "upload format columns mapping otherDateFormats doubts sample rows currency"),
    ("PreviewedRow", Workers, "line sale problem fields"),
    ("SaleRow", Workers, "day at amount units customer order product"),
    ("Upload", Workers, "id fileName bytes sha256"),
    ("StartImportPayload", Workers, "import position userErrors"),
    ("CancelImportPayload", Workers, "import position userErrors"),
    ("ForecastMetricPayload", Workers, "run position userErrors"),
    ("EnsembleForecastPayload", Workers, "run position userErrors"),
    ("DetectChangepointsPayload", Workers, "run position userErrors"),
    ("ForecastHierarchyPayload", Workers, "run position userErrors"),
    ("WhatIfPayload", Workers, "run position userErrors"),
    ("BacktestPayload", Workers, "run position userErrors"),
    ("DetectAnomaliesPayload", Workers, "run position userErrors"),
    ("OptimizePayload", Workers, "run position userErrors"),
    ("AcceptPlanPayload", Workers, "run feasibility position userErrors"),
    ("SaveConstraintPayload", Workers, "constraint position userErrors"),
    ("RemoveConstraintPayload", Workers, "position userErrors"),
    ("ExplainChangePayload", Workers, "run position userErrors"),
    ("SimulateInterventionPayload", Workers, "run position userErrors"),
    ("BuildCausalGraphPayload", Workers, "model run position userErrors"),
    ("EditCausalGraphPayload", Workers, "model run position userErrors"),
    ("RecordOccasionPayload", Workers, "occasion position userErrors"),
    ("RecordHolidaysPayload", Workers, "occasions position userErrors"),
    ("RemoveOccasionPayload", Workers, "position userErrors"),
    ("StopRunPayload", Workers, "run position userErrors"),
    ("CreateGoalPayload", Workers, "goal feasibility position userErrors"),
    ("ReviseGoalPayload", Workers, "goal feasibility position userErrors"),
    ("PauseGoalPayload", Workers, "goal position userErrors"),
    ("ResumeGoalPayload", Workers, "goal position userErrors"),
    ("AbandonGoalPayload", Workers, "goal position userErrors"),
    ("AddMilestonePayload", Workers, "goal position userErrors"),
    ("RemoveMilestonePayload", Workers, "goal position userErrors"),
    ("RecordGoalProgressPayload", Workers, "goal position userErrors"),
    // Managing.
    ("Mutation", Managers, "renameBusiness inviteUser revokeInvitation changeRole removeUser erasePerson"),
    ("Mutation", Managers, "createApiKey revokeApiKey"),
    ("RenameBusinessPayload", Managers, "business position userErrors"),
    ("InviteUserPayload", Managers, "invitation token position userErrors"),
    ("RevokeInvitationPayload", Managers, "invitation position userErrors"),
    ("ChangeRolePayload", Managers, "user position userErrors"),
    ("ErasePersonPayload", Managers, "user revokedApiKeys position userErrors"),
    ("RemoveUserPayload", Managers, "user revokedApiKeys position userErrors"),
    ("CreateApiKeyPayload", Managers, "apiKey key position userErrors"),
    ("RevokeApiKeyPayload", Managers, "apiKey position userErrors"),
];

/// Routes beside GraphQL.
const ROUTES: &[(&str, Access)] =
    &[("POST /uploads", Workers), ("GET /imports/rejected", Everyone), ("GET /runs/plan", Everyone)];

static ROWS: LazyLock<HashMap<(&str, &str), Access>> = LazyLock::new(|| {
    TABLE
        .iter()
        .flat_map(|(parent, access, fields)| fields.split(' ').map(move |field| ((*parent, field), *access)))
        .collect()
});

pub fn access(parent: &str, field: &str) -> Option<Access> {
    ROWS.get(&(parent, field)).copied()
}

pub fn allows(role: Option<Role>, parent: &str, field: &str) -> bool {
    access(parent, field).is_some_and(|access| access.admits(role))
}

pub fn allows_route(role: Role, route: &str) -> bool {
    ROUTES.iter().any(|(known, access)| *known == route && access.admits(Some(role)))
}

/// Whether a root field is an attempt to get in.
pub fn is_attempt(kind: OperationType, field: &str) -> bool {
    let parent = match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    access(parent, field) == Some(Attempt)
}

/// All rows, as `(type, field)`.
pub fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.keys().copied()
}

pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "OWNER",
        Role::Admin => "ADMIN",
        Role::Member => "MEMBER",
        Role::Auditor => "AUDITOR",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::graphql::schema;
    use crate::graphql::shape::Shape;

    #[test]
    fn every_field_of_the_schema_has_a_row_and_every_row_a_field() {
        let shape = Shape::of_sdl(&schema::sdl()).unwrap();
        let fields: BTreeSet<(&str, &str)> = shape.fields().collect();
        let rows: BTreeSet<(&str, &str)> = rows().collect();
        let without_row: Vec<_> = fields.difference(&rows).collect();
        assert!(without_row.is_empty(), "fields without a row: {without_row:?}");
        let without_field: Vec<_> = rows.difference(&fields).collect();
        assert!(without_field.is_empty(), "rows without a field: {without_field:?}");
    }

    #[test]
    fn no_field_has_two_rows() {
        let written: usize = TABLE.iter().map(|(_, _, fields)| fields.split(' ').count()).sum();
        assert_eq!(written, rows().count());
    }

    #[test]
    fn an_auditor_reads_everything_and_changes_nothing() {
        let own = ["logout", "changePassword", "registerBusiness", "login", "refreshSession", "acceptInvitation"];
        for (parent, field) in rows() {
            let allowed = allows(Some(Role::Auditor), parent, field);
            match parent {
                "Mutation" => assert_eq!(allowed, own.contains(&field), "Mutation.{field}"),
                "Query" | "Subscription" => assert!(allowed, "{parent}.{field}"),
                _ => {}
            }
        }
    }

    #[test]
    fn an_owner_may_use_everything() {
        for (parent, field) in rows() {
            assert!(allows(Some(Role::Owner), parent, field), "{parent}.{field}");
        }
    }

    #[test]
    fn what_has_no_row_is_refused() {
        assert!(!allows(Some(Role::Owner), "Query", "everything"));
    }
}
