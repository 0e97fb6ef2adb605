//! A plan as tables: what a reader does is first.

use anyhow::bail;
use dyocense_optimization::business::{
    BudgetPlan, BudgetPlanProblem, InventoryPlan, InventoryProblem, Plan, Problem, RosterPlan, RosterProblem,
    StaffingPlan, StaffingProblem,
};
use jiff::civil::{Date, Time};

use super::PlanToExport;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Number(f64),
    Day(Date),
    Time(Time),
    Nothing,
}

impl Cell {
    fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// A solver's digits behind the sixth decimal say nothing.
    pub fn number(number: f64) -> Cell {
        let rounded = (number * 1e6).round() / 1e6;
        match number.abs() < 1e9 {
            true => Cell::Number(if rounded == 0.0 { 0.0 } else { rounded }),
            false => Cell::Number(number),
        }
    }

    fn count(number: usize) -> Cell {
        Cell::Number(number as f64)
    }

    fn maybe(cell: Option<Cell>) -> Cell {
        cell.unwrap_or(Cell::Nothing)
    }
}

pub(super) struct Table {
    pub name: &'static str,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

/// The plan itself, then what it costs and what limits it.
pub(super) fn tables(plan: &PlanToExport) -> anyhow::Result<Vec<Table>> {
    let mut tables = match (&plan.problem, &plan.answer.found.plan) {
        (Problem::Inventory(problem), Some(Plan::Inventory(orders))) => vec![inventory(plan, problem, orders)],
        (Problem::Staffing(problem), Some(Plan::Staffing(heads))) => staffing(plan, problem, heads),
        (Problem::Roster(problem), Some(Plan::Roster(roster))) => vec![shifts(plan, problem, roster)],
        (Problem::Budget(problem), Some(Plan::Budget(budget))) => vec![spending(plan, problem, budget)],
        _ => bail!("the run {} has a plan of another kind than its problem", plan.run_id),
    };
    tables.push(costs(plan));
    tables.push(limits(plan));
    tables.extend([stock_targets(plan), expected(plan)].into_iter().filter(|table| !table.rows.is_empty()));
    Ok(tables)
}

fn inventory(plan: &PlanToExport, problem: &InventoryProblem, orders: &InventoryPlan) -> Table {
    let mut rows = Vec::new();
    let waits = orders.products.iter().any(|line| !line.backorders.is_empty());
    let wastes = orders.products.iter().any(|line| !line.wasted.is_empty());
    for line in &orders.products {
        let product = problem.products.iter().enumerate().find(|(n, product)| match &product.name {
            Some(name) => name.eq_ignore_ascii_case(&line.product),
            None => line.product == format!("product {}", n + 1),
        });
        for (t, order) in line.orders.iter().enumerate() {
            let demand = product.and_then(|(_, product)| product.demand.get(t));
            let mut row = vec![
                Cell::text(&line.product),
                Cell::count(t + 1),
                Cell::maybe(plan.period_start(t).map(Cell::Day)),
                Cell::maybe(demand.map(|units| Cell::number(*units))),
                Cell::number(*order),
                Cell::maybe(line.stock.get(t).map(|units| Cell::number(*units))),
                Cell::maybe(line.lost.get(t).map(|units| Cell::number(*units))),
            ];
            row.extend(waits.then(|| Cell::maybe(line.backorders.get(t).map(|units| Cell::number(*units)))));
            row.extend(wastes.then(|| Cell::maybe(line.wasted.get(t).map(|units| Cell::number(*units)))));
            rows.push(row);
        }
    }
    let mut columns = vec!["product", "period", "starts on", "demand", "order", "stock at the end", "lost sales"];
    columns.extend(waits.then_some("customers waiting"));
    columns.extend(wastes.then_some("thrown away"));
    Table { name: "Orders", columns, rows }
}

fn staffing(plan: &PlanToExport, problem: &StaffingProblem, heads: &StaffingPlan) -> Vec<Table> {
    let mut rows = Vec::new();
    for line in &heads.heads {
        let Some(tour) = problem.tours.get(line.tour) else { continue };
        let off: Vec<String> = tour.off.iter().map(|day| (day + 1).to_string()).collect();
        let start = i8::try_from(tour.start).ok().and_then(|hour| Time::new(hour, 0, 0, 0).ok());
        let end = i8::try_from((tour.start + tour.len) % 24).ok().and_then(|hour| Time::new(hour, 0, 0, 0).ok());
        rows.push(vec![
            Cell::count(line.tour + 1),
            Cell::count(tour.skill),
            Cell::maybe(start.map(Cell::Time)),
            Cell::maybe(end.map(Cell::Time)),
            Cell::text(off.join(" ")),
            Cell::number(line.people),
            Cell::number(tour.cost),
        ]);
    }
    let columns = vec!["tour", "skill", "from", "to", "days off", "people", "cost each"];
    let tours = Table { name: "Tours", columns, rows };
    let short = heads.short.iter().map(|short| {
        let hour = i8::try_from(short.hour % 24).ok().and_then(|hour| Time::new(hour, 0, 0, 0).ok());
        vec![
            Cell::count(short.hour / 24 + 1),
            Cell::maybe(plan.day(short.hour / 24).map(Cell::Day)),
            Cell::maybe(hour.map(Cell::Time)),
            Cell::count(short.skill),
            Cell::number(short.people),
        ]
    });
    let columns = vec!["day", "date", "hour", "skill", "people missing"];
    let short = Table { name: "Short hours", columns, rows: short.collect() };
    let overtime = heads.overtime.iter().map(|more| {
        let hour = i8::try_from(more.hour % 24).ok().and_then(|hour| Time::new(hour, 0, 0, 0).ok());
        vec![
            Cell::count(more.hour / 24 + 1),
            Cell::maybe(plan.day(more.hour / 24).map(Cell::Day)),
            Cell::maybe(hour.map(Cell::Time)),
            Cell::count(more.skill),
            Cell::number(more.people),
        ]
    });
    let columns = vec!["day", "date", "hour", "skill", "people who stay on"];
    let overtime = Table { name: "Overtime", columns, rows: overtime.collect() };
    let hired = heads.hired.iter().enumerate().map(|(skill, people)| {
        vec![Cell::count(skill), Cell::number(people.max(0.0)), Cell::number((-people).max(0.0))]
    });
    let hired = Table { name: "Changes", columns: vec!["skill", "take on", "let go"], rows: hired.collect() };
    let more = [overtime, hired].into_iter().filter(|table| !table.rows.is_empty());
    [tours, short].into_iter().chain(more).collect()
}

fn shifts(plan: &PlanToExport, problem: &RosterProblem, roster: &RosterPlan) -> Table {
    let calendar = plan.calendar.as_ref();
    let row = |line: &dyocense_optimization::business::Assignment| {
        let times = calendar.and_then(|calendar| calendar.times_of(&line.shift));
        vec![
            Cell::count(line.day),
            Cell::maybe(plan.day(line.day.saturating_sub(1)).map(Cell::Day)),
            Cell::text(weekday(problem, line.day)),
            Cell::text(&line.shift),
            Cell::maybe(times.map(|times| Cell::Time(times.start))),
            Cell::maybe(times.map(|times| Cell::Time(times.end))),
            Cell::text(&line.person),
        ]
    };
    let columns = vec!["day", "date", "weekday", "shift", "from", "to", "person"];
    Table { name: "Roster", columns, rows: roster.shifts.iter().map(row).collect() }
}

/// Of a day that counts from 1.
fn weekday(problem: &RosterProblem, day: usize) -> &'static str {
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    names[(problem.first_weekday as usize + day.saturating_sub(1)) % 7]
}

