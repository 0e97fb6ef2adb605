//! A person who is erased is gone from everything that is shown; that it happened is not.

use serde_json::{Value, json};

use super::{goals, world};

const ERASE: &str = "mutation ($id: ID!, $k: String) { erasePerson(input: {personId: $id}, idempotencyKey: $k) {
    user { email name active } position userErrors { code field } } }";
const HISTORY: &str = "{ auditEvents(first: 100) { edges { node { type actor data } } } }";

#[tokio::test]
async fn an_erased_person_is_gone_and_the_history_says_so() {
    let business = world::business().await;
    let member = business.member.ok("{ viewer { user { id } } }", Value::Null).await["viewer"]["user"]["id"].clone();
    let goal = business
        .member
        .ok(
            "mutation ($i: CreateGoalInput!) { createGoal(input: $i) { goal { id } userErrors { message } } }",
            json!({"i": {"title": "Readers", "description": "In my words", "relevance": "Mine too",
                "measure": {"manual": {"unit": "readers"}}, "aim": {"up": {"baseline": "1", "target": "2"}},
                "objective": "WIN_CUSTOMERS", "due": goals::due(), "cadence": "WEEKLY"}}),
        )
        .await["createGoal"]["goal"]["id"]
        .clone();
    let recorded = "mutation ($g: ID!) { recordGoalProgress(input: {goalId: $g, value: \"1.5\", note: \"My note\"}) {
        goal { id } userErrors { message } } }";
    business.member.ok(recorded, json!({"g": goal})).await;
    let paused = "mutation ($g: ID!) { pauseGoal(input: {goalId: $g, reason: \"My reason\"}) {
        goal { id } userErrors { message } } }";
    business.member.ok(paused, json!({"g": goal})).await;

    let erased = business.owner.ok(ERASE, json!({"id": member, "k": "erase-1"})).await["erasePerson"].clone();
    assert_eq!(erased["user"], json!({"email": null, "name": null, "active": false}), "{erased}");
    let again = business.owner.ok(ERASE, json!({"id": member, "k": "erase-1"})).await["erasePerson"].clone();
    assert_eq!(again["userErrors"], json!([]), "erasing twice is no fault: {again}");

    let shown = "query ($g: ID!, $p: Position) { goal(id: $g, minPosition: $p) { title description relevance
        pauses { reason } readings(first: 10) { edges { node { recordedValue note } } } }
        invitations(first: 10) { edges { node { email } } } }";
    let shown = business.owner.ok(shown, json!({"g": goal, "p": erased["position"]})).await;
    assert_eq!(shown["goal"]["title"], "Readers");
    let text = shown.to_string();
    for gone in ["In my words", "Mine too", "My note", "My reason", business.member.email.as_str()] {
        assert!(!text.contains(gone), "`{gone}` in {text}");
    }

    // The auditor reads that it happened, who asked for it, and nothing of the person.
    let history = business.auditor.ok(HISTORY, Value::Null).await.to_string();
    for gone in ["In my words", "My note", "My reason", business.member.email.as_str()] {
        assert!(!history.contains(gone), "`{gone}` in {history}");
    }
    for there in ["ErasureRequested", "SubjectErased", "$erased", business.admin.email.as_str()] {
        assert!(history.contains(there), "no `{there}` in {history}");
    }
    assert_eq!(history.matches("SubjectErased").count(), 1, "once, however often it is asked for");

    // Access ended with the data.
    let login = "mutation ($i: LoginInput!) { login(input: $i) { tokens { accessToken } userErrors { code field } } }";
    let input = json!({"i": {"email": business.member.email, "password": world::PASSWORD}});
    assert_eq!(world::anonymous().await.refusal(login, input).await.0, "WRONG_CREDENTIALS");
}

#[tokio::test]
async fn an_invited_person_can_be_erased_before_they_join() {
    let owner = world::owner().await;
    let invite = "mutation { inviteUser(input: {email: \"forget.me@example.com\", role: MEMBER}) {
        token invitation { id } userErrors { code } } }";
    let invited = owner.ok(invite, Value::Null).await["inviteUser"].clone();
    let erased = owner.ok(ERASE, json!({"id": invited["invitation"]["id"]})).await["erasePerson"].clone();
    assert_eq!(erased["user"], Value::Null, "{erased}");
    let shown = "query ($p: Position) { invitations(first: 10, minPosition: $p) { edges { node { email status } } } }";
    let shown = owner.ok(shown, json!({"p": erased["position"]})).await;
    assert_eq!(shown["invitations"]["edges"][0]["node"], json!({"email": null, "status": "REVOKED"}));
    let accept = "mutation ($t: String!, $p: String!) { acceptInvitation(input: {token: $t, name: \"N\", password: $p})
        { userErrors { code field } } }";
    let token = json!({"t": invited["token"], "p": world::PASSWORD});
    assert_eq!(world::anonymous().await.refusal(accept, token).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn the_last_owner_is_not_erased_and_admins_erase_no_owner() {
    let business = world::business().await;
    let owner = business.owner.ok("{ viewer { user { id } } }", Value::Null).await["viewer"]["user"]["id"].clone();
    assert_eq!(business.owner.refusal(ERASE, json!({"id": owner})).await.0, "LAST_OWNER");
    assert_eq!(business.admin.refusal(ERASE, json!({"id": owner})).await.0, "NOT_ALLOWED");
}
