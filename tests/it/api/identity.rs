//! Getting in, and who may do what.

use serde_json::{Value, json};

use super::world;

const REFRESH: &str = "mutation ($t: String!) { refreshSession(input: {refreshToken: $t}) {
    tokens { accessToken refreshToken } userErrors { code } } }";

#[tokio::test]
async fn a_registered_owner_is_who_the_viewer_says() {
    let owner = world::owner().await;
    let data = owner
        .ok("{ viewer { role user { email name active } business { currency timeZone } accessExpiresAt } }", json!({}))
        .await;
    let viewer = &data["viewer"];
    assert_eq!(viewer["role"], "OWNER");
    assert_eq!(viewer["user"], json!({"email": owner.email, "name": "Olive", "active": true}));
    assert_eq!(viewer["business"], json!({"currency": "EUR", "timeZone": "Europe/Berlin"}));
    let anonymous = world::anonymous().await;
    assert_eq!(anonymous.ok("{ viewer { role } }", json!({})).await["viewer"], Value::Null);
}

#[tokio::test]
async fn a_registration_is_refused_with_the_field_that_is_wrong() {
    let anonymous = world::anonymous().await;
    let register = "mutation ($i: RegisterBusinessInput!) { registerBusiness(input: $i) {
        tokens { accessToken } userErrors { code field message } } }";
    let input = |change: Value| {
        let mut input = json!({"name": "A", "timeZone": "UTC", "currency": "USD", "ownerName": "B",
            "email": "b@example.com", "password": world::PASSWORD});
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({"i": input})
    };
    let cases = [
        (json!({"name": " "}), "input.name"),
        (json!({"currency": "DOLLARS"}), "input.currency"),
        (json!({"email": "nobody"}), "input.email"),
        (json!({"password": "short"}), "input.password"),
    ];
    for (change, field) in cases {
        let refusal = anonymous.refusal(register, input(change)).await;
        assert_eq!(refusal, ("INVALID".to_owned(), field.to_owned()));
    }
    assert_eq!(anonymous.code(register, input(json!({"timeZone": "Mars/Olympus"}))).await, "INVALID");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let owner = world::owner().await;
    let login = "mutation ($i: LoginInput!) { login(input: $i) { tokens { accessToken }
        userErrors { code message field } } }";
    let mut answers = Vec::new();
    for email in [owner.email.as_str(), "nobody-at-all@example.com"] {
        let input = json!({"i": {"email": email, "password": "not the password"}});
        answers.push(world::anonymous().await.ok(login, input).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["login"]["userErrors"][0]["code"], "WRONG_CREDENTIALS");
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_ends_the_session() {
    let owner = world::owner().await;
    let anonymous = world::anonymous().await;
    let first = json!({"t": owner.refresh_token});
    let second = anonymous.ok(REFRESH, first.clone()).await["refreshSession"]["tokens"].clone();
    let third = anonymous.ok(REFRESH, json!({"t": second["refreshToken"]})).await["refreshSession"]["tokens"].clone();
    assert!(third["accessToken"].is_string());
    // The second is in use: the first cannot have been a lost answer's.
    assert_eq!(anonymous.refusal(REFRESH, first).await.0, "SESSION_ENDED");
    assert_eq!(anonymous.refusal(REFRESH, json!({"t": third["refreshToken"]})).await.0, "SESSION_ENDED");
    let mut client = owner.clone();
    client.token = Some(third["accessToken"].as_str().unwrap().to_owned());
    assert_eq!(client.ask("{ viewer { role } }", json!({})).await.0, 401);
}

#[tokio::test]
async fn the_last_owner_stays_and_admins_do_not_make_owners() {
    let business = world::business().await;
    let users = business.owner.ok("{ users { edges { node { id role } } } }", json!({})).await;
    let id_of = |role: &str| {
        let edges = users["users"]["edges"].as_array().unwrap();
        let edge = edges.iter().find(|edge| edge["node"]["role"] == role).unwrap();
        edge["node"]["id"].clone()
    };
    let change = "mutation ($u: ID!, $r: Role!) { changeRole(input: {userId: $u, role: $r}) {
        user { role } position userErrors { code field } } }";
    let last = business.owner.refusal(change, json!({"u": id_of("OWNER"), "r": "MEMBER"})).await;
    assert_eq!(last.0, "LAST_OWNER");
    let grant = business.admin.refusal(change, json!({"u": id_of("MEMBER"), "r": "OWNER"})).await;
    assert_eq!(grant, ("NOT_ALLOWED".to_owned(), "input.role".to_owned()));
    let changed = business.admin.ok(change, json!({"u": id_of("MEMBER"), "r": "AUDITOR"})).await;
    assert_eq!(changed["changeRole"]["user"]["role"], "AUDITOR");
    let remove = "mutation ($u: ID!) { removeUser(input: {userId: $u}) { user { active } userErrors { code } } }";
    let removed = business.owner.ok(remove, json!({"u": id_of("ADMIN")})).await;
    assert_eq!(removed["removeUser"]["user"]["active"], false);
}

