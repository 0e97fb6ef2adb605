// Plans: what was asked for, what was found, as files; taken on, compared, stopped.

import { run, subscribe, download, role, ApiError } from "./client.js";
import { h, number, moment, words, form } from "./page.js";

const PLAN = `id kind status requestedAt elapsedMs summary caveats failure acceptedAt stoppedEarly
  progress { share note gap } scenarioOf { id requestedAt } files { format path fileName } followedBy { goal { title status } }
  plan { status objective bound gap solver costs { name amount } againstToday { name before after change }
    bindingConstraints { says price } binding { says unit shadowPrice } whyNot { members repairs { says from to unit } } }`;
const KINDS = { INVENTORY: "Orders", STAFFING: "Staffing", ROSTER: "Roster", BUDGET: "Budget" };
const EACH = 25;

const percent = (share) => `${(100 * share).toFixed(2)} %`;
const list = (title, items) => items.length > 0 && h("div", {}, h("h3", {}, title), h("ul", { class: "small" }, ...items.map((item) => h("li", {}, item))));

function costs(plan) {
  const today = plan.againstToday;
  const rows = today ?? plan.costs.map(({ name, amount }) => ({ name, after: amount }));
  return h("table", {},
    h("tr", {}, h("th", {}, "Part"), ...(today ? ["Today", "Plan", "Change"] : ["Plan"]).map((title) => h("th", { class: "number" }, title))),
    ...rows.map((term) => h("tr", {}, h("td", {}, term.name),
      ...(today ? [term.before, term.after, term.change] : [term.after]).map((amount) => h("td", { class: "number" }, number(amount))))));
}

function details(one) {
  const { plan } = one;
  if (!plan) return h("p", { class: one.failure ? "error" : "soft" }, one.failure ?? one.progress?.note ?? "Waiting for its turn.");
  const why = plan.whyNot;
  return h("div", {},
    plan.costs.length > 0 && h("div", { class: "scroll" }, costs(plan)),
    list("Constraints that bind", plan.bindingConstraints.map(({ says, price }) => (price ? `${says} (costs ${number(price)})` : says))),
    list("What else limits it", plan.binding.slice(0, 5).map(({ says, unit, shadowPrice }) => `${says}: one of ${unit} more changes it by ${number(shadowPrice)}`)),
    why && list("What cannot all be kept", why.members),
    why && list("Ways out", why.repairs.map(({ says, from, to, unit }) => `${says}: from ${number(from)} to ${number(to)} ${unit}`)),
    list("To know", one.caveats),
    h("p", { class: "small soft" }, [
      plan.gap === null ? null : plan.gap === 0 || plan.status === "OPTIMAL" ? "Proven: none is better" : `At most ${percent(plan.gap)} from the best`,
      `found by ${plan.solver} in ${number(one.elapsedMs / 1000)} s`,
      one.scenarioOf && `a variation of the question of ${moment(one.scenarioOf.requestedAt)}`,
    ].filter(Boolean).join("; ") + "."));
}

function files(one) {
  return one.files.map(({ format, path, fileName }) => h("a", { href: "#plans", onclick: (event) => {
    event.preventDefault();
    download(path, fileName).catch((error) => alert(error instanceof ApiError ? error.message : "The download failed."));
  } }, { CSV: "CSV", XLSX: "Excel", CALENDAR: "Calendar" }[format], " "));
}