fn spending(plan: &PlanToExport, problem: &BudgetPlanProblem, budget: &BudgetPlan) -> Table {
    let marginal = problem.marginal_returns(budget);
    let mut rows = Vec::new();
    for line in &budget.channels {
        let next = marginal.iter().find(|next| next.channel == line.channel);
        for (t, spend) in line.spend.iter().enumerate() {
            rows.push(vec![
                Cell::text(&line.channel),
                Cell::count(t + 1),
                Cell::maybe(plan.period_start(t).map(Cell::Day)),
                Cell::number(*spend),
                Cell::maybe(next.and_then(|next| next.spend.get(t)).map(|value| Cell::number(*value))),
            ]);
        }
    }
    let columns = vec!["channel", "period", "starts on", "spend", "return of the next unit"];
    Table { name: "Budget", columns, rows }
}

fn costs(plan: &PlanToExport) -> Table {
    let today = plan.answer.against_today.as_deref().unwrap_or_default();
    let rows = plan.answer.found.costs.iter().map(|term| {
        let before = today.iter().find(|known| known.name == term.name);
        vec![
            Cell::text(&term.name),
            Cell::number(term.amount),
            Cell::maybe(before.map(|before| Cell::number(before.before))),
            Cell::maybe(before.map(|before| Cell::number(before.change))),
        ]
    });
    Table { name: "Costs", columns: vec!["part", "plan", "today", "change"], rows: rows.collect() }
}

