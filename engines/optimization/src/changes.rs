//! Inputs of a question changed by name.

use serde_json::Value;

/// Lays `changes` over `target` as a JSON merge patch (RFC 7386), and one thing more: an object laid over a list
/// changes those members that its keys name, by their `name`, `product` or `channel` whatever its case, or by their
/// index from 0; null takes a member out.
///
/// # Errors
/// A key that names no member.
pub fn change(target: &mut Value, changes: &Value) -> Result<(), String> {
    let Value::Object(fields) = changes else {
        target.clone_from(changes);
        return Ok(());
    };
    if let Value::Array(members) = target {
        let mut gone: Vec<usize> = Vec::new();
        for (key, change_to) in fields {
            let at = member(members, key)?;
            match change_to {
                Value::Null => gone.push(at),
                other => change(&mut members[at], other)?,
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone.into_iter().rev().for_each(|at| drop(members.remove(at)));
        return Ok(());
    }
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(known) = target else { return Ok(()) };
    for (key, change_to) in fields {
        match change_to {
            Value::Null => drop(known.remove(key)),
            other => change(known.entry(key.clone()).or_insert(Value::Null), other)?,
        }
    }
    Ok(())
}

/// Names shown of a list that has no such member.
const SHOWN: usize = 8;

fn member(members: &[Value], key: &str) -> Result<usize, String> {
    let name = |member: &Value| {
        ["name", "product", "channel", "shift"].iter().find_map(|field| member[*field].as_str().map(str::to_owned))
    };
    let named = members.iter().position(|member| name(member).is_some_and(|name| name.eq_ignore_ascii_case(key)));
    let numbered = || key.parse::<usize>().ok().filter(|at| *at < members.len());
    named.or_else(numbered).ok_or_else(|| {
        let mut known: Vec<String> = members.iter().filter_map(name).take(SHOWN).collect();
        if known.is_empty() {
            return format!("{key:?} is no index of a list of {}", members.len());
        }
        if members.len() > known.len() {
            known.push("…".to_owned());
        }
        format!("nothing is called {key:?}; there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(mut target: Value, changes: &Value) -> Result<Value, String> {
        change(&mut target, changes).map(|()| target)
    }

    /// The examples of RFC 7386, appendix A, but those that lay an object over a list.
    #[test]
    fn objects_are_merged_as_the_standard_says() {
        for (original, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(changed(original.clone(), &patch), Ok(result), "{original} and {patch}");
        }
    }

    #[test]
    fn members_of_lists_are_changed_by_name_or_index() {
        let shop =
            json!({"products": [{"name": "Bread", "hold": 1.0}, {"name": "Cake", "hold": 2.0}], "capacity": [5, 6]});
        let patch = json!({"products": {"bread": {"hold": 3.0}}, "capacity": {"1": 7}});
        let after =
            json!({"products": [{"name": "Bread", "hold": 3.0}, {"name": "Cake", "hold": 2.0}], "capacity": [5, 7]});
        assert_eq!(changed(shop.clone(), &patch), Ok(after));
        let one = changed(shop.clone(), &json!({"products": {"Cake": null}})).unwrap();
        assert_eq!(one["products"], json!([{"name": "Bread", "hold": 1.0}]));
        let unknown = changed(shop.clone(), &json!({"products": {"pie": {}}})).unwrap_err();
        assert_eq!(unknown, "nothing is called \"pie\"; there are Bread, Cake");
        assert!(changed(shop, &json!({"capacity": {"2": 7}})).unwrap_err().contains("list of 2"));
    }
}
