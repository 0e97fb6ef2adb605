// One plan: its search as it goes on, what to do, what it costs, why, and why not.

import { run, subscribe, download, role, ApiError } from "./client.js";
import { h, number, moment, words, form, choice, field } from "./page.js";
import { lineChart } from "./chart.js";
import { planTables, planDays } from "./plan_tables.js";
import { FAMILIES } from "./ask.js";

const PROGRESS = `share note incumbent bound gap`;
const PLAN = `id kind status requestedAt requestedBy { name } finishedAt elapsedMs summary caveats failure request seed stopRequested stoppedEarly
  acceptedAt acceptedBy { name } progress { ${PROGRESS} } scenarioOf { id requestedAt } files { format path fileName }
  followedBy { amount goal { id title status } metric { name } }
  plan { status objective bound gap solver plan problem marginalReturns costs { name amount } againstToday { name before after change }
    bindingConstraints { says price } binding { says limit unit shadowPrice holdsFrom holdsTo } whyNot { members verified repairs { says from to unit } }
    foreseen { metric { name } unit bucket points { start mean standardDeviation } } stockTargets { product reorderPoint safetyStock serviceLevel } }`;
const FORMATS = { CSV: "CSV", XLSX: "Excel", CALENDAR: "Calendar" };
/** What a goal can follow of a plan, by its kind. */
const FIGURES = {
  INVENTORY: [["SPEND", "money for orders stays below the plan"], ["ORDERS", "units ordered reach the plan"]],
  BUDGET: [["SPEND", "spend stays below the plan"], ["RETURN", "return reaches the plan"]],
};
const isOpen = (status) => status === "QUEUED" || status === "RUNNING";
const percent = (share) => `${(100 * share).toFixed(2)} %`;
const list = (title, items) => items.length > 0 && h("div", {}, h("h3", {}, title), h("ul", { class: "small" }, ...items.map((item) => h("li", {}, item))));
const card = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), ...children);

/** Files of a run's plan, each a click away. */
export function files(one) {
  return one.files.map(({ format, path, fileName }) => h("button", { type: "button", class: "plain small", onclick: () =>
    download(path, fileName).catch((error) => alert(error instanceof ApiError ? error.message : "The download failed.")) }, FORMATS[format]));
}

function costs({ kind, plan }) {
  const today = plan.againstToday;
  const rows = (today ?? plan.costs.map(({ name, amount }) => ({ name, after: amount }))).filter((term) => term.after !== 0 || (term.before ?? 0) !== 0);
  const sum = (name) => rows.reduce((total, term) => total + term[name], 0);
  const columns = today ? ["before", "after", "change"] : ["after"];
  const better = kind === "BUDGET" ? 1 : -1;
  const shade = (name, value) => `number ${name === "change" && value * better > 0 ? "ON_TRACK" : ""}`;
  return h("div", { class: "scroll" }, h("table", {},
    h("tr", {}, h("th", {}, "Part"), ...(today ? ["Today", "Plan", "Change"] : ["Plan"]).map((title) => h("th", { class: "number" }, title))),
    ...rows.map((term) => h("tr", {}, h("td", {}, term.name), ...columns.map((name) => h("td", { class: "number" }, number(term[name]))))),
    h("tr", {}, h("td", {}, h("strong", {}, "Together")), ...columns.map((name) => h("td", { class: shade(name, sum(name)) }, h("strong", {}, number(sum(name))))))));
}

function why({ plan, caveats }) {
  // How far the limit may move, not where to: what a limit is called may count from elsewhere.
  const range = ({ limit, holdsFrom, holdsTo }) => {
    const ends = [holdsFrom !== null && [limit - holdsFrom, "fewer"], holdsTo !== null && [holdsTo - limit, "more"]]
      .filter((end) => end && end[0] > 0.005).map(([by, way]) => `${number(by)} ${way}`);
    return ends.length > 0 ? ` That holds for up to ${ends.join(" or ")}.` : "";
  };
  const limits = plan.binding.filter(({ says }) => !plan.bindingConstraints.some((rule) => rule.says === says));
  const parts = [
    list("Constraints that bind", plan.bindingConstraints.map(({ says, price }) => (price ? `${says}. Keeping it costs ${number(price)}.` : says))),
    list("What limits it", limits.slice(0, 8).map((one) => `${one.says.replace(" of skill 0 or higher", "")}. One more (${one.unit}) changes the result by ${number(one.shadowPrice)}.${range(one)}`)),
    list("To know", caveats),
  ].filter(Boolean);
  return parts.length > 0 && card("Why not better", ...parts);
}