#[tokio::test]
async fn an_api_key_is_shown_once_works_and_is_withdrawn() {
    let owner = world::owner().await;
    let create = "mutation ($k: String) { createApiKey(input: {name: \"till\", role: MEMBER}, idempotencyKey: $k) {
        key apiKey { id name role revoked } position userErrors { code field } } }";
    let made = owner.ok(create, json!({"k": "till-1"})).await;
    let again = owner.ok(create, json!({"k": "till-1"})).await;
    assert_eq!(again["createApiKey"]["key"], Value::Null, "a key is shown once");
    assert_eq!(again["createApiKey"]["apiKey"]["id"], made["createApiKey"]["apiKey"]["id"]);
    let mut machine = world::anonymous().await;
    machine.token = Some(made["createApiKey"]["key"].as_str().expect("the key").to_owned());
    assert_eq!(machine.ok("{ viewer { role user { id } } }", json!({})).await["viewer"]["role"], "MEMBER");
    assert_eq!(machine.code("mutation { renameBusiness { nothing } }", json!({})).await, "FORBIDDEN");
    let listed = owner.ok("{ apiKeys { edges { node { id name role revoked } } } }", Value::Null).await;
    assert_eq!(listed["apiKeys"]["edges"], json!([{"node": made["createApiKey"]["apiKey"]}]));
    let revoke = "mutation ($id: ID!) { revokeApiKey(input: {apiKeyId: $id}) { apiKey { revoked }
        userErrors { code } } }";
    let revoked = owner.ok(revoke, json!({"id": made["createApiKey"]["apiKey"]["id"]})).await;
    assert_eq!(revoked["revokeApiKey"]["apiKey"]["revoked"], true);
    assert_eq!(machine.ask("{ viewer { role } }", json!({})).await.0, 401);
    let too_much = "mutation { createApiKey(input: {name: \"x\", role: OWNER}) { userErrors { code field } } }";
    assert_eq!(owner.refusal(too_much, json!({})).await, ("INVALID".to_owned(), "input.role".to_owned()));
}

#[tokio::test]
async fn invitations_are_listed_and_taken_back() {
    let owner = world::owner().await;
    let invite = "mutation { inviteUser(input: {email: \"new@example.com\", role: MEMBER}) {
        token invitation { id } userErrors { code } } }";
    let invited = owner.ok(invite, json!({})).await;
    let revoke = "mutation ($id: ID!) { revokeInvitation(input: {invitationId: $id}) { invitation { status }
        userErrors { code } } }";
    let id = json!({"id": invited["inviteUser"]["invitation"]["id"]});
    assert_eq!(owner.ok(revoke, id).await["revokeInvitation"]["invitation"]["status"], "REVOKED");
    let accept =
        "mutation ($t: String!, $p: String!) { acceptInvitation(input: {token: $t, name: \"N\", password: $p}) {
        userErrors { code field } } }";
    let token = json!({"t": invited["inviteUser"]["token"], "p": world::PASSWORD});
    let refusal = world::anonymous().await.refusal(accept, token).await;
    assert_eq!(refusal, ("NOT_FOUND".to_owned(), "input.token".to_owned()));
    let listed =
        owner.ok("{ invitations(first: 10) { edges { node { status } } pageInfo { hasNextPage } } }", json!({}));
    assert_eq!(listed.await["invitations"]["edges"][0]["node"]["status"], "REVOKED");
}

#[tokio::test]
async fn whoever_is_invited_gets_a_mail_whose_link_lets_them_join() {
    let owner = world::owner().await;
    let email = format!("by-mail-{}", owner.email);
    let invite = "mutation ($e: String!) { inviteUser(input: {email: $e, role: AUDITOR}) {
        invitation { id status mailedAt } userErrors { code } } }";
    let invited = owner.ok(invite, json!({"e": email})).await;
    let id = invited["inviteUser"]["invitation"]["id"].clone();
    let mail = world::mail().await.arrived(&email).await;
    assert!(mail.contains(&format!("{} invites you", owner.email)), "{mail}");
    let accept =
        "mutation ($t: String!, $p: String!) { acceptInvitation(input: {token: $t, name: \"N\", password: $p}) {
        businessId userErrors { code field } } }";
    let mut joined = world::anonymous().await;
    let token = dyocense_tests::mail::token_in(&mail);
    let accepted = joined.ok(accept, json!({"t": token, "p": world::PASSWORD})).await;
    assert!(accepted["acceptInvitation"]["businessId"].is_string(), "{accepted}");
    joined.email = email;
    joined.log_in().await;
    assert_eq!(joined.ok("{ viewer { role } }", json!({})).await["viewer"]["role"], "AUDITOR");
    let query = "query ($id: ID!) { node(id: $id) { ... on Invitation { status mailedAt mailProblem } } }";
    let shown = loop {
        let shown = owner.ok(query, json!({"id": id})).await["node"].clone();
        // The mail may be read before its sending is on record.
        if shown["mailedAt"].is_string() {
            break shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((&shown["status"], &shown["mailProblem"]), (&json!("ACCEPTED"), &json!(null)));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let owner = world::owner().await;
    let mut other = owner.clone();
    other.log_in().await;
    let change = "mutation ($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) {
        position userErrors { code field } } }";
    let wrong = owner.refusal(change, json!({"c": "wrong", "n": "another long password"})).await;
    assert_eq!(wrong, ("WRONG_CREDENTIALS".to_owned(), "input.currentPassword".to_owned()));
    owner.ok(change, json!({"c": world::PASSWORD, "n": "another long password"})).await;
    assert_eq!(other.ask("{ viewer { role } }", json!({})).await.0, 401);
    assert_eq!(owner.ask("{ viewer { role } }", json!({})).await.0, 200);
}

