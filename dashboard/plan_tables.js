// What a plan says to do, as tables that people read.

import { h, number, day } from "./page.js";
import { after, weekday, WEEKDAYS } from "./fields.js";

const few = (value) => number(Math.round(value * 100) / 100);
const cell = (value, strong = false) => h("td", { class: "number" }, strong ? h("strong", {}, value) : value);
const heads = (...names) => h("tr", {}, ...names.map((name, at) => h("th", { class: at > 0 && "number" }, name)));
const table = (head, rows, look = "") => h("div", { class: "scroll" }, h("table", { class: look }, head, ...rows));
const short = (text) => new Date(`${text}T00:00:00Z`).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** Where a plan's periods begin: as asked, or as the metrics it was made from say. */
function calendarOf(one) {
  const asked = one.request.calendar;
  if (asked) return { firstDay: asked.first_day, step: asked.step.toUpperCase(), shifts: asked.shifts ?? [] };
  const foreseen = one.plan.foreseen[0];
  return foreseen ? { firstDay: foreseen.points[0].start, step: foreseen.bucket, shifts: [] } : null;
}

function period(one, at) {
  const calendar = calendarOf(one);
  return calendar ? short(after(calendar.firstDay, calendar.step, at)) : String(at + 1);
}

function dayOf(one, at) {
  const calendar = calendarOf(one);
  return calendar ? after(calendar.firstDay, "DAY", at) : null;
}

/** Products whose stock is shown at once; of more, only the orders. */
const FEW_PRODUCTS = 3;

function orders(one, problem) {
  const { products } = one.plan.plan;
  const targets = one.plan.stockTargets;
  const head = () => heads("", ...products[0].orders.map((_, at) => period(one, at)));
  const any = (values) => values?.some((units) => units > 0.005);
  const row = (label, values, strong) => values?.length > 0 && h("tr", {}, h("td", {}, label), ...values.map((units) => cell(units > 0.005 ? few(units) : "", strong)));
  const each = products.map((line, nth) => {
    const product = problem.products.find(({ name }) => name === line.product) ?? problem.products[nth];
    const target = targets.find((known) => known.product === line.product);
    const says = target && h("p", { class: "small" }, `Order when stock and open orders fall to ${few(target.reorderPoint)} units; ${few(target.safetyStock)} of them are kept for the unforeseen, for a service level of ${few(target.serviceLevel * 100)} %.`);
    const stock = table(head(), [
      row("Order", line.orders, true),
      row("Expected demand", product?.demand),
      row("Left at the end", line.stock),
      any(line.lost) && row("Lost sales", line.lost),
      any(line.backorders) && row("Waiting customers", line.backorders),
      any(line.wasted) && row("Thrown away", line.wasted),
    ].filter(Boolean));
    return products.length > FEW_PRODUCTS
      ? h("details", {}, h("summary", {}, line.product), says, stock)
      : h("div", {}, h("h3", {}, line.product), says, stock);
  });
  if (products.length <= FEW_PRODUCTS) return each;
  return [
    table(head(), products.map(({ product, orders: units }) => row(product, units))),
    h("h3", {}, "Each product's stock"), ...each,
  ];
}

/** A problem's tours: listed, or by rule in the order of the engine. */
function toursOf(problem) {
  if (problem.tours?.length > 0) return problem.tours;
  return (problem.patterns ?? []).flatMap(({ skill = 0, starts, lengths, days_off = 2, wage }) => starts.flatMap((start) => lengths.flatMap((len) =>
    Array.from({ length: days_off === 0 ? 1 : 7 }, (_, first) => ({
      skill, start, len, off: Array.from({ length: days_off }, (_, nth) => (first + nth) % 7), cost: wage * len * (7 - days_off),
    })))));
}

const hour = (at) => `${String(at % 24).padStart(2, "0")}:00`;
const span = (from, to) => `${hour(from)}–${to === 24 ? "24:00" : hour(to)}`;
const dayName = (one, at) => {
  const date = dayOf(one, at);
  return date ? `${WEEKDAYS[weekday(date)].slice(0, 2)} ${short(date)}` : `Day ${at + 1}`;
};

