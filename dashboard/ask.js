// Asking for a plan: a form for each kind, filled from an earlier question where there is one.

import { run, role, ApiError } from "./client.js";
import { h, form } from "./page.js";
import { orders } from "./ask_orders.js";
import { staffing } from "./ask_staffing.js";
import { roster } from "./ask_roster.js";
import { budget } from "./ask_budget.js";
import { number, group } from "./fields.js";

/** By the name a kind has in addresses. */
export const FAMILIES = {
  orders: { kind: "INVENTORY", title: "Orders", mutation: "optimizeInventory", asks: "What to order, and when", form: orders },
  staffing: { kind: "STAFFING", title: "Staffing", mutation: "optimizeStaffing", asks: "How many people, on which shifts", form: staffing },
  roster: { kind: "ROSTER", title: "Roster", mutation: "optimizeRoster", asks: "Who works when", form: roster },
  budget: { kind: "BUDGET", title: "Budget", mutation: "optimizeBudget", asks: "Where to spend", form: budget },
};
const METRICS = `metrics(first: 100) { edges { node { id key name unit kind timeZone latestPoint { at } } } }`;
const EARLIER = `query ($id: ID!) { ${METRICS} node(id: $id) { ... on Run { request } } }`;

export async function ask(main, business, name, like) {
  if (role() === "AUDITOR") throw new ApiError("Auditors look; they ask for nothing.");
  const family = FAMILIES[name];
  const data = like ? await run(EARLIER, { id: like }) : await run(`{ ${METRICS} }`);
  const metrics = data.metrics.edges.map(({ node }) => node);
  const earlier = data.node?.request ?? null;
  const asked = family.form(business, metrics, earlier);
  const seconds = number("Search for at most (seconds)", earlier?.seconds ?? 10, { min: 1, max: 300, step: 1, required: true });
  const keep = h("input", { type: "checkbox", checked: earlier?.keep_constraints ?? true });
  main.replaceChildren(h("section", { class: "card" },
    h("h2", {}, family.asks),
    asked.intro && h("p", { class: "soft" }, asked.intro),
    form([
      ...asked.elements,
      group("Search", h("div", { class: "fields" }, seconds.element, h("label", { class: "check" }, keep, "Keep the constraints of the business"))),
    ], "Find a plan", async () => {
      const { problem, calendar, today } = asked.read();
      const input = { problem, calendar, today, seconds: seconds.get(), keepConstraints: keep.checked, waitSeconds: 0 };
      const answer = await run(`mutation ($input: OptimizeInput!) { ${family.mutation}(input: $input) { run { id } userErrors { message } } }`, { input });
      location.hash = `plans/${encodeURIComponent(answer[family.mutation].run.id)}`;
    }),
    h("p", {}, h("a", { href: "#plans" }, "Back to the plans"))));
}
