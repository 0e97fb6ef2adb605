// Plans: what was asked for, what was found; asked for anew, and side by side.

import { run, subscribe, role } from "./client.js";
import { h, number, moment, words } from "./page.js";
import { ask, FAMILIES } from "./ask.js";
import { files, plan } from "./plan.js";

const LINE = `id kind status requestedAt summary failure acceptedAt progress { note } files { format path fileName } followedBy { goal { title status } }`;
const EACH = 25;
const isOpen = (status) => status === "QUEUED" || status === "RUNNING";

/** `#plans`, `#plans/<run>`, `#plans/new/<kind>` and `#plans/new/<kind>/<run to begin from>`. */
export async function plans(main, business, leave) {
  const [, first, second, third] = location.hash.slice(1).split("/").map(decodeURIComponent);
  if (first === "new" && FAMILIES[second]) return ask(main, business, second, third);
  if (first) return plan(main, business, leave, first);
  return all(main, leave);
}

async function all(main, leave) {
  const body = h("tbody", {});
  const compared = h("div", {});
  const chosen = new Map();
  const following = new Map();
  leave.push(() => following.forEach((stop) => stop()));

  function row(one) {
    const title = Object.values(FAMILIES).find(({ kind }) => kind === one.kind).title;
    const pick = one.files.length > 0 && h("input", { type: "checkbox", "aria-label": "Compare", checked: chosen.has(one.id), style: "width:auto", onchange: (event) => {
      if (event.target.checked) chosen.set(one.id, one);
      else chosen.delete(one.id);
      compare().catch((error) => compared.replaceChildren(h("p", { class: "error" }, error.message)));
    } });
    return h("tr", { "data-run": one.id },
      h("td", {}, pick || ""),
      h("td", {}, title, h("div", { class: "small soft" }, moment(one.requestedAt))),
      h("td", {}, h("a", { href: `#plans/${encodeURIComponent(one.id)}` }, one.summary ?? one.failure ?? waiting(one.status, one.progress))),
      h("td", {},
        one.acceptedAt ? h("span", { class: "badge ON_TRACK" }, "taken on") : isOpen(one.status) ? h("span", { class: "badge" }, words(one.status)) : null,
        ...one.followedBy.filter(({ goal }) => goal).map(({ goal }) => h("div", { class: `small ${goal.status}` }, `${goal.title}: ${words(goal.status)}`))),
      h("td", {}, h("div", { class: "row start" }, ...files(one))));
  }
  const waiting = (status, progress) => `${words(status)}${progress ? `: ${progress.note}` : ""}`;

  async function compare() {
    const same = [...chosen.values()];
    if (same.length < 2) return compared.replaceChildren();
    const { scenarios } = await run(
      `query ($ids: [ID!]!) { scenarios(runIds: $ids) { runs { requestedAt } objectives terms { name amounts changes } } }`,
      { ids: same.map(({ id }) => id) },
    );
    compared.replaceChildren(h("section", { class: "card" }, h("h2", {}, "Side by side"), h("div", { class: "scroll" }, h("table", {},
      h("tr", {}, h("th", {}, "Part"), ...scenarios.runs.map(({ requestedAt }) => h("th", { class: "number" }, moment(requestedAt)))),
      ...scenarios.terms.map(({ name, amounts, changes }) => h("tr", {}, h("td", {}, name),
        ...amounts.map((amount, at) => h("td", { class: "number" }, number(amount), at > 0 && h("div", { class: "small soft" }, `${changes[at] < 0 ? "" : "+"}${number(changes[at])}`))))),
      h("tr", {}, h("th", {}, "In all"), ...scenarios.objectives.map((amount) => h("th", { class: "number" }, amount === null ? "" : number(amount))))))));
  }

  async function draw() {
    const parts = Object.values(FAMILIES).map(({ kind }) => `${kind}: runs(kind: ${kind}, last: ${EACH}) { edges { node { ${LINE} } } }`);
    const data = await run(`{ ${parts.join("\n")} }`);
    const known = Object.values(data).flatMap(({ edges }) => edges.map(({ node }) => node));
    known.sort((left, right) => (left.requestedAt < right.requestedAt ? 1 : -1));
    body.replaceChildren(...(known.length > 0 ? known.map(row) : [h("tr", {}, h("td", { colspan: 5, class: "soft" }, "No plans yet."))]));
    // An open run redraws the list when it has ended.
    for (const one of known.filter(({ status }) => isOpen(status))) {
      if (following.has(one.id)) continue;
      const stop = subscribe(`subscription ($id: ID!) { runProgress(runId: $id) { run { status } progress { note } } }`, { id: one.id }, ({ run: { status }, progress }) => {
        const link = [...body.querySelectorAll("tr")].find((line) => line.dataset.run === one.id)?.querySelector("a");
        if (!isOpen(status)) draw().catch(() => {});
        else if (link) link.textContent = waiting(status, progress);
      });
      following.set(one.id, stop);
    }
  }

  main.replaceChildren(
    role() !== "AUDITOR" && h("section", {}, h("div", { class: "tiles" }, ...Object.entries(FAMILIES).map(([name, { title, asks }]) =>
      h("a", { class: "tile", href: `#plans/new/${name}` }, h("div", { class: "number" }, title), h("div", { class: "small soft" }, asks))))) || "",
    h("section", { class: "card" }, h("h2", {}, "Plans"),
      h("p", { class: "soft" }, "Tick plans of one kind to see them side by side."),
      h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...["", "What", "Answer", "", "Files"].map((title) => h("th", {}, title)))), body))),
    compared);
  await draw();
}
