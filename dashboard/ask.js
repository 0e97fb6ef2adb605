// Asking for a plan: a form for each kind, filled from an earlier question where there is one.

import { run, role, ApiError } from "./client.js";
import { h, moment, form } from "./page.js";
import { orders } from "./ask_orders.js";
import { staffing } from "./ask_staffing.js";
import { roster } from "./ask_roster.js";
import { budget } from "./ask_budget.js";
import { number, pick, group } from "./fields.js";

/** By the name a kind has in addresses. */
export const FAMILIES = {
  orders: { kind: "INVENTORY", title: "Orders", mutation: "optimizeInventory", asks: "What to order, and when", form: orders },
  staffing: { kind: "STAFFING", title: "Staffing", mutation: "optimizeStaffing", asks: "How many people, on which shifts", form: staffing },
  roster: { kind: "ROSTER", title: "Roster", mutation: "optimizeRoster", asks: "Who works when", form: roster },
  budget: { kind: "BUDGET", title: "Budget", mutation: "optimizeBudget", asks: "Where to spend", form: budget },
};
const KNOWN = `metrics(first: 100) { edges { node { id key name unit kind timeZone latestPoint { at } } } }
  runs(kind: $kind, last: 100) { edges { node { id acceptedAt summary } } }`;
const ANEW = `query ($kind: RunKind!) { ${KNOWN} }`;
const LIKE = `query ($kind: RunKind!, $id: ID!) { ${KNOWN} node(id: $id) { ... on Run { request } } }`;

export async function ask(main, business, name, like) {
  if (role() === "AUDITOR") throw new ApiError("Auditors look; they ask for nothing.");
  const family = FAMILIES[name];
  const { kind } = family;
  const data = like ? await run(LIKE, { kind, id: like }) : await run(ANEW, { kind });
  const metrics = data.metrics.edges.map(({ node }) => node);
  const earlier = data.node?.request ?? null;
  const asked = family.form(business, metrics, earlier);
  const seconds = number("Search for at most (seconds)", earlier?.seconds ?? 10, { min: 1, max: 300, step: 1, required: true });
  const taken = data.runs.edges.map(({ node }) => node).filter(({ acceptedAt }) => acceptedAt).toReversed();
  const goesOn = pick("Compare with the plan taken on", [["", taken.length > 0 ? "no plan" : "none was taken on yet"],
    ...taken.map(({ id, acceptedAt, summary }) => [id, `${moment(acceptedAt)}: ${summary}`])]);
  const keep = h("input", { type: "checkbox", checked: earlier?.keep_constraints ?? true });
  main.replaceChildren(h("section", { class: "card" },
    h("h2", {}, family.asks),
    asked.intro && h("p", { class: "soft" }, asked.intro),
    form([
      ...asked.elements,
      group("Search", h("div", { class: "fields" }, seconds.element, goesOn.element, h("label", { class: "check" }, keep, "Keep the constraints of the business"))),
    ], "Find a plan", async () => {
      const { problem, calendar } = asked.read();
      const today = goesOn.get() ? { run: goesOn.get() } : undefined;
      const input = { problem, calendar, today, seconds: seconds.get(), keepConstraints: keep.checked, waitSeconds: 0 };
      const answer = await run(`mutation ($input: OptimizeInput!) { ${family.mutation}(input: $input) { run { id } userErrors { message } } }`, { input });
      location.hash = `plans/${encodeURIComponent(answer[family.mutation].run.id)}`;
    }),
    h("p", {}, h("a", { href: "#plans" }, "Back to the plans"))));
}
