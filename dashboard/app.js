// The page: who is signed in decides what is shown, the address decides which view.

import { role, signedIn, signIn, signOut, whenSessionEnds, run, liveState } from "./client.js";
import { h, form, field } from "./page.js";
import { overview } from "./overview.js";
import { goals } from "./goals.js";
import { plans } from "./plans.js";
import { sales } from "./sales.js";
import { history as past } from "./history.js";
import { why } from "./why.js";
import { join, people } from "./people.js";

const VIEWS = {
  overview: { title: "Overview", show: overview },
  goals: { title: "Goals", show: goals },
  plans: { title: "Plans", show: plans },
  why: { title: "Why?", show: why, hidden: () => role() === "AUDITOR" },
  sales: { title: "Import sales", show: sales, hidden: () => role() === "AUDITOR" },
  people: { title: "People", show: people, hidden: () => role() === "MEMBER" || role() === "AUDITOR" },
  history: { title: "History", show: past, hidden: () => role() === "MEMBER" },
};
const app = document.getElementById("app");
let leave = [];

function login(message = "", look = "error") {
  document.title = "Sign in · Dyocense";
  app.replaceChildren(
    h("div", { class: "card login" },
      h("h1", {}, "Dyocense"),
      h("p", { class: "soft" }, "Sign in to your business."),
      form([
        field("E-mail", { name: "email", type: "email", autocomplete: "username", required: true }),
        field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true }),
      ], "Sign in", async ({ email, password }) => {
        await signIn(email, password);
        show();
      }),
      h("p", { class: look, role: "alert" }, message),
      h("p", { class: "small soft" }, "The API is at /graphql; its ", h("a", { href: "/explorer" }, "explorer"), " works without a network."),
    ),
  );
}

async function show() {
  for (const stop of leave.splice(0)) stop();
  const [place, token] = location.hash.slice(1).split("/");
  if (place === "join" && token) {
    document.title = "Join · Dyocense";
    return app.replaceChildren(join(token, () => {
      window.history.replaceState(null, "", "/");
      login("Welcome. Sign in with your e-mail and the password you chose.", "ON_TRACK");
    }));
  }
  if (!signedIn()) return login();
  const name = location.hash.slice(1).split("/")[0] || "overview";
  const view = VIEWS[name] ?? VIEWS.overview;
  const main = h("main", {}, h("p", { class: "soft" }, "Loading …"));
  const dot = h("span", { class: `live ${liveState.on ? "on" : ""}`, title: "Whether changes arrive live" });
  const watch = (on) => dot.classList.toggle("on", on);
  liveState.watch.add(watch);
  leave.push(() => liveState.watch.delete(watch));
  let data;
  try {
    data = await run(`{ viewer { role user { name } business { name currency timeZone } } }`);
  } catch (error) {
    return signedIn() ? app.replaceChildren(h("main", {}, h("p", { class: "error" }, error.message))) : login("Please sign in again.");
  }
  const { business, user } = data.viewer;
  document.title = `${view.title} · ${business.name}`;
  app.replaceChildren(
    h("header", { class: "top" },
      h("h1", {}, business.name),
      h("nav", { "aria-label": "Views" }, ...Object.entries(VIEWS).filter(([, v]) => !v.hidden?.()).map(([key, { title }]) =>
        h("a", { href: `#${key}`, "aria-current": VIEWS[key] === view && "page" }, title))),
      dot,
      h("span", { class: "small soft" }, `${user?.name ?? "API key"}, ${data.viewer.role.toLowerCase()}`),
      h("button", { class: "plain", onclick: signOut }, "Sign out"),
    ),
    main,
  );
  try {
    await view.show(main, business, leave);
  } catch (error) {
    main.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
  }
}

addEventListener("hashchange", show);
whenSessionEnds(() => login("Your session has ended."));
show();