#[tokio::test]
async fn renaming_answers_with_a_position_that_queries_can_wait_for() {
    let owner = world::owner().await;
    let rename = "mutation { renameBusiness(input: {name: \"New name\"}) { business { name } position
        userErrors { code } } }";
    let renamed = owner.ok(rename, json!({})).await;
    let position = renamed["renameBusiness"]["position"].as_i64().expect("a position");
    let query = "query ($p: Position) { business(minPosition: $p) { name } }";
    assert_eq!(owner.ok(query, json!({"p": position})).await["business"]["name"], "New name");
    assert_eq!(owner.code(query, json!({"p": position + 1_000_000})).await, "BEHIND");
}

#[tokio::test]
async fn whoever_has_logged_out_writes_nothing_more() {
    let owner = world::owner().await;
    let member = world::join(&owner, "MEMBER").await;
    let define = "mutation ($k: String!) { defineMetric(input: {key: $k, name: \"N\", unit: \"pieces\", kind: FLOW,
        goodDirection: UP}) { position userErrors { code } } }";
    assert!(member.ok(define, json!({"k": "before"})).await["defineMetric"]["position"].is_i64());
    let ended = member.ok("mutation { logout { position } }", json!({})).await;
    assert_eq!(member.ask(define, json!({"k": "after"})).await.0, 401, "{ended}");
    // Those of others stand, and a new role is known with the next request.
    let id = world::join(&owner, "ADMIN").await;
    let user = id.ok("{ viewer { user { id } role } }", json!({})).await["viewer"].clone();
    assert_eq!(user["role"], "ADMIN");
    let change = "mutation ($u: ID!) { changeRole(input: {userId: $u, role: AUDITOR}) { userErrors { code } } }";
    owner.ok(change, json!({"u": user["user"]["id"]})).await;
    assert_eq!(id.code(define, json!({"k": "after"})).await, "FORBIDDEN");
}

#[tokio::test]
async fn the_keys_that_a_person_made_end_with_the_persons_access() {
    let owner = world::owner().await;
    let create = "mutation ($n: String!) { createApiKey(input: {name: $n, role: MEMBER}) { key apiKey { id }
        userErrors { code } } }";
    let key = async |maker: &super::client::Client, name: &str| {
        let made = maker.ok(create, json!({"n": name})).await["createApiKey"].clone();
        let mut machine = world::anonymous().await;
        machine.token = Some(made["key"].as_str().expect("the key").to_owned());
        assert_eq!(machine.ok("{ viewer { role } }", json!({})).await["viewer"]["role"], "MEMBER");
        (machine, made["apiKey"]["id"].clone())
    };
    let (of_owner, _) = key(&owner, "owner's").await;
    let takers = [
        ("removeUser", "mutation ($u: ID!) { removeUser(input: {userId: $u}) { revokedApiKeys { id revoked } } }"),
        ("erasePerson", "mutation ($u: ID!) { erasePerson(input: {personId: $u}) { revokedApiKeys { id revoked } } }"),
    ];
    for (field, take) in takers {
        let mut admin = world::anonymous().await;
        let email = format!("{field}-{}", owner.email).to_lowercase();
        let invite = "mutation ($e: String!) { inviteUser(input: {email: $e, role: ADMIN}) { token } }";
        let invited = owner.ok(invite, json!({"e": email})).await;
        let accept = "mutation ($t: String!, $p: String!) {
            acceptInvitation(input: {token: $t, name: \"A\", password: $p}) { businessId } }";
        admin.ok(accept, json!({"t": invited["inviteUser"]["token"], "p": world::PASSWORD})).await;
        admin.email = email;
        admin.log_in().await;
        let (machine, id) = key(&admin, "admin's").await;
        let user = admin.ok("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"].clone();
        let taken = owner.ok(take, json!({"u": user})).await;
        assert_eq!(taken[field]["revokedApiKeys"], json!([{"id": id, "revoked": true}]), "{field}");
        assert_eq!(machine.ask("{ viewer { role } }", json!({})).await.0, 401, "{field}");
        assert_eq!(of_owner.ok("{ viewer { role } }", json!({})).await["viewer"]["role"], "MEMBER");
    }
    let listed = owner.ok(
        "{ auditEvents(filter: {types: [\"ApiKeyRevoked\"]}, first: 10) { edges { node { command } } } }",
        json!({}),
    );
    let commands = listed.await["auditEvents"]["edges"].clone();
    assert_eq!(commands, json!([{"node": {"command": "RemoveUser"}}, {"node": {"command": "ErasePerson"}}]));
}
