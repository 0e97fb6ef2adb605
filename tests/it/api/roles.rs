//! Every root field, asked for by every role: who may not is told so before anything else is looked at.

use dyocense_api::auth::matrix;
use dyocense_domain::identity::Role;
use serde_json::Value;

use super::world;

#[tokio::test]
async fn every_role_is_refused_what_it_may_not_use_and_nothing_else() {
    let business = world::business().await;
    let anonymous = world::anonymous().await;
    let people = [
        (Some(Role::Owner), &business.owner),
        (Some(Role::Admin), &business.admin),
        (Some(Role::Member), &business.member),
        (Some(Role::Auditor), &business.auditor),
        (None, &anonymous),
    ];
    let mut asked = 0;
    for (parent, field) in matrix::rows() {
        let operation = match parent {
            "Query" => "query",
            "Mutation" => "mutation",
            // Those need a socket.
            _ => continue,
        };
        for (role, client) in people {
            // A field that does not exist below it: whoever is let through is told that, and nothing is run.
            let code = client.code(&format!("{operation} {{ {field} {{ nothing }} }}"), Value::Null).await;
            let expected = match (matrix::allows(role, parent, field), role) {
                (true, _) => "INVALID",
                (false, Some(_)) => "FORBIDDEN",
                (false, None) => "UNAUTHENTICATED",
            };
            assert_eq!(code, expected, "{parent}.{field} as {role:?}");
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked} combinations");
}

#[tokio::test]
async fn every_role_may_subscribe_to_what_the_matrix_says_and_nothing_else() {
    let business = world::business().await;
    let people = [
        (Role::Owner, &business.owner),
        (Role::Admin, &business.admin),
        (Role::Member, &business.member),
        (Role::Auditor, &business.auditor),
    ];
    let fields: Vec<&str> =
        matrix::rows().filter(|(parent, _)| *parent == "Subscription").map(|(_, field)| field).collect();
    assert!(fields.len() >= 3, "{fields:?}");
    let anonymous = world::anonymous().await;
    for field in &fields {
        let query = format!("subscription {{ {field} {{ nothing }} }}");
        assert_eq!(anonymous.code(&query, Value::Null).await, "UNAUTHENTICATED", "{field}");
    }
    for (role, client) in people {
        let mut socket = client.socket().await;
        for field in &fields {
            socket.subscribe(field, &format!("subscription {{ {field} {{ nothing }} }}"), Value::Null).await;
            let answer = socket.receive().await.expect("an answer");
            let expected = if matrix::allows(Some(role), "Subscription", field) { "INVALID" } else { "FORBIDDEN" };
            assert_eq!((&answer["type"], &answer["id"]), (&"error".into(), &(*field).into()), "{answer}");
            assert_eq!(answer["payload"][0]["extensions"]["code"], expected, "{field} as {role:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_member_is_not_shown_what_people_do() {
    let owner = world::owner().await;
    let member = world::join(&owner, "MEMBER").await;
    let mut socket = member.socket().await;
    socket.subscribe("1", "subscription { tenantEvents(after: 0) { type stream } }", Value::Null).await;
    // The first events of the business are all about people; the first that is not is a metric's.
    let first = socket.item().await;
    assert!(first["tenantEvents"]["stream"].as_str().expect("a stream").starts_with("metric-"), "{first}");
    let code = member.code("{ auditEvents { edges { node { type } } } }", Value::Null).await;
    assert_eq!(code, "FORBIDDEN");
}
