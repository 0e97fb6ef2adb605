// Goals and their progress, live.

import { run, subscribe, role, ApiError } from "./client.js";
import { h, number, day, words, form, field, choice } from "./page.js";

const GOAL = `id title unit start due status lifecycle
  aim { direction baseline target low high }
  metric { name }
  pace { day actual expected progress expectedProgress projected requiredPerDay reason }
  forecast { value lower upper probability }
  feasibility { likelihood reason }
  milestones { id title value reachedOn missed }
  insight { summary }`;

// No forecast is certain.
const chance = (probability) => (probability > 0.99 ? "more than 99 %" : probability < 0.01 ? "less than 1 %" : `${Math.round(probability * 100)} %`);

function card(goal) {
  const { pace, aim, unit } = goal;
  const share = (value) => `${Math.round(Math.max(0, Math.min(1, Number(value ?? 0))) * 100)}%`;
  const aimWords = aim.direction === "KEEP_WITHIN"
    ? `between ${number(aim.low, unit)} and ${number(aim.high, unit)}`
    : `${aim.direction === "UP" ? "reach" : "come down to"} ${number(aim.target, unit)}`;
  return h("article", { class: "card" },
    h("div", { class: "row" }, h("h3", {}, goal.title), h("span", { class: `badge ${goal.status}` }, words(goal.lifecycle === "ACTIVE" ? goal.status : goal.lifecycle))),
    h("p", { class: "small soft", style: "margin:.2rem 0" }, `${goal.metric?.name ?? "By hand"}: ${aimWords}, ${day(goal.start)} – ${day(goal.due)}`),
    h("div", { class: "bar", role: "img", "aria-label": `${share(pace?.progress)} done, ${share(pace?.expectedProgress)} expected` },
      h("div", { class: "done", style: `width:${share(pace?.progress)}` }),
      pace && h("div", { class: "expected", style: `left:${share(pace.expectedProgress)}` })),
    h("p", { style: "margin:.3rem 0" }, pace ? `${pace.actual === null ? "No reading yet" : number(pace.actual, unit)}${pace.expected === null ? "" : `, ${number(pace.expected, unit)} expected by ${day(pace.day)}`}` : "No reading yet"),
    goal.forecast && goal.lifecycle === "ACTIVE" && h("p", { style: "margin:.3rem 0" },
      `Heading for ${number(goal.forecast.value, unit)} (${number(goal.forecast.lower)} to ${number(goal.forecast.upper)})`,
      goal.forecast.probability !== null && `, a chance of ${chance(Number(goal.forecast.probability))}`),
    h("p", { class: "small" }, goal.insight?.summary ?? pace?.reason ?? goal.feasibility.reason),
    goal.milestones.length > 0 && h("ul", { class: "small" }, ...goal.milestones.map((milestone) =>
      h("li", {}, `${milestone.title} (${number(milestone.value, unit)})`, milestone.reachedOn ? ` — reached ${day(milestone.reachedOn)}` : milestone.missed ? " — missed" : ""))));
}

export async function goals(main, business, leave) {
  const list = h("div", { class: "grid" });
  const follow = (goal) => {
    const place = h("div", {}, card(goal));
    leave.push(subscribe(
      `subscription ($goalId: ID!, $after: Position) { goalProgress(goalId: $goalId, after: $after) { position goal { ${GOAL} } } }`,
      { goalId: goal.id },
      (item) => place.replaceChildren(card(item.goal)),
    ));
    return place;
  };
  const data = await run(`{ goals(last: 50) { edges { node { ${GOAL} } } } metrics(first: 100) { edges { node { id name unit kind } } } }`);
  const known = data.goals.edges.map(({ node }) => node).toReversed();
  list.append(...known.map(follow));
  const metrics = data.metrics.edges.map(({ node }) => node);
  main.replaceChildren(
    h("div", { class: "row" }, h("h2", {}, "Goals"), role() !== "AUDITOR" && h("button", { onclick: () => dialog.showModal() }, "Set a goal")),
    known.length ? "" : h("p", { class: "soft" }, "No goals yet."),
    list,
  );

  const dialog = h("dialog", {}, h("h2", {}, "Set a goal"), form([
    field("Title", { name: "title", required: true, maxlength: 200, placeholder: "Sell 2,000 units by the end of next month" }),
    choice("Measured by", "metricId", metrics.map((metric) => [metric.id, `${metric.name} (${metric.unit})`])),
    choice("Counted as", "aggregation", [["TOTAL", "total since the start"], ["PERIOD_TOTAL", "total per period"], ["PERIOD_AVERAGE", "average per period"], ["LATEST", "latest value"]]),
    choice("Direction", "direction", [["up", "reach at least"], ["down", "come down to at most"]]),
    field("Target", { name: "target", inputmode: "decimal", required: true }),
    field("Due", { name: "due", type: "date", required: true }),
    choice("Looked at", "cadence", [["WEEKLY", "every week"], ["DAILY", "every day"], ["MONTHLY", "every month"], ["QUARTERLY", "every quarter"]]),
    choice("Objective", "objective", ["GROW_REVENUE", "WIN_CUSTOMERS", "KEEP_CUSTOMERS", "RAISE_PROFIT", "CUT_COSTS", "OTHER"].map((name) => [name, words(name)])),
    field("If history calls it unlikely: why take it on?", { name: "acknowledge" }),
  ], "Set goal", async (input) => {
    const variables = {
      input: {
        title: input.title,
        measure: { metric: { metricId: input.metricId, aggregation: input.aggregation } },
        aim: { [input.direction]: { target: input.target.trim() } },
        objective: input.objective,
        due: input.due,
        cadence: input.cadence,
        ...(input.acknowledge ? { acknowledge: input.acknowledge } : {}),
      },
    };
    const { createGoal } = await run(
      `mutation ($input: CreateGoalInput!) { createGoal(input: $input) { goal { ${GOAL} } userErrors { message } } }`,
      variables,
    );
    if (!createGoal.goal) throw new ApiError("The goal was not set.");
    list.prepend(follow(createGoal.goal));
    dialog.close();
  }), h("button", { class: "plain", onclick: () => dialog.close() }, "Cancel"));
  main.append(dialog);
}
