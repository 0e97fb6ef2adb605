// Parts of longer forms. Each has its `element` and says what was put in by `get`.

import { h } from "./page.js";

export function text(label, value = "", attributes = {}) {
  const input = h("input", { value, maxlength: 100, ...attributes });
  return { element: h("label", {}, label, input), input, get: () => input.value.trim() };
}

/** A number, or null where nothing is said. */
export function number(label, value = "", attributes = {}) {
  const input = h("input", { type: "number", step: "any", min: 0, value: value ?? "", ...attributes });
  return { element: h("label", {}, label, input), input, get: () => (input.value === "" ? null : Number(input.value)) };
}

export function pick(label, options, value) {
  const select = h("select", {}, ...options.map(([name, says]) => h("option", { value: name, selected: name === value }, says)));
  return { element: h("label", {}, label, select), input: select, get: () => select.value };
}

export function check(label, value = false) {
  const input = h("input", { type: "checkbox", checked: value });
  return { element: h("label", { class: "check" }, input, label), input, get: () => input.checked };
}

export function date(label, value = "") {
  const input = h("input", { type: "date", value: value ?? "" });
  return { element: h("label", {}, label, input), input, get: () => input.value || null };
}

export const group = (title, ...children) => h("fieldset", {}, h("legend", {}, title), ...children);
export const fields = (...parts) => h("div", { class: "fields" }, ...parts.map((part) => part.element ?? part));

/** Lines of the same fields, of which there is at least one. `make` builds a line from what it says, or from nothing. */
export function lines(title, one, said, make) {
  const known = [];
  const list = h("div", {});
  const add = (value) => {
    const line = make(value);
    const remove = h("button", { type: "button", class: "plain small", onclick: () => {
      if (known.length === 1) return;
      known.splice(known.indexOf(line), 1);
      place.remove();
    } }, "Remove");
    const place = h("div", { class: "line" }, line.element, remove);
    known.push(line);
    list.append(place);
  };
  for (const value of said.length > 0 ? said : [null]) add(value);
  const more = h("button", { type: "button", class: "plain", onclick: () => add(null) }, `Add ${one}`);
  return { element: group(title, list, more), get: () => known.map((line) => line.get()) };
}

/** Shows `parts[name]` of the chosen name only, and leaves the rest out of the form's checks. */
export function either(choice, parts) {
  const show = () => {
    for (const [name, element] of Object.entries(parts)) {
      element.hidden = name !== choice.get();
      for (const input of element.querySelectorAll("input, select")) input.disabled = element.hidden;
    }
  };
  choice.input.addEventListener("change", show);
  show();
}

// Days are text, as in 2026-11-30.

const at = (day) => new Date(`${day}T00:00:00Z`);
const said = (moment) => moment.toISOString().slice(0, 10);

/** `count` steps behind a day. */
export function after(day, step, count) {
  const moment = at(day);
  const months = { MONTH: 1, QUARTER: 3, YEAR: 12 }[step];
  if (months) moment.setUTCMonth(moment.getUTCMonth() + months * count);
  else moment.setUTCDate(moment.getUTCDate() + (step === "WEEK" ? 7 : 1) * count);
  return said(moment);
}

/** Monday is 0. */
export const weekday = (day) => (at(day).getUTCDay() + 6) % 7;

/** The first day of the step that a day is in. */
function begin(day, step) {
  if (step === "WEEK") return after(day, "DAY", -weekday(day));
  const [year, month] = day.split("-");
  const first = { MONTH: month, QUARTER: String(3 * Math.floor((month - 1) / 3) + 1).padStart(2, "0"), YEAR: "01" }[step];
  return first ? `${year}-${first}-01` : day;
}

/** The step that begins next after a moment, in a time zone. */
export function next(moment, timeZone, step) {
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" }).format(new Date(moment));
  return after(begin(day, step), step, 1);
}

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];


/** What to choose a metric from; `none` is said where none is. */
export const metricsToPick = (metrics, none) => [...(none ? [["", none]] : []), ...metrics.map(({ id, name, unit }) => [id, `${name} (${unit})`])];

/** A metric that a stored question names by its key or by its id below this API. */
export function metricNamed(metrics, name) {
  const inner = (id) => atob(id).split(":")[1];
  return metrics.find(({ key, id }) => key === name || id === name || inner(id) === name.replaceAll("-", ""))?.id ?? "";
}
