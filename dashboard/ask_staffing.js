// How many people on which shifts: from customers by day and hour.

import { fields, number, pick, text, group, date, either, after, next, metricsToPick, metricNamed, WEEKDAYS } from "./fields.js";
import { h } from "./page.js";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const PER_PERSON = "person";
const PROMISE = "promise";

/** Opening hours and busy ones, read back from the weights of a day. */
function opening(profile) {
  const day = profile?.slice(0, 24);
  const open = HOURS.filter((hour) => day?.[hour] > 0);
  if (open.length === 0) return { opens: 9, closes: 18 };
  const most = Math.max(...day);
  const busy = most > day[open[0]] || most > day[open.at(-1)] ? open.filter((hour) => day[hour] === most) : [];
  return { opens: open[0], closes: open.at(-1) + 1, busyFrom: busy[0], busyTo: busy.length > 0 ? busy.at(-1) + 1 : undefined };
}

export function staffing(business, metrics, earlier) {
  const problem = earlier?.problem;
  const need = Array.isArray(problem?.demand?.[0]) ? null : problem?.demand?.[0];
  const pattern = problem?.patterns?.[0];
  const flows = metrics.filter(({ kind }) => kind === "FLOW");
  const guess = flows.find(({ key }) => key === "orders") ?? flows[0];
  const hours = opening(need?.profile ?? need?.arrivals);
  const hour = (label, value, more = {}) => number(label, value, { min: 0, max: 24, step: 1, ...more });

  const first = date("First day (the next one when left empty)", earlier?.calendar?.first_day);
  const days = number("Days", problem?.days ?? 7, { min: 1, max: 366, step: 1, required: true });
  const metric = pick("Customers as forecast of", metricsToPick(flows, "by hand"), need?.metric ? metricNamed(metrics, need.metric) : need ? "" : guess?.id ?? "");
  const perDay = WEEKDAYS.map((name, day) => number(name, need?.arrivals ? Math.round(need.arrivals.slice(day * 24, day * 24 + 24).reduce((sum, customers) => sum + customers, 0)) : ""));
  const byHand = h("div", { class: "fields" }, ...perDay.map(({ element }) => element));
  const follow = () => (byHand.hidden = metric.get() !== "");
  metric.input.addEventListener("change", follow);
  follow();
  const opens = hour("Open from (hour)", hours.opens, { required: true });
  const closes = hour("until", hours.closes, { required: true });
  const busyFrom = hour("Twice as busy from", hours.busyFrom);
  const busyTo = hour("until", hours.busyTo);

  const how = pick("How many people that takes", [[PER_PERSON, "customers one person serves in an hour"], [PROMISE, "how long customers may wait"]], need?.service ? PROMISE : PER_PERSON);
  const perPerson = number("Customers an hour and person", need?.per_person ?? 6, { min: 0.01, required: true });
  const minutes = number("Minutes for each customer", need?.service?.handling_minutes ?? 5, { min: 0.01, required: true });
  const level = number("Served in time (%)", (need?.service?.level ?? 0.8) * 100, { min: 1, max: 99.9, required: true });
  const seconds = number("In time is within (seconds)", need?.service?.within_seconds ?? 120, { min: 0, max: 86399, required: true });
  const person = fields(perPerson);
  const promise = fields(minutes, level, seconds);
  either(how, { [PER_PERSON]: person, [PROMISE]: promise });

  const lengths = text("Hours of a shift, one or more", (pattern?.lengths ?? [4, 8]).join(", "), { required: true, pattern: "[0-9 ,]+" });
  const off = number("Days off in a row each week", pattern?.days_off ?? 2, { min: 0, max: 6, step: 1, required: true });
  const wage = number(`Wage an hour (${business.currency})`, pattern?.wage ?? "", { required: true });
  const most = number("Most people", problem?.max_heads?.[0] ?? 20, { min: 1, step: 1, required: true });
  const missing = number("Loss for an hour that lacks a person", problem?.under_penalty ?? "", { required: true });

  function read() {
    const weights = HOURS.map((at) => {
      const busy = busyFrom.get() !== null && busyTo.get() !== null && at >= busyFrom.get() && at < busyTo.get();
      return at >= opens.get() && at < closes.get() ? (busy ? 2 : 1) : 0;
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) throw new Error("The business is never open: the closing hour must be after the opening hour.");
    const long = lengths.get().split(",").map(Number).filter((length) => length > 0);
    const starts = HOURS.filter((at) => at >= opens.get() && at + Math.min(...long) <= closes.get());
    if (starts.length === 0) throw new Error(`A shift of ${Math.min(...long)} hours does not fit between ${opens.get()} and ${closes.get()}.`);
    const chosen = metrics.find(({ id }) => id === metric.get());
    const latest = chosen?.latestPoint && next(chosen.latestPoint.at, chosen.timeZone, "DAY");
    const firstDay = first.get() ?? latest ?? next(new Date(), business.timeZone, "DAY");
    // The fields are by weekday, the days of the plan begin with the first.
    const arrivals = Array.from({ length: days.get() }, (_, day) => perDay[(new Date(`${after(firstDay, "DAY", day)}T00:00:00Z`).getUTCDay() + 6) % 7].get() ?? 0)
      .flatMap((customers) => weights.map((weight) => (customers * weight) / total));
    const takes = how.get() === PER_PERSON
      ? { per_person: perPerson.get() }
      : { service: { handling_minutes: minutes.get(), level: level.get() / 100, within_seconds: seconds.get() } };
    return {
      problem: {
        days: days.get(),
        demand: [{ ...(chosen ? { metric: chosen.id, profile: weights } : { arrivals }), ...takes }],
        patterns: [{ starts, lengths: long, days_off: off.get(), wage: wage.get() }],
        under_penalty: missing.get(), max_heads: [most.get()],
      },
      calendar: { firstDay },
    };
  }

  return {
    intro: "Customers of each hour follow from those of the day and the opening hours; people from what one of them can do.",
    elements: [
      group("Time", fields(first, days)),
      group("Customers", fields(metric), byHand, fields(opens, closes, busyFrom, busyTo)),
      group("People needed", fields(how), person, promise),
      group("Shifts", fields(lengths, off, wage, most, missing)),
    ],
    read,
  };
}