fn limits(plan: &PlanToExport) -> Table {
    let found = &plan.answer.found;
    let constraints = found.binding_rules.iter().map(|rule| {
        vec![Cell::text(&rule.says), Cell::Nothing, Cell::Nothing, Cell::maybe(rule.price.map(Cell::number))]
    });
    let limits = found.binding.iter().filter(|limit| limit.rule.is_none()).map(|binding| {
        vec![
            Cell::text(&binding.limit.says),
            Cell::number(binding.limit.limit),
            Cell::text(&binding.limit.unit),
            Cell::number(binding.limit.shadow_price),
        ]
    });
    let rows = constraints.chain(limits).collect();
    Table { name: "Limits", columns: vec!["limit", "at", "unit", "price"], rows }
}

/// When to order what, where a service level was asked for.
fn stock_targets(plan: &PlanToExport) -> Table {
    let rows = plan.answer.stock_targets.iter().map(|target| {
        vec![
            Cell::text(&target.product),
            Cell::number(target.service_level),
            Cell::number(target.lead_time),
            Cell::number(target.lead_time_demand),
            Cell::number(target.reorder_point),
            Cell::number(target.safety_stock),
        ]
    });
    let columns =
        vec!["product", "service level", "lead time", "demand meanwhile", "order when down to", "of it in reserve"];
    Table { name: "Stock targets", columns, rows: rows.collect() }
}

/// What was expected of the metrics that the plan was made from.
fn expected(plan: &PlanToExport) -> Table {
    let rows = plan.answer.foreseen.iter().flat_map(|foreseen| {
        let values = foreseen.mean.iter().zip(&foreseen.sd);
        foreseen.starts.iter().zip(values).map(|(start, (mean, sd))| {
            vec![
                Cell::text(&foreseen.name),
                Cell::Day(*start),
                Cell::number(*mean),
                Cell::number(*sd),
                Cell::text(&foreseen.unit),
            ]
        })
    });
    Table { name: "Expected", columns: vec!["metric", "starts on", "mean", "spread", "unit"], rows: rows.collect() }
}

/// Where the plan came from, so that it can be found and computed again.
pub(super) fn about(plan: &PlanToExport) -> Table {
    let (found, completion) = (&plan.answer.found, &plan.completion);
    let mut rows = vec![
        ("summary", Cell::text(&completion.summary)),
        ("status", Cell::text(format!("{:?}", found.status).to_lowercase())),
        ("objective", Cell::maybe(found.objective.map(Cell::number))),
        ("no plan is better than", Cell::maybe(found.bound.map(Cell::number))),
        ("gap", Cell::maybe(found.gap.map(Cell::number))),
        ("asked for at", Cell::text(plan.requested_at.to_string())),
        ("found at", Cell::text(plan.finished_at.to_string())),
        ("run", Cell::text(plan.run_id.to_string())),
        ("seed", Cell::Number(plan.seed as f64)),
        ("method", Cell::text(&completion.method)),
        ("solver", Cell::text(&found.solver)),
        ("work", Cell::Number(found.work as f64)),
        ("history read up to", Cell::Number(completion.input_position as f64)),
        ("SHA-256 of the input", Cell::text(&completion.input_sha256)),
    ];
    rows.extend(completion.caveats.iter().map(|caveat| ("caveat", Cell::text(caveat))));
    let rows = rows.into_iter().map(|(name, cell)| vec![Cell::text(name), cell]).collect();
    Table { name: "About", columns: vec!["what", "value"], rows }
}

impl PlanToExport {
    /// The first day of a period of orders or spending, counted from 0.
    fn period_start(&self, period: usize) -> Option<Date> {
        self.calendar.as_ref()?.period_start(period)
    }

    /// A day of a roster or a staffing plan, counted from 0.
    pub(super) fn day(&self, day: usize) -> Option<Date> {
        self.calendar.as_ref()?.day(day)
    }
}
