use async_graphql::parser::parse_query;

use super::*;

const SDL: &str = "
    type Query { goals(first: Int, last: Int): GoalConnection! viewer: User }
    type GoalConnection { nodes: [Goal!]! edges: [GoalEdge!]! }
    type GoalEdge { node: Goal! }
    type Goal { id: ID! owner: User! related(first: Int): GoalConnection! }
    type User { id: ID! name: String goals(first: Int): GoalConnection! }
";

fn limits() -> GraphqlSettings {
    crate::settings::Settings::from_sources(None, []).unwrap().graphql
}

fn measured(text: &str, variables: serde_json::Value) -> Result<Measure, Fault> {
    scan(text)?;
    let document = parse_query(text).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let shape = Shape::of_sdl(SDL).unwrap();
    measure(&document, &operation.node, &Variables::from_json(variables), &shape, &limits())
}

fn refusal(text: &str) -> String {
    measured(text, serde_json::Value::Null).unwrap_err().message
}

#[test]
fn a_page_multiplies_what_lies_in_it() {
    let cost = |text: &str| measured(text, serde_json::json!({"n": 20})).unwrap().cost;
    assert_eq!(cost("{ goals(first: 10) { nodes { id } } }"), 1 + 10 + 10);
    assert_eq!(cost("query ($n: Int) { goals(first: $n) { nodes { id } } }"), 1 + 20 + 20);
    assert_eq!(cost("query ($m: Int = 30) { goals(last: $m) { nodes { id } } }"), 1 + 30 + 30);
    assert_eq!(cost("{ goals { nodes { id } } }"), 1 + 50 + 50);
    assert_eq!(cost("{ goals(first: 2) { nodes { related(first: 3) { nodes { id } } } } }"), 1 + 2 + 2 + 6 + 6);
}

#[test]
fn nested_pages_soon_cost_too_much() {
    let text =
        "{ goals(first:100) { nodes { related(first:100) { nodes { related(first:100) { nodes { id } } } } } } }";
    assert!(refusal(text).contains("costs more than 25000"));
}

#[test]
fn fragments_that_spread_each_other_twice_are_stopped_at_the_limit() {
    let mut text = "query { ...F0 }".to_owned();
    for i in 0..30 {
        text += &format!(" fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1);
    }
    text += " fragment F30 on Query { viewer { id } }";
    assert_eq!(refusal(&text), "the query selects more than 1000 fields");
}

#[test]
fn a_fragment_may_not_contain_itself() {
    assert_eq!(
        refusal("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"),
        "fragment `A` contains itself"
    );
}

#[test]
fn an_operation_that_does_not_run_is_in_bounds_too() {
    let mut text = "query run { viewer { id } } query idle { ...F0 }".to_owned();
    for i in 0..20 {
        text += &format!(" fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1);
    }
    text += " fragment F20 on Query { viewer { id } }";
    assert_eq!(refusal(&text), "the query selects more than 1000 fields");
}

#[test]
fn floods_are_refused() {
    let aliases: String = (0..1_000).map(|i| format!("a{i}: viewer {{ id }} ")).collect();
    assert!(refusal(&format!("{{ {aliases} }}")).contains("more than 50 aliases"));
    let fields = "viewer { id } ".repeat(3_000);
    assert!(refusal(&format!("{{ {fields} }}")).contains("more than 1000 fields"));
    let fields = "viewer { id } ".repeat(10_000);
    assert!(refusal(&format!("{{ {fields} }}")).contains("more than 15000 tokens"));
    let directives = "@include(if: true) ".repeat(500);
    assert!(refusal(&format!("{{ viewer {directives} {{ id }} }}")).contains("more than 50 directives"));
    let deep = "viewer { goals { nodes { owner { ".repeat(6) + "id" + &" } } } }".repeat(6);
    assert!(refusal(&format!("{{ {deep} }}")).contains("deep"));
    let brackets = "[".repeat(10_000);
    assert!(scan(&format!("{{ goals(first: {brackets}")).unwrap_err().message.contains("brackets"));
}

#[test]
fn strings_and_comments_hide_their_brackets() {
    let brackets = "[".repeat(200);
    for text in [
        format!("{{ a(x: \"{brackets}\") }}"),
        format!("{{ a(x: \"\\\"{brackets}\") }}"),
        format!("{{ a(x: \"\"\"{brackets}\"\"\") }}"),
        format!("{{ a # {brackets}\n }}"),
    ] {
        assert_eq!(scan(&text), Ok(()), "{text}");
    }
    assert!(scan(&format!("{{ a(x: \"\") {brackets}")).is_err());
}

#[test]
fn introspection_cannot_be_nested_into_itself() {
    assert!(
        refusal("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }")
            .contains("introspection")
    );
}

#[test]
fn what_is_touched_is_known_by_concrete_type() {
    let measure = measured(
        "{ goals(first: 1) { edges { node { ... on Goal { id } ...G } } } } fragment G on Goal { owner { name } }",
        serde_json::Value::Null,
    )
    .unwrap();
    let touched: Vec<_> = measure.touched.iter().map(|(parent, field)| format!("{parent}.{field}")).collect();
    assert_eq!(touched, ["Query.goals", "GoalConnection.edges", "GoalEdge.node", "Goal.id", "Goal.owner", "User.name"]);
    assert_eq!(measure.root_fields, ["goals"]);
}
