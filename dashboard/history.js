// What happened, oldest first, as it is in the log; new events arrive live.

import { run, subscribe } from "./client.js";
import { h, moment } from "./page.js";

const EVENT = `position type stream actor at command data unreadable`;
const PAGE = 50;

export async function history(main, business, leave) {
  const body = h("tbody", {});
  const row = (event) => {
    const data = event.unreadable ?? JSON.stringify(event.data);
    return h("tr", {}, h("td", { class: "number" }, event.position), h("td", {}, moment(event.at)), h("td", {}, event.type), h("td", { class: "small" }, event.actor),
      h("td", { class: "small" }, h("details", {}, h("summary", {}, event.stream), h("code", { style: "word-break:break-all" }, data.length > 4000 ? `${data.slice(0, 4000)} …` : data))));
  };
  const load = async (before) => {
    const { auditEvents } = await run(
      `query ($before: String) { auditEvents(last: ${PAGE}, before: $before) { edges { cursor node { ${EVENT} } } pageInfo { hasPreviousPage startCursor } } }`,
      { before },
    );
    body.prepend(...auditEvents.edges.map(({ node }) => row(node)));
    earlier.hidden = !auditEvents.pageInfo.hasPreviousPage;
    earlier.onclick = () => load(auditEvents.pageInfo.startCursor);
    return auditEvents.edges.at(-1)?.node.position;
  };
  const earlier = h("button", { class: "plain" }, "Earlier");
  main.replaceChildren(h("section", { class: "card" }, h("h2", {}, "History"),
    h("p", { class: "soft" }, "Everything that happened, in order. Nothing is changed or removed."),
    earlier,
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...["#", "When", "What", "Who", "Of"].map((title) => h("th", {}, title)))), body))));
  const last = await load(null);
  leave.push(subscribe(
    `subscription ($after: Position) { tenantEvents(after: $after) { ${EVENT} } }`,
    last === undefined ? {} : { after: last },
    (event) => body.append(row(event)),
  ));
}
