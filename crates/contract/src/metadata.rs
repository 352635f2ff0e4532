//! How a change of `user_metadata` or `app_metadata` is applied, and which keys it may not have.
//!
//! The rule holds for users; `client_metadata` follows it too, except that an empty change leaves it alone.

use serde_json::{Map, Value};

/// Which of the two a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// The user's own data.
    User,
    /// The application's data about the user.
    App,
}

/// Top-level keys that `app_metadata` may not have.
const RESERVED: [&str; 18] = [
    "__tenant",
    "_id",
    "blocked",
    "clientID",
    "created_at",
    "email",
    "email_verified",
    "globalClientID",
    "global_client_id",
    "identities",
    "lastIP",
    "lastLogin",
    "loginsCount",
    "metadata",
    "multifactor",
    "multifactor_last_modified",
    "updated_at",
    "user_id",
];

/// What is stored after a change.
///
/// Only the first level is merged: a value replaces the stored one as a whole, lists and objects too; `null` removes the key;
/// an empty object, or `null` in its place, removes everything.
pub fn merged(stored: &Map<String, Value>, change: &Value) -> Map<String, Value> {
    let Value::Object(change) = change else { return Map::new() };
    if change.is_empty() {
        return Map::new();
    }
    let mut result = stored.clone();
    for (key, value) in change {
        if value.is_null() {
            result.shift_remove(key);
        } else {
            result.insert(key.clone(), value.clone());
        }
    }
    result
}

/// The first key that may not be stored: reserved in `app_metadata`, or with a dot or a dollar sign in its name.
pub fn refused_key(kind: Metadata, change: &Map<String, Value>) -> Option<&str> {
    let refused = |key: &&String| {
        key.contains(['.', '$']) || (kind == Metadata::App && RESERVED.contains(&key.as_str()))
    };
    change.keys().find(refused).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_merged_at_the_first_level_only() {
        let stored = json!({"a": 1, "deep": {"x": 1, "y": 2}, "list": [1, 2]});
        for (change, expected) in [
            (json!({"b": 2}), json!({"a": 1, "deep": {"x": 1, "y": 2}, "list": [1, 2], "b": 2})),
            (json!({"deep": {"x": 3}}), json!({"a": 1, "deep": {"x": 3}, "list": [1, 2]})),
            (json!({"list": [3]}), json!({"a": 1, "deep": {"x": 1, "y": 2}, "list": [3]})),
            (json!({"a": null}), json!({"deep": {"x": 1, "y": 2}, "list": [1, 2]})),
            (json!({"unknown": null}), stored.clone()),
            (json!({}), json!({})),
            (Value::Null, json!({})),
        ] {
            assert_eq!(
                Value::Object(merged(stored.as_object().unwrap(), &change)),
                expected,
                "{change}"
            );
        }
    }

    #[test]
    fn reserved_and_unstorable_keys_are_refused() {
        for (kind, change, refused) in [
            (Metadata::App, json!({"plan": 1, "email": "x"}), Some("email")),
            (Metadata::User, json!({"email": "x"}), None),
            (Metadata::User, json!({"a.b": 1}), Some("a.b")),
            (Metadata::App, json!({"$set": 1}), Some("$set")),
        ] {
            assert_eq!(refused_key(kind, change.as_object().unwrap()), refused, "{change}");
        }
    }

    fn map() -> impl Strategy<Value = Map<String, Value>> {
        let value = prop_oneof![
            any::<i32>().prop_map(Value::from),
            Just(json!({"x": 1})),
            Just(json!([1])),
            Just(Value::Null),
        ];
        btree_map("[a-e]", value, 0..5).prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_change_applied_twice_is_a_change_applied_once(stored in map(), change in map()) {
            let change = Value::Object(change);
            let once = merged(&stored, &change);
            prop_assert_eq!(merged(&once, &change), once);
        }

        #[test]
        fn what_a_change_does_not_name_stays(stored in map(), change in map()) {
            let result = merged(&stored, &Value::Object(change.clone()));
            prop_assume!(!change.is_empty());
            for (key, value) in &stored {
                if !change.contains_key(key) {
                    prop_assert_eq!(result.get(key), Some(value));
                }
            }
            for (key, value) in &change {
                prop_assert_eq!(result.get(key), Some(value).filter(|value| !value.is_null()));
            }
        }
    }
}
