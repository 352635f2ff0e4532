//! Does a document match?

use serde_json::Value;

use super::{Dialect, Node};

pub(super) fn matches(node: &Node, document: &Value, dialect: Dialect) -> bool {
    match node {
        Node::Everything => true,
        Node::All(nodes) => nodes.iter().all(|node| matches(node, document, dialect)),
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, document, dialect)),
        Node::Not(node) => !matches(node, document, dialect),
        Node::Exists(field) => any_value(document, field, &|_| true),
        Node::Term { field, pattern } => {
            in_fields(field.as_deref(), document, dialect, &|field, value| {
                text_of(value).is_some_and(|text| pattern.matches(&text, dialect.folds_case(field)))
            })
        }
        Node::Range { field, range } => {
            in_fields(field.as_deref(), document, dialect, &|_, value| range.contains(value))
        }
    }
}

fn in_fields(
    field: Option<&str>,
    document: &Value,
    dialect: Dialect,
    accepts: &dyn Fn(&str, &Value) -> bool,
) -> bool {
    match field {
        Some(field) => any_value(document, field, &|value| accepts(field, value)),
        None => dialect
            .bare_fields()
            .iter()
            .any(|field| any_value(document, field, &|value| accepts(field, value))),
    }
}

/// Whether some value at a dotted path is accepted. Levels of arrays are skipped; `null`, `{}` and `[]` are no values.
fn any_value(value: &Value, path: &str, accepts: &dyn Fn(&Value) -> bool) -> bool {
    if path == "email.domain" {
        let domain = value["email"]
            .as_str()
            .and_then(|email| email.split_once('@'))
            .map(|(_, domain)| domain);
        return domain.is_some_and(|domain| accepts(&domain.into()));
    }
    at_path(value, path, accepts)
}

fn at_path(value: &Value, path: &str, accepts: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(|item| at_path(item, path, accepts)),
        Value::Object(object) if path.is_empty() => !object.is_empty() && accepts(value),
        Value::Object(object) => {
            let (head, tail) = path.split_once('.').unwrap_or((path, ""));
            let nested = object.get(head).is_some_and(|inner| at_path(inner, tail, accepts));
            // A key may itself hold dots.
            nested
                || (!tail.is_empty()
                    && object.get(path).is_some_and(|inner| at_path(inner, "", accepts)))
        }
        scalar => path.is_empty() && accepts(scalar),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::Query;
    use super::*;

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(query in ".{0,60}") {
            let outcome = Query::parse(&query, Dialect::Users);
            if let Ok(query) = outcome {
                query.matches(&json!({"email": "a@example.com", "n": 1}));
            }
        }

        #[test]
        fn a_quoted_value_is_found_and_no_other(value in ".{1,20}", other in ".{1,20}") {
            prop_assume!(value != other);
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let query = Query::parse(&format!("app_metadata.x:\"{quoted}\""), Dialect::Users).unwrap();
            let (same, different) = (json!({"app_metadata": {"x": value}}), json!({"app_metadata": {"x": other}}));
            prop_assert!(query.matches(&same));
            prop_assert!(!query.matches(&different));
        }

        #[test]
        fn not_and_or_follow_logic(a: bool, b: bool, c: bool) {
            let document = json!({"a": a, "b": b, "c": c});
            let holds = |query: &str| Query::parse(query, Dialect::Logs).unwrap().matches(&document);
            prop_assert_eq!(holds("a:true AND b:true"), a && b);
            prop_assert_eq!(holds("a:true OR b:true"), a || b);
            prop_assert_eq!(holds("NOT a:true"), !a);
            prop_assert_eq!(holds("NOT (a:true OR b:true)"), holds("NOT a:true AND NOT b:true"));
            prop_assert_eq!(holds("a:true OR b:true AND c:true"), a || (b && c));
        }
    }

    #[test]
    fn queries_find_what_the_documentation_says() {
        let jane = json!({
            "user_id": "auth0|1", "email": "Jane@Example.com", "name": "Jane Smith", "logins_count": 12,
            "created_at": "2025-03-01T10:00:00.000Z", "email_verified": true, "blocked": null,
            "identities": [{"connection": "db", "isSocial": false}],
            "app_metadata": {"plan": "Gold", "tags": ["a", "b"], "empty": {}, "note:x": "(y)"},
            "user_metadata": {"addresses": [{"city": "Paris"}, {"city": "Rome"}]},
        });
        for (query, expected) in [
            ("", true),
            ("*", true),
            (r#"email:"jane@example.com""#, true),
            ("email:jane*", true),
            ("name:smith", false),
            (r#"name:"jane smith""#, true),
            (r"name:jane\ smith", true),
            ("user_id:auth0", false),
            (r"user_id:auth0\|1", true),
            ("app_metadata.plan:gold", false),
            ("app_metadata.plan:Gold", true),
            ("app_metadata.tags:b", true),
            (r#"user_metadata.addresses.city:"Rome""#, true),
            ("identities.connection:db AND email_verified:true", true),
            ("identities.isSocial:true OR logins_count:12", true),
            ("NOT _exists_:last_login", true),
            ("_exists_:blocked", false),
            ("_exists_:app_metadata.empty", false),
            ("logins_count:[10 TO *]", true),
            ("logins_count:{12 TO 20]", false),
            ("created_at:[2025-01-01 TO 2025-03-01]", true),
            ("name:(jane OR \"Jane Smith\") AND NOT logins_count:1", true),
            ("email.domain:Example.com", true),
            ("name:jane* -email:jane*", false),
            ("nobody Jane@example.com", true),
            (r"app_metadata.note\:x:\(y\)", true),
        ] {
            let parsed = Query::parse(query, Dialect::Users).unwrap();
            assert_eq!(parsed.matches(&jane), expected, "{query}");
        }
    }

    #[test]
    fn wrong_queries_are_refused() {
        for query in [
            "name:",
            "(name:a",
            "name:a)",
            "AND",
            "name:\"a",
            "a:b:c",
            "name:[1 2]",
            "name:*a",
            "a~2",
            "x^4",
        ] {
            assert!(Query::parse(query, Dialect::Users).is_err(), "{query}");
        }
    }
}
