//! What of a JSON schema is a fact (types, limits, names) and what is prose or an example.

use serde_json::{Map, Value};

/// Keywords whose value is taken as it stands.
const PLAIN: [&str; 21] = [
    "type",
    "format",
    "enum",
    "const",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
    "readOnly",
    "writeOnly",
    "contentMediaType",
];

/// The facts of one schema. The order of keywords is kept, for it decides which error is reported first.
pub(crate) fn of_schema(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let mut facts = Map::new();
    for (keyword, value) in keywords {
        if let Some(fact) = of_keyword(keyword, value, keywords) {
            facts.insert(keyword.clone(), fact);
        }
    }
    if facts.len() == 1
        && let Some([only]) = facts.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
    {
        return only.clone();
    }
    Value::Object(facts)
}

fn of_keyword(keyword: &str, value: &Value, siblings: &Map<String, Value>) -> Option<Value> {
    match keyword {
        "$ref" => value.as_str().and_then(|target| target.rsplit('/').next()).map(Value::from),
        "properties" | "patternProperties" => Some(of_each_property(value)),
        "items" | "contains" | "additionalProperties" | "propertyNames" | "not" => {
            Some(of_schema(value))
        }
        "oneOf" | "anyOf" | "allOf" => {
            Some(value.as_array().into_iter().flatten().map(of_schema).collect::<Vec<_>>().into())
        }
        "default" => is_fact_as_default(value, siblings).then(|| value.clone()),
        plain => PLAIN.contains(&plain).then(|| value.clone()),
    }
}

fn of_each_property(properties: &Value) -> Value {
    let properties = properties.as_object().into_iter().flatten();
    Value::Object(properties.map(|(name, schema)| (name.clone(), of_schema(schema))).collect())
}

/// Free texts that the document gives as defaults are examples (`john.doe@gmail.com`); members of an enumeration are real.
fn is_fact_as_default(value: &Value, siblings: &Map<String, Value>) -> bool {
    !value.is_string()
        || ["enum", "$ref", "allOf"].iter().any(|keyword| siblings.contains_key(*keyword))
}

/// Calls `found` with every name that the schema refers to.
pub(crate) fn each_reference(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    ("$ref", Value::String(name)) => found(name),
                    _ => each_reference(value, found),
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|member| each_reference(member, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prose_and_examples_are_left_out_and_facts_stay() {
        for (schema, facts) in [
            (
                json!({"type": "string", "description": "A name.", "x-note": 1}),
                json!({"type": "string"}),
            ),
            (json!({"type": "string", "default": "Ann"}), json!({"type": "string"})),
            (json!({"enum": ["a"], "default": "a"}), json!({"enum": ["a"], "default": "a"})),
            (
                json!({"type": "boolean", "default": false}),
                json!({"type": "boolean", "default": false}),
            ),
            (json!({"$ref": "#/components/schemas/Role"}), json!({"$ref": "Role"})),
            (json!({"allOf": [{"$ref": "#/a/Role"}], "title": "T"}), json!({"$ref": "Role"})),
            (
                json!({"properties": {"description": {"type": "string", "example": "x"}}}),
                json!({"properties": {"description": {"type": "string"}}}),
            ),
            (json!({"additionalProperties": false}), json!({"additionalProperties": false})),
        ] {
            assert_eq!(of_schema(&schema), facts, "{schema}");
        }
    }

    #[test]
    fn references_are_found_at_any_depth() {
        let mut names = Vec::new();
        let schema =
            json!({"properties": {"a": {"items": {"$ref": "A"}}}, "oneOf": [{"$ref": "B"}]});
        each_reference(&schema, &mut |name| names.push(name.to_owned()));
        assert_eq!(names, ["A", "B"]);
    }
}
