// What the business's sales add up to, and each metric over time.

import { role, run, subscribe } from "./client.js";
import { h, number, day, words, choice, form } from "./page.js";
import { lineChart } from "./chart.js";

const QUERY = `{
  salesTotals { orders units revenue customers firstDay lastDay }
  metrics(first: 100) { edges { node { id key name unit description latestPoint { at value } } } }
  notifications(last: 5) { edges { node { position title message at } } }
}`;
const SERIES = `query ($id: ID!, $bucket: Bucket!, $maxPoints: Int!) {
  metric(id: $id) { name unit series(bucket: $bucket, maxPoints: $maxPoints) { bucket points { start value } } }
  insights(metricId: $id, last: 20) { edges { node { bucket start value explanation withdrawnAt } } }
  runs(metricId: $id, kind: FORECAST, last: 5) { edges { node { requestedBy { name } forecast {
    bucket model points { start mean intervals { level lower upper } } } } } }
}`;
// How far ahead is worth looking in steps of each length.
const AHEAD = { DAY: 28, WEEK: 12, MONTH: 6, QUARTER: 4, YEAR: 2 };
const FORECAST = `mutation ($input: ForecastMetricInput!) { forecastMetric(input: $input) {
  run { status summary caveats failure forecast { model points { start mean intervals { level lower upper } } } }
  userErrors { message } } }`;
const ODD = `mutation ($input: DetectAnomaliesInput!) { detectAnomalies(input: $input) {
  run { status summary failure anomalies { anomalies { start explanation } } } userErrors { message } } }`;
const RIGHT = `query ($id: ID!) {
  metric(id: $id) { name unit }
  forecastAccuracy(metricId: $id, last: 20) { steps meanAbsoluteError bias coverage { level covered }
    run { finishedAt forecast { bucket model } } } }`;
const BUCKETS = [["MONTH", "by month"], ["WEEK", "by week"], ["DAY", "by day"], ["QUARTER", "by quarter"], ["YEAR", "by year"]];

