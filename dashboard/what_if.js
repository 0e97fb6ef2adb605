// Where a metric would be heading if another went another way than it is expected to.

import { run } from "./client.js";
import { h, number, choice, field, form, step, words } from "./page.js";

const WHAT_IF = `mutation ($input: WhatIfInput!) { whatIf(input: $input) {
  run { status summary caveats failure whatIf { unit bucket
    baseline { mean } scenarios { points { start mean difference differenceIntervals { lower upper } } } } }
  userErrors { message } } }`;
const STEPS = { DAY: ["days", 28], WEEK: ["weeks", 12], MONTH: ["months", 6] };

/** `all`: the metrics that have points. */
export function whatIf(all) {
  const answer = h("div", { "aria-live": "polite" });
  const name = (id) => all.find((metric) => metric.id === id)?.name;
  const of = choice("What becomes of", "metricId", all.map((metric) => [metric.id, metric.name]));
  const driver = choice("If", "driverId", all.map((metric) => [metric.id, metric.name]));
  of.querySelector("select").value = (all.find((metric) => metric.key === "revenue") ?? all[0]).id;
  driver.querySelector("select").value = (all.find((metric) => metric.key === "orders") ?? all.at(-1)).id;
  const percent = field("were higher by % (lower: below 0)", { name: "percent", type: "number", min: -100, max: 1000, step: "any", value: 10, required: true });
  const steps = choice("Steps", "bucket", Object.entries(STEPS).map(([bucket, [many, ahead]]) => [bucket, `${ahead} ${many}`]));
  const ask = async ({ metricId, driverId, percent, bucket }) => {
    answer.replaceChildren(h("p", { class: "soft" }, "Learning from the history what goes with what …"));
    try {
      const scenario = { name: `${name(driverId)} ${Number(percent) < 0 ? "" : "+"}${percent} %`, drivers: [{ metricId: driverId, future: { changePercent: Number(percent) } }] };
      const input = { metricId, bucket, horizon: STEPS[bucket][1], levels: [80], scenarios: [scenario], waitSeconds: 20 };
      const { whatIf: { run: { status, summary, caveats, failure, whatIf: found } } } = await run(WHAT_IF, { input });
      answer.replaceChildren(...found
        ? [h("p", {}, summary), table(found), ...caveats.map((caveat) => h("p", { class: "small soft" }, caveat))]
        : [h("p", {}, failure ?? `The answer is ${words(status)}; ask again in a moment.`)]);
    } catch (error) {
      answer.replaceChildren();
      throw error;
    }
  };
  return h("section", { class: "card" }, h("h2", {}, "What if?"), form([of, driver, percent, steps], "Suppose", ask), answer);
}

function table({ unit, bucket, baseline, scenarios: [scenario] }) {
  const amount = (value) => number(value, unit);
  return h("table", {},
    h("thead", {}, h("tr", {}, ...["Step", "As expected", "Supposed", "Difference, and where it lies with 80 %"].map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...scenario.points.map(({ start, mean, difference, differenceIntervals: [{ lower, upper }] }, i) =>
      h("tr", {}, h("th", { scope: "row" }, step(start, bucket)), h("td", {}, amount(baseline[i].mean)), h("td", {}, amount(mean)),
        h("td", {}, `${amount(difference)} (${amount(lower)} to ${amount(upper)})`)))));
}