export async function plans(main, business, leave) {
  const body = h("tbody", {});
  const compared = h("div", {});
  const chosen = new Map();
  const following = new Map();
  leave.push(() => following.forEach((stop) => stop()));

  function row(one) {
    const open = one.status === "QUEUED" || one.status === "RUNNING";
    const act = (label, query) => form([], label, async () => {
      await run(query, { id: one.id });
      await draw();
    });
    const may = role() !== "AUDITOR";
    const pick = one.plan?.costs.length > 0 && h("input", { type: "checkbox", "aria-label": "Compare", checked: chosen.has(one.id), style: "width:auto", onchange: (event) => {
      if (event.target.checked) chosen.set(one.id, one);
      else chosen.delete(one.id);
      compare().catch((error) => compared.replaceChildren(h("p", { class: "error" }, error.message)));
    } });
    return h("tr", { "data-run": one.id },
      h("td", {}, pick || ""),
      h("td", {}, KINDS[one.kind], h("div", { class: "small soft" }, moment(one.requestedAt))),
      h("td", {}, h("details", {}, h("summary", {}, one.summary ?? one.failure ?? `${words(one.status)}${one.progress ? `: ${one.progress.note}` : ""}`), details(one))),
      h("td", {}, ...files(one)),
      h("td", {},
        one.acceptedAt ? h("span", { class: "badge ON_TRACK" }, "taken on") : null,
        ...one.followedBy.filter(({ goal }) => goal).map(({ goal }) => h("div", { class: `small ${goal.status}` }, `${goal.title}: ${words(goal.status)}`)),
        may && open && act("Stop", `mutation ($id: ID!) { stopRun(input: { runId: $id }) { userErrors { message } } }`),
        may && !one.acceptedAt && one.files.length > 0 && act("Take on", `mutation ($id: ID!) { acceptPlan(input: { runId: $id }) { userErrors { message } } }`)));
  }

  async function compare() {
    const same = [...chosen.values()];
    if (same.length < 2) return compared.replaceChildren();
    const { scenarios } = await run(
      `query ($ids: [ID!]!) { scenarios(runIds: $ids) { runs { requestedAt } objectives terms { name amounts changes } } }`,
      { ids: same.map(({ id }) => id) },
    );
    compared.replaceChildren(h("h3", {}, "Side by side"), h("div", { class: "scroll" }, h("table", {},
      h("tr", {}, h("th", {}, "Part"), ...scenarios.runs.map(({ requestedAt }) => h("th", { class: "number" }, moment(requestedAt)))),
      ...scenarios.terms.map(({ name, amounts, changes }) => h("tr", {}, h("td", {}, name),
        ...amounts.map((amount, at) => h("td", { class: "number" }, number(amount), at > 0 && h("div", { class: "small soft" }, `${changes[at] < 0 ? "" : "+"}${number(changes[at])}`))))),
      h("tr", {}, h("th", {}, "In all"), ...scenarios.objectives.map((amount) => h("th", { class: "number" }, amount === null ? "" : number(amount)))))));
  }

  async function draw() {
    const parts = Object.keys(KINDS).map((kind) => `${kind}: runs(kind: ${kind}, last: ${EACH}) { edges { node { ${PLAN} } } }`);
    const data = await run(`{ ${parts.join("\n")} }`);
    const all = Object.values(data).flatMap(({ edges }) => edges.map(({ node }) => node));
    all.sort((left, right) => (left.requestedAt < right.requestedAt ? 1 : -1));
    body.replaceChildren(...(all.length > 0 ? all.map(row) : [h("tr", {}, h("td", { colspan: 5, class: "soft" }, "No plans yet. Ask for one with optimizeInventory, optimizeStaffing, optimizeRoster or optimizeBudget."))]));
    // An open run redraws the page when it has moved on.
    for (const one of all.filter(({ status }) => status === "QUEUED" || status === "RUNNING")) {
      if (following.has(one.id)) continue;
      const stop = subscribe(`subscription ($id: ID!) { runProgress(runId: $id) { run { status } progress { note } } }`, { id: one.id }, (item) => {
        const over = item.run.status !== "QUEUED" && item.run.status !== "RUNNING";
        if (over) draw().catch(() => {});
        else place(one, item);
      });
      following.set(one.id, stop);
    }
  }

  function place(one, { run: { status }, progress }) {
    const at = [...body.querySelectorAll("tr")].find((line) => line.dataset.run === one.id);
    if (at && progress) at.querySelector("summary").textContent = `${words(status)}: ${progress.note}`;
  }

  main.replaceChildren(h("section", { class: "card" }, h("h2", {}, "Plans"),
    h("p", { class: "soft" }, "What to order, whom to schedule, where to spend. Tick plans of one kind to see them side by side."),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...["", "What", "Answer", "Files", ""].map((title) => h("th", {}, title)))), body)),
    compared));
  await draw();
}
