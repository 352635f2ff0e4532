//! Objects as maps, and how a change is applied to them.

use serde_json::{Map, Value};

/// The members of an object.
pub(in crate::management) type Fields = Map<String, Value>;

const MASK: &str = "********";

/// How a change is applied to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::management) enum Change {
    /// Each member that was sent takes the place of the stored one; `null` removes it.
    Merge,
    /// As `Merge`, and objects are merged member by member all the way down.
    MergeDeep,
    /// What was sent is all there is.
    Replace,
}

impl Change {
    pub(in crate::management) fn apply(self, before: &Fields, sent: &Fields) -> Fields {
        match self {
            Self::Replace => without_nulls(sent),
            Self::Merge => merged(before, sent, &|_, value| value.clone()),
            Self::MergeDeep => merged(before, sent, &deep),
        }
    }
}

fn deep(before: Option<&Value>, sent: &Value) -> Value {
    match (before, sent) {
        (Some(Value::Object(before)), Value::Object(sent)) => {
            Value::Object(merged(before, sent, &deep))
        }
        _ => sent.clone(),
    }
}

fn merged(
    before: &Fields,
    sent: &Fields,
    member: &dyn Fn(Option<&Value>, &Value) -> Value,
) -> Fields {
    let mut result = before.clone();
    for (name, value) in sent {
        if value.is_null() {
            result.shift_remove(name);
        } else {
            let value = member(before.get(name), value);
            result.insert(name.clone(), value);
        }
    }
    result
}

fn without_nulls(sent: &Fields) -> Fields {
    let given = sent.iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The members of a value that is an object; nothing of any other.
pub(in crate::management) fn fields_of(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// The value without the members at these dotted paths; a path leads through arrays.
pub(in crate::management) fn without(mut value: Value, paths: &[&str]) -> Value {
    for path in paths {
        at(&mut value, path, &|fields, name| {
            fields.shift_remove(name);
        });
    }
    value
}

/// The value with asterisks for the texts at these dotted paths.
pub(super) fn masking(mut value: Value, paths: &[&str]) -> Value {
    for path in paths {
        at(&mut value, path, &|fields, name| {
            if let Some(Value::String(text)) = fields.get_mut(name) {
                MASK.clone_into(text);
            }
        });
    }
    value
}

/// Does something to the member at the end of a path, wherever the path leads.
fn at(value: &mut Value, path: &str, act: &dyn Fn(&mut Fields, &str)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| at(item, path, act)),
        Value::Object(fields) => match path.split_once('.') {
            None => act(fields, path),
            Some((first, rest)) => {
                if let Some(inner) = fields.get_mut(first) {
                    at(inner, rest, act);
                }
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_applied_as_its_rule_says() {
        let before = fields_of(json!({"a": 1, "deep": {"x": 1, "y": 2}}));
        for (change, sent, after) in [
            (Change::Merge, json!({"b": 2}), json!({"a": 1, "deep": {"x": 1, "y": 2}, "b": 2})),
            (Change::Merge, json!({"a": null}), json!({"deep": {"x": 1, "y": 2}})),
            (Change::Merge, json!({"deep": {"x": 3}}), json!({"a": 1, "deep": {"x": 3}})),
            (
                Change::MergeDeep,
                json!({"deep": {"x": 3}}),
                json!({"a": 1, "deep": {"x": 3, "y": 2}}),
            ),
            (Change::Replace, json!({"b": 2, "c": null}), json!({"b": 2})),
        ] {
            let result = change.apply(&before, &fields_of(sent.clone()));
            assert_eq!(Value::Object(result), after, "{change:?} {sent}");
        }
    }

    #[test]
    fn members_are_removed_through_objects_and_arrays() {
        let value = json!({"id": 1, "token": "t", "sink": {"key": "k", "url": "u"}, "secrets": [{"name": "n", "value": "v"}]});
        assert_eq!(
            without(value, &["token", "sink.key", "secrets.value", "absent.path"]),
            json!({"id": 1, "sink": {"url": "u"}, "secrets": [{"name": "n"}]})
        );
    }
}
