// Why a metric changed: the calendar first, then what moved with it, then what is left over. And what if.

import { run } from "./client.js";
import { h, number, choice, field, form, words } from "./page.js";
import { whatIf } from "./what_if.js";

const METRICS = `{ metrics(first: 100) { edges { node { id key name latestPoint { at } } } } }`;
const EXPLAIN = `mutation ($input: ExplainChangeInput!) { explainChange(input: $input) {
  run { status summary caveats failure changeExplanation {
    unit before calendarEffect calendarParts { name effect } expected actual change lower upper p
    causes { words } contributors { words } ruledOut { words } notTestable { key reason }
    unexplained unexplainedLower unexplainedUpper } }
  userErrors { message } } }`;
const DAY = 24 * 60 * 60 * 1000;
const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

export async function why(main) {
  const { metrics } = await run(METRICS);
  const all = metrics.edges.map(({ node }) => node).filter((metric) => metric.latestPoint);
  if (all.length === 0) return main.replaceChildren(h("p", { class: "soft" }, "No metric has any points yet. Import sales or record points first."));
  const answer = h("div", { "aria-live": "polite" });
  const which = choice("Metric", "metricId", all.map((metric) => [metric.id, metric.name]));
  const revenue = all.find((metric) => metric.key === "revenue") ?? all[0];
  which.querySelector("select").value = revenue.id;
  const newest = Date.parse(revenue.latestPoint.at);
  const ask = async ({ metricId, first, last }) => {
    answer.replaceChildren(h("p", { class: "soft" }, "Comparing with what the history would lead to expect …"));
    try {
      const { explainChange } = await run(EXPLAIN, { input: { metricId, first, last, waitSeconds: 20 } });
      const { status, summary, caveats, failure, changeExplanation } = explainChange.run;
      answer.replaceChildren(
        ...changeExplanation
          ? [h("p", {}, summary), ...explained(changeExplanation), ...caveats.map((caveat) => h("p", { class: "small soft" }, caveat))]
          : [h("p", {}, failure ?? `The explanation is ${words(status)}; ask again in a moment.`)],
      );
    } catch (error) {
      answer.replaceChildren();
      throw error;
    }
  };
  main.replaceChildren(
    h("section", { class: "card" }, h("h2", {}, "Why did it change?"),
      form([which,
        field("From", { name: "first", type: "date", required: true, value: isoDay(newest - 13 * DAY) }),
        field("To", { name: "last", type: "date", required: true, value: isoDay(newest) })], "Explain", ask),
      answer),
    all.length < 2 ? "" : whatIf(all),
  );
}

function explained(found) {
  const amount = (value) => number(value, found.unit);
  const steps = [
    ["The days just before, on average", found.before],
    ...found.calendarParts.map((part) => [`Calendar: ${part.name}`, part.effect]),
    ["Expected, the calendar included", found.expected],
    ["Actual", found.actual],
  ];
  const list = (title, rows) => rows.length === 0 ? [] : [h("h3", {}, title), h("ul", {}, ...rows.map((row) => h("li", {}, row)))];
  return [
    h("table", {}, h("tbody", {}, ...steps.map(([what, value]) => h("tr", {}, h("th", { scope: "row" }, what), h("td", {}, amount(value)))),
      h("tr", {}, h("th", { scope: "row" }, "Change, and where it lies with 95 %"),
        h("td", {}, `${amount(found.change)} (${amount(found.lower)} to ${amount(found.upper)})`)),
      h("tr", {}, h("th", { scope: "row" }, "Not explained by any metric here"),
        h("td", {}, `${amount(found.unexplained)} (${amount(found.unexplainedLower)} to ${amount(found.unexplainedUpper)})`)))),
    ...list("What is behind it", found.causes.map((factor) => factor.words)),
    ...list("What moved with it", found.contributors.map((factor) => factor.words)),
    ...list("What was ruled out", found.ruledOut.map((factor) => factor.words)),
    ...list("What could not be judged", found.notTestable.map((factor) => `${factor.key}: ${factor.reason}`)),
  ];
}
