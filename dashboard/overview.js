// What the business's sales add up to, and each metric over time.

import { run, subscribe } from "./client.js";
import { h, number, day, choice } from "./page.js";
import { lineChart } from "./chart.js";

const QUERY = `{
  salesTotals { orders units revenue customers firstDay lastDay }
  metrics(first: 100) { edges { node { id key name unit description latestPoint { at value } } } }
  notifications(last: 5) { edges { node { position title message at } } }
}`;
const SERIES = `query ($id: ID!, $bucket: Bucket!) {
  metric(id: $id) { name unit series(bucket: $bucket, maxPoints: 400) { bucket points { start value } } }
}`;
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
    const plot = async () => {
      const { metric } = await run(SERIES, { id: picked(which), bucket: picked(bucket) });
      const points = metric.series.points.map((point) => ({ at: new Date(point.start), value: Number(point.value) }));
      chart.replaceChildren(lineChart(points, { unit: metric.unit, label: metric.name }));
    };
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
      h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, "Over time"), h("div", { class: "row" }, which, bucket)), chart),
      h("section", { class: "card" }, h("h2", {}, "What you should know"),
        notifications.edges.length === 0
          ? h("p", { class: "soft" }, "Nothing yet. Set a goal, and its alerts appear here.")
          : h("ul", {}, ...notifications.edges.toReversed().map(({ node }) => h("li", {}, h("strong", {}, `${node.title}: `), node.message)))),
    );
    if (all.length) await plot();
  };
  await draw();
  let soon = null;
  leave.push(subscribe(
    `subscription ($after: Position) { tenantEvents(after: $after, types: ["TransactionsImported", "ImportCompleted", "MetricPointsRecorded"]) { position } }`,
    {},
    () => {
      clearTimeout(soon);
      soon = setTimeout(draw, 500);
    },
  ));
}