export async function overview(main, business, leave) {
  const draw = async () => {
    const { salesTotals: totals, metrics, notifications } = await run(QUERY);
    const all = metrics.edges.map(({ node }) => node);
    const tile = (label, value) => h("div", { class: "tile" }, h("div", { class: "soft small" }, label), h("div", { class: "number" }, value));
    const chart = h("div", {});
    const which = choice("Metric", "metric", all.map((metric) => [metric.id, metric.name]));
    const bucket = choice("Steps", "bucket", BUCKETS);
    const picked = (label) => label.querySelector("select").value;
    const said = h("div", { "aria-live": "polite" });
    // More points than the picture's pixels are drawn in longer steps; beside a forecast they must be its own.
    const series = async (maxPoints) => {
      const { metric, insights, runs } = await run(SERIES, { id: picked(which), bucket: picked(bucket), maxPoints });
      const points = metric.series.points.map((point) => ({ at: new Date(point.start), value: Number(point.value) }));
      const odd = insights.edges.map(({ node }) => node)
        .filter((one) => one.bucket === metric.series.bucket && !one.withdrawnAt)
        .map((one) => ({ at: new Date(one.start), value: one.value, explanation: one.explanation }));
      const kept = runs.edges.map(({ node }) => node).toReversed().find((one) => one.forecast?.bucket === metric.series.bucket);
      return { metric, points, odd, kept };
    };
    const aheadOf = (forecast) => forecast.points.flatMap((point) => {
      const usual = point.intervals.find((one) => one.level === 80) ?? point.intervals[0];
      return usual ? [{ at: new Date(point.start), value: point.mean, low: usual.lower, high: usual.upper }] : [];
    });
    const plot = async () => {
      const { metric, points, odd, kept } = await series(400);
      // The newest forecast goes on where the points end; one that is older than they are has had its time.
      const ahead = kept ? aheadOf(kept.forecast).filter((point) => points.length === 0 || point.at > points.at(-1).at) : [];
      said.replaceChildren(ahead.length === 0 ? "" : h("p", { class: "small soft" },
        `Forecast ${kept.requestedBy ? `asked for by ${kept.requestedBy.name ?? "somebody"}` : "made again as data came"}. Model: ${kept.forecast.model}.`));
      chart.replaceChildren(lineChart(points, { unit: metric.unit, label: metric.name, bucket: metric.series.bucket, ahead, odd }));
    };
    const lookAhead = async () => {
      const steps = picked(bucket);
      const input = { metricId: picked(which), bucket: steps, horizon: AHEAD[steps], waitSeconds: 20 };
      const { forecastMetric } = await run(FORECAST, { input });
      const { status, summary, caveats, failure, forecast } = forecastMetric.run;
      if (!forecast) return said.replaceChildren(h("p", {}, failure ?? `The forecast is ${words(status)}; ask again in a moment.`));
      const ahead = aheadOf(forecast);
      const { metric, points, odd } = await series(2000);
      // A step that is not over yet is forecast, not shown.
      const over = points.filter((point) => point.at < ahead[0].at);
      chart.replaceChildren(lineChart(over.slice(-6 * ahead.length), { unit: metric.unit, label: metric.name, bucket: steps, ahead, odd }));
      said.replaceChildren(h("p", {}, summary), h("p", { class: "small soft" }, [`Model: ${forecast.model}`, ...caveats].join("; "), "."));
    };
    const lookBack = async () => {
      const input = { metricId: picked(which), bucket: picked(bucket), waitSeconds: 20 };
      const { detectAnomalies } = await run(ODD, { input });
      const { status, summary, failure, anomalies } = detectAnomalies.run;
      if (!anomalies) return said.replaceChildren(h("p", {}, failure ?? `The search is ${words(status)}; ask again in a moment.`));
      const newest = anomalies.anomalies.slice(-5).toReversed();
      said.replaceChildren(h("p", {}, summary), h("ul", {}, ...newest.map((one) => h("li", {}, one.explanation))));
    };
    const lookUp = async () => {
      const { metric, forecastAccuracy } = await run(RIGHT, { id: picked(which) });
      const judged = forecastAccuracy.filter((one) => one.steps > 0 && one.run.forecast.bucket === picked(bucket)).toReversed();
      if (judged.length === 0) {
        return said.replaceChildren(h("p", {}, `No step of a kept forecast of ${metric.name} in these steps is over yet; it is judged as its days pass.`));
      }
      const heads = ["Made", "Model", "Steps over", "Off by, on average", "Altogether", "Held within 80 %"];
      const held = (one) => one.coverage.find(({ level }) => level === 80)?.covered;
      said.replaceChildren(h("table", {},
        h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, ...judged.map((one) => h("tr", {}, ...[
          day(one.run.finishedAt), one.run.forecast.model.split(":")[0], number(one.steps), number(one.meanAbsoluteError, metric.unit),
          `${number(Math.abs(one.bias), metric.unit)} too ${one.bias < 0 ? "low" : "high"}`, held(one) === undefined ? "" : `${Math.round(held(one))} %`,
        ].map((cell) => h("td", {}, cell)))))));
    };
    const asking = (label, look) => form([], label, look);
    const revenue = all.find((metric) => metric.key === "revenue");
    if (revenue) which.querySelector("select").value = revenue.id;
    for (const label of [which, bucket]) label.querySelector("select").addEventListener("change", plot);
    main.replaceChildren(
      h("section", { class: "tiles", "aria-label": "Totals" },
        tile("Revenue", number(totals.revenue, business.currency)),
        tile("Orders", number(totals.orders)),
        tile("Units sold", number(totals.units)),
        tile("Customers", number(totals.customers)),
        tile("Sales from, to", totals.firstDay ? `${day(totals.firstDay)} – ${day(totals.lastDay)}` : "none yet")),
      h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, "Over time"), h("div", { class: "row" }, which, bucket)), chart,
        role() === "AUDITOR" ? "" : h("div", { class: "row start" }, asking("Forecast", lookAhead), asking("What was odd?", lookBack), asking("Were forecasts right?", lookUp)), said),
      h("section", { class: "card" }, h("h2", {}, "What you should know"),
        notifications.edges.length === 0
          ? h("p", { class: "soft" }, "Nothing yet. Set a goal or ask for a forecast, and what is odd or off the way appears here.")
          : h("ul", {}, ...notifications.edges.toReversed().map(({ node }) => h("li", {}, h("strong", {}, `${node.title}: `), node.message)))),
    );
    if (all.length) await plot();
  };
  await draw();
  let soon = null;
  leave.push(subscribe(
    `subscription ($after: Position) { tenantEvents(after: $after, types: ["TransactionsImported", "ImportCompleted", "MetricPointsRecorded", "MetricAnomalyDetected", "ForecastBreached"]) { position } }`,
    {},
    () => {
      clearTimeout(soon);
      soon = setTimeout(draw, 500);
    },
  ));
}