function staffing(one, problem) {
  const tours = toursOf(problem);
  const { heads: chosen, short: missing, overtime = [], hired = [] } = one.plan.plan;
  const skills = new Set(tours.map(({ skill = 0 }) => skill)).size > 1;
  // Those who work the same hours stand in one line.
  const lines = new Map();
  for (const { tour: index, people } of chosen) {
    const tour = tours[index];
    const key = `${tour.skill ?? 0} ${tour.start} ${tour.len}`;
    const line = lines.get(key) ?? { ...tour, days: Array(7).fill(0), people: 0, total: 0 };
    line.people += people;
    line.total += people * tour.cost;
    for (let at = 0; at < 7; at++) line.days[at] += tour.off?.includes(at) ? 0 : people;
    lines.set(key, line);
  }
  const days = Math.min(7, Math.ceil((problem.demand?.[0]?.length ?? 168) / 24));
  const rows = [...lines.values()].sort((left, right) => left.start - right.start || left.len - right.len).map((line) => h("tr", {},
    h("td", {}, `${span(line.start, line.start + line.len)}${skills ? ` (skill ${line.skill ?? 0})` : ""}`),
    ...line.days.slice(0, days).map((people) => cell(people > 0 ? few(people) : "")), cell(few(line.people), true), cell(few(line.total))));
  const late = Map.groupBy(missing, ({ hour: at }) => Math.floor(at / 24));
  return [
    rows.length > 0
      ? table(heads("Shift", ...Array.from({ length: days }, (_, at) => dayName(one, at)), "People", "Cost a week"), rows)
      : h("p", {}, "Nobody is needed."),
    hired.some((people) => people !== 0) && h("p", {}, hired.map((people, skill) => (people === 0 ? null : `${people > 0 ? "Take on" : "Let go"} ${few(Math.abs(people))}${skills ? ` of skill ${skill}` : ""}`)).filter(Boolean).join("; "), "."),
    overtime.length > 0 && h("p", {}, `${few(overtime.reduce((sum, { people }) => sum + people, 0))} hours of overtime.`),
    missing.length > 0 && h("div", {}, h("h3", {}, "Hours that lack people"), h("ul", { class: "small" }, ...[...late].map(([at, hours]) =>
      h("li", {}, `${dayName(one, at)}: ${hours.map(({ hour: when, people }) => `${hour(when)} (${few(people)})`).join(", ")}`)))),
  ];
}

function roster(one, problem) {
  const days = problem.D;
  const people = problem.names ?? Array.from({ length: problem.E }, (_, nth) => `person ${nth + 1}`);
  const at = (person, on) => one.plan.plan.shifts.filter((line) => line.person === person && line.day === on).map(({ shift }) => shift);
  const shade = (shift) => `shift s${problem.shifts.indexOf(shift) % 4}`;
  const weeks = Array.from({ length: Math.ceil(days / 7) }, (_, week) => Array.from({ length: Math.min(7, days - week * 7) }, (_, nth) => week * 7 + nth + 1));
  const lacks = weeks.flat().flatMap((on) => problem.shifts.map((shift, nth) => {
    const there = one.plan.plan.shifts.filter((line) => line.day === on && line.shift === shift).length;
    const wanted = problem.demand[on - 1][nth];
    return there < wanted ? `${dayName(one, on - 1)}, ${shift}: ${wanted - there} of ${wanted} missing` : null;
  })).filter(Boolean);
  return [
    ...weeks.map((week) => table(h("tr", {}, h("th", {}, ""), ...week.map((on) => h("th", {}, dayName(one, on - 1))), h("th", { class: "number" }, "Shifts")), people.map((person) =>
      h("tr", {}, h("td", {}, person), ...week.map((on) => h("td", {}, ...at(person, on).map((shift) => h("span", { class: shade(shift) }, shift)))),
        cell(String(week.reduce((sum, on) => sum + at(person, on).length, 0))))), "week")),
    lacks.length > 0 && h("div", {}, h("h3", {}, "Shifts that lack people"), h("ul", { class: "small" }, ...lacks.map((text) => h("li", {}, text)))),
  ];
}

function budget(one) {
  const { channels } = one.plan.plan;
  const next = one.plan.marginalReturns;
  const sums = channels[0]?.spend.map((_, at) => channels.reduce((sum, { spend }) => sum + spend[at], 0)) ?? [];
  const total = (spend) => few(spend.reduce((sum, amount) => sum + amount, 0));
  return [
    table(heads("Channel", ...sums.map((_, at) => period(one, at)), "In all", "Next unit returns"), [
      ...channels.map(({ channel, spend }) => h("tr", {}, h("td", {}, channel), ...spend.map((amount) => cell(amount > 0.005 ? few(amount) : "")), cell(total(spend), true),
        cell(few(Math.max(...(next.find((line) => line.channel === channel)?.spend ?? [0])))))),
      h("tr", {}, h("td", {}, "Together"), ...sums.map((amount) => cell(few(amount))), cell(total(sums), true), cell("")),
    ]),
  ];
}

/** The tables of a run's plan. */
export function planTables(one) {
  const problem = one.plan.problem ?? one.request.problem;
  return { INVENTORY: orders, STAFFING: staffing, ROSTER: roster, BUDGET: budget }[one.kind](one, problem);
}

/** The first and the last day of a plan, in words. */
export function planDays(one) {
  const calendar = one.request.calendar;
  return calendar ? `from ${day(calendar.first_day)}` : "";
}