function foreseen(plan) {
  return plan.foreseen.map(({ metric, unit, points }) => {
    const spread = 1.2816; // 80 % of a normal distribution
    const ahead = points.map(({ start, mean, standardDeviation: sd }) => ({ at: new Date(start), value: mean, low: mean - spread * sd, high: mean + spread * sd }));
    return h("div", {}, h("h3", {}, metric?.name ?? "Metric"), lineChart([], { unit, label: metric?.name ?? "Metric", ahead }));
  });
}

function found(one) {
  const { plan } = one;
  if (!plan) return [];
  const no = plan.whyNot;
  return [
    plan.plan && card("What to do", h("p", { class: "small soft" }, planDays(one)), ...planTables(one).filter(Boolean)),
    no && card("Why there is none", list("These cannot all be kept", no.members),
      list("The smallest ways out", no.repairs.map(({ says, from, to, unit }) => `${says}: from ${number(from)} to ${number(to)} ${unit}`)),
      h("p", { class: "small soft" }, no.verified ? "Proven: without any one of them the rest can be kept." : "Found, and not proven to be the smallest such set.")),
    plan.plan && plan.costs.length > 0 && card({ BUDGET: "What it brings", ROSTER: "What is not as it should be (points)" }[one.kind] ?? "What it costs", costs(one)),
    why(one),
    plan.foreseen.length > 0 && card("What was expected", ...foreseen(plan)),
  ];
}

