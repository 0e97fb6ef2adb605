// Who works when: people, what they can and would rather not do, and the shifts to fill.

import { fields, lines, number, pick, text, check, group, date, next, weekday, WEEKDAYS } from "./fields.js";
import { h } from "./page.js";

const SHIFTS = [{ name: "Day", start: "09:00", end: "17:00", need: [1, 1, 1] }, { name: "Late", start: "13:00", end: "21:00", need: [1, 1, 0] }];
/** Of a wish against a shift, beside 100 for a shift that lacks a person. */
const RATHER_NOT = 5;
const hours = (time) => Number(time.slice(0, 2)) + Number(time.slice(3, 5)) / 60;

/** What the form said, read back from a question. */
function readBack(earlier) {
  const { problem, calendar } = earlier ?? {};
  if (!problem?.names || !calendar) return null;
  const at = (name) => Array.from({ length: problem.D }, (_, day) => day).find((day) => (weekday(calendar.first_day) + day) % 7 === name);
  const need = (shift, day) => problem.demand[at(day) ?? 0]?.[shift] ?? 0;
  return {
    shifts: problem.shifts.map((name, shift) => {
      const times = calendar.shifts?.find((known) => known.shift === name);
      return { name, start: times?.start?.slice(0, 5), end: times?.end?.slice(0, 5), need: [need(shift, 0), need(shift, 5), need(shift, 6)] };
    }),
    people: problem.names.map((name, person) => ({
      name, senior: problem.senior[person], early: problem.nonight[person], most: problem.week_max_of?.[person],
      off: WEEKDAYS.map((_, day) => at(day) !== undefined && problem.off[person][at(day)]),
      wish: problem.shifts.find((_, shift) => problem.pref[person][0]?.[shift] > 0) ?? "",
    })),
  };
}

export function roster(business, metrics, earlier) {
  const problem = earlier?.problem;
  const said = readBack(earlier);
  const first = date("First day (next Monday when left empty)", earlier?.calendar?.first_day);
  const days = number("Days", problem?.D ?? 14, { min: 1, max: 366, step: 1, required: true });
  const rest = number("Rest between shifts (hours)", problem?.min_rest_hours ?? 11, { required: true });
  const least = number("Shifts a week, at least", problem?.week_min ?? 0, { min: 0, max: 7, step: 1, required: true });
  const most = number("and at most", problem?.week_max ?? 5, { min: 1, max: 7, step: 1, required: true });
  const row = number("Days in a row, at most", problem?.max_consecutive ?? 5, { min: 1, max: 31, step: 1, required: true });
  const seniors = number("Senior people on each shift", problem?.seniors_per_shift ?? 1, { min: 0, step: 1, required: true });
  const fair = check("Share late shifts and weekends fairly", problem ? Boolean(problem.fairness) : true);

  const shift = (value) => {
    const name = text("Shift", value?.name ?? "", { required: true });
    const [start, end] = [["From", value?.start], ["until", value?.end]].map(([label, time]) => text(label, time ?? "", { type: "time", required: true }));
    const need = ["People Monday to Friday", "on Saturday", "on Sunday"].map((label, kind) => number(label, value?.need[kind] ?? 1, { step: 1, required: true }));
    return {
      element: fields(name, start, end, ...need),
      get: () => ({ name: name.get(), start: start.get(), end: end.get(), need: need.map((one) => one.get()) }),
    };
  };
  const person = (value) => {
    const name = text("Name", value?.name ?? "", { required: true });
    const limit = number("Shifts a week at most", value?.most ?? "", { min: 0, max: 7, step: 1, placeholder: "as all" });
    const wish = text("Would rather not work (shift)", value?.wish ?? "");
    const senior = check("Senior", value?.senior);
    const early = check("Never the last shift", value?.early);
    const off = WEEKDAYS.map((label, day) => check(label.slice(0, 2), value?.off[day]));
    return {
      element: h("div", {}, fields(name, limit, wish), h("div", { class: "row start" }, senior.element, early.element, h("span", { class: "small soft" }, "Cannot work on"), ...off.map(({ element }) => element))),
      get: () => ({ name: name.get(), most: limit.get(), wish: wish.get(), senior: senior.get(), early: early.get(), off: off.map((one) => one.get()) }),
    };
  };
  const shifts = lines("Shifts of a day", "a shift", said?.shifts ?? SHIFTS, shift);
  const people = lines("People", "a person", said?.people ?? [], person);

  function read() {
    // The engine takes shifts in order of time and calls the last one the night.
    const filled = shifts.get().sort((left, right) => hours(left.start) - hours(right.start));
    const crew = people.get();
    const count = days.get();
    let firstDay = first.get();
    if (!firstDay) firstDay = next(new Date(), business.timeZone, "WEEK");
    const dayOf = (day) => (weekday(firstDay) + day) % 7;
    const calendar = (each) => Array.from({ length: count }, (_, day) => each(dayOf(day)));
    const unknown = crew.find(({ wish }) => wish && !filled.some(({ name }) => name.toLowerCase() === wish.toLowerCase()));
    if (unknown) throw new Error(`${unknown.name} would rather not work “${unknown.wish}”, but no shift is called that.`);
    const ends = ({ start, end }) => (hours(end) > hours(start) ? hours(end) : hours(end) + 24);
    return {
      problem: {
        E: crew.length, D: count, names: crew.map(({ name }) => name), shifts: filled.map(({ name }) => name),
        demand: calendar((day) => filled.map(({ need }) => need[day < 5 ? 0 : day - 4])),
        senior: crew.map(({ senior }) => senior), nonight: crew.map(({ early }) => early),
        off: crew.map(({ off }) => calendar((day) => off[day])),
        pref: crew.map(({ wish }) => calendar(() => filled.map(({ name }) => (name.toLowerCase() === wish.toLowerCase() ? RATHER_NOT : 0)))),
        week_min: least.get(), week_max: most.get(), week_max_of: crew.map((one) => one.most ?? most.get()),
        nights_max: most.get(), max_consecutive: row.get(), seniors_per_shift: seniors.get(),
        forbidden_sequences: [], shift_hours: filled.map((one) => [hours(one.start), ends(one)]), min_rest_hours: rest.get(),
        ...(fair.get() ? { fairness: {} } : {}),
      },
      calendar: { firstDay, shifts: filled.map(({ name, start, end }) => ({ shift: name, start, end })) },
    };
  }

  return {
    intro: "What cannot be kept is said; a shift that lacks a person weighs most, then one without anyone senior, short weeks, and wishes.",
    elements: [group("Time", fields(first, days)), shifts.element, people.element, group("Rules for all", fields(least, most, row, rest, seniors, fair))],
    read,
  };
}
