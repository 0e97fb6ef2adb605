// Where to spend: channels as the past shows them, or as their owner knows them.

import { fields, lines, number, pick, text, group, date, either, next, metricsToPick, metricNamed } from "./fields.js";
import { h } from "./page.js";

export function budget(business, metrics, earlier) {
  const problem = earlier?.problem;
  const flows = metrics.filter(({ kind }) => kind === "FLOW");
  const revenue = flows.find(({ key }) => key === "revenue") ?? flows[0];
  const { currency } = business;
  const periods = number("Periods", problem?.periods ?? 4, { min: 1, max: 366, step: 1, required: true });
  const step = pick("Each of one", [["WEEK", "week"], ["DAY", "day"], ["MONTH", "month"]], earlier?.calendar?.step.toUpperCase() ?? "WEEK");
  const first = date("First day (the next one when left empty)", earlier?.calendar?.first_day);
  const money = number(`Money a period (${currency})`, problem?.budget_per_period ?? "", { required: true });
  const total = number("In all at most", problem?.total_budget);
  const goal = pick("Best is the most", [["returns", "return"], ["profit", "profit, less the spend"]], problem?.goal ?? "profit");
  const margin = number("Margin of the return (%)", (problem?.margin ?? 1) * 100, { max: 100, required: true });
  const active = number("Channels at once, at most", problem?.max_active);
  const how = pick("is known", [["past", "from the past"], ["hand", "to me"]], problem?.channels?.length ? "hand" : "past");

  const outcome = pick("What it is to bring", metricsToPick(flows), problem?.history ? metricNamed(metrics, problem.history.outcome.metric ?? "") : revenue?.id);
  const learnt = lines("Channels", "a channel", problem?.history?.channels ?? [], (said) => {
    const name = text("Channel", said?.name ?? "", { required: true, placeholder: "Adverts" });
    const spend = pick("Its spend", metricsToPick(flows), said ? metricNamed(metrics, said.spend.metric ?? "") : flows.find(({ key }) => /spend|cost|ads/.test(key))?.id);
    return { element: fields(name, spend), get: () => ({ name: name.get(), spend: { metric: spend.get() } }) };
  });
  const known = lines("Channels", "a channel", problem?.channels ?? [], (said) => {
    const name = text("Channel", said?.name ?? "", { required: true, placeholder: "Adverts" });
    const most = number("Most it can return a period", said?.alpha ?? "", { min: 0.01, required: true });
    const half = number("Half of that at a spend of", said?.k ?? "", { min: 0.01, required: true });
    const cap = number("Largest spend a period", said?.cap ?? "", { min: 0.01, required: true });
    const least = number("Smallest spend, if any", said?.min_if_active || "");
    const spent = pick("What you spend today", metricsToPick(flows, "not known"), said?.spent ? metricNamed(metrics, said.spent.metric) : "");
    return {
      element: fields(name, most, half, cap, least, spent),
      get: () => ({
        name: name.get(), alpha: most.get(), k: half.get(), cap: cap.get(), min_if_active: least.get() ?? 0,
        ...(spent.get() ? { spent: { metric: spent.get() } } : {}),
      }),
    };
  });
  const past = h("div", {}, learnt.element);
  const hand = h("div", {}, known.element);
  either(how, { past, hand });

  function read() {
    const chosen = metrics.find(({ id }) => id === outcome.get());
    const latest = how.get() === "past" && chosen?.latestPoint && next(chosen.latestPoint.at, chosen.timeZone, step.get());
    const firstDay = first.get() ?? (latest || next(new Date(), business.timeZone, step.get()));
    return {
      problem: {
        periods: periods.get(), budget_per_period: money.get(), goal: goal.get(), margin: margin.get() / 100,
        ...(total.get() === null ? {} : { total_budget: total.get() }),
        ...(active.get() === null ? {} : { max_active: active.get() }),
        ...(how.get() === "past" ? { history: { outcome: { metric: outcome.get() }, channels: learnt.get() } } : { channels: known.get() }),
      },
      calendar: { firstDay, step: step.get() },
    };
  }

  return {
    intro: "More money brings less and less: each channel gets so much that the last coin is worth as much in all of them.",
    elements: [group("Time", fields(periods, step, first)), group("Money", fields(money, total, goal, margin, active)), group("What spending brings", fields(how, outcome), h("p", { class: "small soft" }, "From the past of metrics: at least 26 steps are needed in which all of them have points; more tell more.")), past, hand],
    read,
  };
}