/** Taking a plan on, and goals that follow it. */
function acceptance(one, metrics, business, redraw) {
  const figures = FIGURES[one.kind] ?? [];
  const dialog = h("dialog", {}, h("h2", {}, "Take this plan on"), form([
    field("A note, if you like", { name: "note", maxlength: 5000 }),
    ...(figures.length > 0 && metrics.length > 0 ? [
      choice("Set a goal that follows it", "figure", [["", "none"], ...figures]),
      choice("Seen in", "metricId", metrics.map(({ id, name, unit }) => [id, `${name} (${unit})`])),
      field("If history calls it unlikely: why take it on?", { name: "acknowledge" }),
    ] : []),
  ], "Take it on", async ({ note, figure, metricId, acknowledge }) => {
    const follow = figure ? [{ figure, metricId, objective: figure === "SPEND" ? "CUT_COSTS" : "GROW_REVENUE", ...(acknowledge ? { acknowledge } : {}) }] : [];
    const input = { runId: one.id, follow, ...(note ? { note } : {}) };
    await run(`mutation ($input: AcceptPlanInput!) { acceptPlan(input: $input) { userErrors { message } } }`, { input });
    dialog.close();
    await redraw();
  }), h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"));
  return dialog;
}

function search(progress) {
  if (!progress) return h("p", { class: "soft" }, "Waiting for its turn.");
  const { share, note, incumbent, bound, gap } = progress;
  const tile = (label, value) => h("div", { class: "tile" }, h("div", { class: "soft small" }, label), h("div", { class: "number" }, value));
  return h("div", {},
    h("div", { class: "bar", role: "progressbar", "aria-valuenow": Math.round((share ?? 0) * 100) }, h("div", { class: "done", style: `width:${Math.round((share ?? 0) * 100)}%` })),
    h("p", { class: "small" }, note),
    (incumbent !== null || bound !== null) && h("div", { class: "tiles" },
      tile("Best so far", incumbent === null ? "none yet" : number(incumbent)),
      tile("None can be better than", bound === null ? "not known" : number(bound)),
      tile("Between them", gap === null ? "not known" : percent(gap))));
}

export async function plan(main, business, leave, id) {
  let stop = null;
  leave.push(() => stop?.());

  async function draw() {
    const data = await run(`query ($id: ID!) { node(id: $id) { ... on Run { ${PLAN} } } metrics(first: 100) { edges { node { id name unit kind } } } }`, { id });
    const one = data.node;
    if (!one?.kind) throw new ApiError("There is no such plan.");
    const [name, family] = Object.entries(FAMILIES).find(([, { kind }]) => kind === one.kind) ?? [];
    if (!family) throw new ApiError("This run looks for no plan.");
    const may = role() !== "AUDITOR";
    const open = isOpen(one.status);
    const metrics = data.metrics.edges.map(({ node }) => node).filter(({ kind }) => kind === "FLOW");
    const dialog = acceptance(one, metrics, business, draw);
    const going = h("div", { "aria-live": "polite" }, open && search(one.progress));
    const status = open ? (one.stopRequested ? "stopping" : words(one.status)) : one.acceptedAt ? "taken on" : one.plan ? words(one.plan.status) : words(one.status);
    const proof = one.plan?.plan && [
      one.plan.status === "OPTIMAL" ? "Proven: none is better" : one.plan.gap === null ? null : `At most ${percent(one.plan.gap)} from the best`,
      one.stoppedEarly && "stopped before its time",
      `found by ${one.plan.solver} in ${number(one.elapsedMs / 1000)} s`,
      one.scenarioOf && `a variation of the question of ${moment(one.scenarioOf.requestedAt)}`,
    ].filter(Boolean).join("; ");
    main.replaceChildren(
      h("section", { class: "card" },
        h("div", { class: "row" }, h("h2", { style: "margin:0" }, family.title), h("span", { class: `badge ${one.acceptedAt ? "ON_TRACK" : one.failure || one.plan?.status === "INFEASIBLE" ? "MISSED" : ""}` }, status)),
        h("p", { class: "small soft" }, `Asked for ${moment(one.requestedAt)}${one.requestedBy?.name ? ` by ${one.requestedBy.name}` : ""}${one.acceptedAt ? `; taken on ${moment(one.acceptedAt)}${one.acceptedBy?.name ? ` by ${one.acceptedBy.name}` : ""}` : ""}.`),
        one.failure ? h("p", { class: "error" }, one.failure) : one.summary && h("p", { class: "lead" }, one.summary),
        proof && h("p", { class: "small soft" }, `${proof}.`),
        going,
        ...one.followedBy.filter(({ goal }) => goal).map(({ goal, metric, amount }) => h("p", { class: "small" }, h("a", { href: "#goals" }, goal.title), ` (${metric?.name}: ${number(amount)}) is `, h("span", { class: goal.status }, words(goal.status)))),
        h("div", { class: "row start" },
          may && open && !one.stopRequested && form([], "Stop, and keep the best", async () => {
            await run(`mutation ($id: ID!) { stopRun(input: { runId: $id }) { userErrors { message } } }`, { id });
            await draw();
          }),
          may && one.plan?.plan && !one.acceptedAt && h("button", { onclick: () => dialog.showModal() }, "Take it on"),
          may && !open && h("a", { class: "button plain", href: `#plans/new/${name}/${encodeURIComponent(one.id)}` }, "Change and ask again"),
          ...files(one),
          h("a", { href: "#plans" }, "All plans"))),
      ...found(one).filter(Boolean), dialog);
    if (open && !stop) {
      stop = subscribe(`subscription ($id: ID!) { runProgress(runId: $id) { run { status } progress { ${PROGRESS} } } }`, { id }, (item) => {
        if (isOpen(item.run.status)) main.querySelector("[aria-live]")?.replaceChildren(search(item.progress));
        else {
          stop?.();
          stop = null;
          draw().catch((error) => main.replaceChildren(h("p", { class: "error" }, error.message)));
        }
      });
    }
  }
  await draw();
}
