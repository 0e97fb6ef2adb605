// Who has access: invited, changed, taken back. And joining, for those who were invited.

import { run, role } from "./client.js";
import { h, day, moment, words, form, field, choice } from "./page.js";

const ROLES = ["MEMBER", "AUDITOR", "ADMIN", "OWNER"].map((name) => [name, words(name)]);
const QUERY = `{
  users(first: 100) { edges { node { id name email role active joinedAt } } }
  invitations(first: 100, open: true) { edges { node { id email role invitedAt expiresAt mailedAt mailProblem } } }
}`;
const PROBLEMS = { REFUSED: "the mail server refuses the address", UNREACHABLE: "no mail server took the mail" };

export async function people(main, business, leave) {
  const users = h("tbody", {});
  const invitations = h("div", {});
  const made = h("div", { "aria-live": "polite" });
  const act = (label, query, variables) => form([], label, async () => {
    await run(query, variables);
    await draw();
  });

  async function draw() {
    const data = await run(QUERY);
    const open = data.invitations.edges.map(({ node }) => node);
    users.replaceChildren(...data.users.edges.map(({ node }) => node).filter(({ active }) => active).map((one) => h("tr", {},
      h("td", {}, one.name ?? "erased", h("div", { class: "small soft" }, one.email)), h("td", {}, words(one.role)), h("td", {}, day(one.joinedAt)))));
    invitations.replaceChildren(open.length === 0 ? "" : h("div", {}, h("h3", {}, "Invited"), h("div", { class: "scroll" }, h("table", {}, ...open.map((one) => h("tr", {},
      h("td", {}, one.email), h("td", {}, words(one.role)),
      h("td", {}, one.mailedAt ? `mailed ${moment(one.mailedAt)}` : one.mailProblem ? h("span", { class: "error" }, PROBLEMS[one.mailProblem]) : "no mail was sent yet"),
      h("td", {}, `until ${day(one.expiresAt)}`),
      h("td", {}, act("Take back", `mutation ($id: ID!) { revokeInvitation(input: { invitationId: $id }) { userErrors { message } } }`, { id: one.id }))))))));
  }

  main.replaceChildren(h("section", { class: "card" }, h("h2", {}, "People"),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Who", "Role", "Since"].map((title) => h("th", {}, title)))), users)), invitations),
  h("section", { class: "card" }, h("h2", {}, "Invite somebody"), form([
    field("E-mail", { name: "email", type: "email", required: true }),
    choice("As", "as", ROLES.filter(([name]) => name !== "OWNER" || role() === "OWNER")),
  ], "Invite", async (input) => {
    const { inviteUser } = await run(`mutation ($input: InviteUserInput!) { inviteUser(input: $input) { token userErrors { message } } }`, { input: { email: input.email, role: input.as } });
    const link = `${location.origin}/#join/${inviteUser.token}`;
    made.replaceChildren(h("p", {}, "The invitation goes out by mail where this server sends mail. You can also pass this link on yourself; it is shown once:"), h("p", {}, h("code", { style: "word-break:break-all" }, link)));
    await draw();
  }), made));
  await draw();
  const timer = setInterval(() => draw().catch(() => {}), 5000);
  leave.push(() => clearInterval(timer));
}

/** The page behind an invitation's link. */
export function join(token, done) {
  return h("div", { class: "card login" }, h("h1", {}, "Dyocense"), h("p", { class: "soft" }, "You are invited to a business. Say who you are, and choose a password."), form([
    field("Name", { name: "name", required: true, maxlength: 200, autocomplete: "name" }),
    field("Password (at least 10 characters)", { name: "password", type: "password", required: true, minlength: 10, autocomplete: "new-password" }),
  ], "Join", async ({ name, password }) => {
    await run(`mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { userErrors { message } } }`, { input: { token, name, password } });
    done();
  }));
}
