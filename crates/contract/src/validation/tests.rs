//! Sentences one by one, the order of faults, and agreement with a general validator.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;
use crate::contract;

fn fault(schema: &Value, value: &Value) -> Option<(String, String)> {
    let schemas = Schemas::read("Role {\"type\":\"string\",\"minLength\":3}");
    check(schema, value, &schemas).err().map(|fault| (fault.sentence, fault.path))
}

#[test]
fn every_keyword_has_its_sentence() {
    let object = json!({"type": "object", "required": ["a", "b"], "properties": {"a": {}}});
    let closed = json!({"additionalProperties": false, "properties": {"a": {}}});
    for (schema, value, sentence) in [
        (json!({"type": "string"}), json!(1), "Expected type string but found type integer"),
        (json!({"type": "integer"}), json!(1.5), "Expected type integer but found type number"),
        (
            json!({"type": ["string", "null"]}),
            json!([]),
            "Expected type string,null but found type array",
        ),
        (json!({"type": "boolean"}), json!(null), "Expected type boolean but found type null"),
        (json!({"type": "array"}), json!({}), "Expected type array but found type object"),
        (json!({"format": "email"}), json!(""), "Object didn't pass validation for format email: "),
        (json!({"enum": ["a", "b"]}), json!("c"), "No enum match for: c"),
        (json!({"enum": ["a", "b"]}), json!({"c": 1}), "No enum match for: {\"c\":1}"),
        (json!({"const": true}), json!(false), "No enum match for: false"),
        (
            json!({"anyOf": [{"type": "string"}]}),
            json!(1),
            "Data does not match any schemas from 'anyOf'",
        ),
        (
            json!({"oneOf": [{"type": "string"}]}),
            json!(1),
            "Data does not match any schemas from 'oneOf'",
        ),
        (
            json!({"oneOf": [{}, {}]}),
            json!(1),
            "Data is valid against more than one schema from 'oneOf'",
        ),
        (json!({"not": {}}), json!(1), "Data matches schema from 'not'"),
        (object, json!({"a": 1}), "Missing required property: b"),
        (closed, json!({"x": 1, "a": 1, "y": 1}), "Additional properties not allowed: y,x"),
        (
            json!({"additionalProperties": false}),
            json!({"x": 1}),
            "Additional properties not allowed: x",
        ),
        (json!({"minProperties": 1}), json!({}), "Too few properties defined (0), minimum 1"),
        (
            json!({"maxProperties": 1}),
            json!({"a": 1, "b": 1}),
            "Too many properties defined (2), maximum 1",
        ),
        (json!({"minItems": 1}), json!([]), "Array is too short (0), minimum 1"),
        (json!({"maxItems": 1}), json!([1, 2]), "Array is too long (2), maximum 1"),
        (
            json!({"uniqueItems": true}),
            json!([3, 1, 2, 1]),
            "Array items are not unique (indexes 1 and 3)",
        ),
        (json!({"minLength": 2}), json!("😀"), "String is too short (2 chars), minimum 2"),
        (json!({"maxLength": 1}), json!("ab"), "String is too long (2 chars), maximum 1"),
        (
            json!({"pattern": "^(?!org_)[a-z]+$"}),
            json!("org_a"),
            "String does not match pattern ^(?!org_)[a-z]+$: org_a",
        ),
        (json!({"minimum": 0}), json!(-1), "Value -1 is less than minimum 0"),
        (json!({"maximum": 100}), json!(101), "Value 101 is greater than maximum 100"),
        (json!({"multipleOf": 2}), json!(3), "Value 3 is not a multiple of 2"),
        (json!({"$ref": "Role"}), json!("ab"), "String is too short (2 chars), minimum 3"),
        (
            json!({"allOf": [{"$ref": "Role"}]}),
            json!(1),
            "Expected type string but found type integer",
        ),
    ] {
        assert_eq!(
            fault(&schema, &value),
            Some((sentence.to_owned(), String::new())),
            "{schema} {value}"
        );
    }
}

#[test]
fn a_value_that_a_keyword_does_not_speak_of_passes() {
    for (schema, value) in [
        (json!({"minLength": 3, "pattern": "x", "format": "email"}), json!(null)),
        (json!({"minimum": 3, "minItems": 3, "required": ["a"]}), json!("text")),
        (json!({"enum": [1]}), json!(1.0)),
        (json!({"type": "number"}), json!(1)),
        (json!({"type": "integer"}), json!(1.0)),
        (json!({"format": "nobody-knows-it"}), json!("x")),
        (json!({}), json!({"a": 1})),
        (json!(true), json!(1)),
    ] {
        assert_eq!(fault(&schema, &value), None, "{schema} {value}");
    }
}

#[test]
fn a_path_leads_to_the_property() {
    let schema = json!({
        "properties": {"groups": {"items": {"properties": {"email": {"format": "email"}}}}},
        "items": {"type": "string"},
    });
    for (value, path) in [
        (json!({"groups": [{"email": "x"}]}), "groups[0].email"),
        (json!({"groups": [{"email": "a@example.com"}, {"email": "x"}]}), "groups[1].email"),
        (json!(["a", 1]), "[1]"),
    ] {
        assert_eq!(fault(&schema, &value).map(|(_, path)| path).as_deref(), Some(path), "{value}");
    }
}

#[test]
fn the_first_fault_is_the_one_that_z_schema_meets_first() {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "kind"],
        "properties": {"name": {"type": "string"}, "kind": {"type": "string"}},
    });
    for (value, sentence) in [
        // The object itself comes before its members, unknown properties before missing ones (they are written later).
        (json!({"x": 1, "name": 1}), "Additional properties not allowed: x"),
        (json!({}), "Missing required property: kind"),
        (json!({"kind": "a"}), "Missing required property: name"),
        // Members are looked at from the last to the first.
        (json!({"name": 1, "kind": null}), "Expected type string but found type null"),
    ] {
        assert_eq!(
            fault(&schema, &value).map(|(sentence, _)| sentence).as_deref(),
            Some(sentence),
            "{value}"
        );
    }
}

#[test]
fn no_schema_of_the_contract_uses_a_keyword_that_is_not_checked() {
    const CHECKED: [&str; 23] = [
        "$ref",
        "type",
        "format",
        "enum",
        "const",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "contains",
        "oneOf",
        "anyOf",
        "allOf",
    ];
    const SAYS_NOTHING: [&str; 4] = ["default", "readOnly", "writeOnly", "contentMediaType"];
    let mut unknown = BTreeSet::new();
    contract().each_keyword(&mut |keyword, _| {
        if !CHECKED.contains(&keyword) && !SAYS_NOTHING.contains(&keyword) {
            unknown.insert(keyword.to_owned());
        }
    });
    assert_eq!(unknown, BTreeSet::new());
}

#[test]
fn every_body_schema_agrees_with_a_general_validator_on_what_is_valid() {
    let (mut valid, mut refused) = (0, 0);
    for operation in contract().operations() {
        let Some(schema) = operation.body_schema() else { continue };
        let mut bundled = contract().bundle(schema);
        make_patterns_unicode(&mut bundled);
        let general = general_validator(&bundled);
        for seed in 0..100 {
            let value = Sampler { state: seed * 7919 + 17 }.sample(schema, 0);
            if value.is_null() {
                continue; // it stands for a body that was left out
            }
            let ours = operation.check_body(&value);
            assert_eq!(
                ours.is_ok(),
                general.is_valid(&value),
                "{} {value}: {ours:?}",
                operation.id
            );
            if ours.is_ok() {
                valid += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(
        valid > 2_000 && refused > 2_000,
        "{valid} valid, {refused} refused: the samples prove little"
    );
}

fn make_patterns_unicode(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::String(pattern)) = keywords.get_mut("pattern") {
                *pattern = patterns::unicode(pattern);
            }
            keywords.values_mut().for_each(make_patterns_unicode);
        }
        Value::Array(parts) => parts.iter_mut().for_each(make_patterns_unicode),
        _ => {}
    }
}

fn general_validator(schema: &Value) -> jsonschema::Validator {
    let mut formats = BTreeSet::new();
    collect_formats(schema, &mut formats);
    let options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true);
    let options = formats.into_iter().fold(options, |options, format| {
        options.with_format(format.clone(), move |text: &str| formats::accepts(&format, text))
    });
    options.build(schema).expect("the schema is sound")
}

fn collect_formats(schema: &Value, formats: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::String(format)) = keywords.get("format") {
                formats.insert(format.clone());
            }
            keywords.values().for_each(|schema| collect_formats(schema, formats));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect_formats(part, formats)),
        _ => {}
    }
}

/// Makes values that nearly fit a schema.
struct Sampler {
    state: u64,
}

impl Sampler {
    fn below(&mut self, limit: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % limit
    }

    fn one_of(&mut self, values: &[Value]) -> Value {
        let index = self.below(values.len());
        values[index].clone()
    }

    fn sample(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > 12 || self.below(25) == 0 {
            return self.one_of(&[
                json!(null),
                json!(1),
                json!("x"),
                json!([]),
                json!({}),
                json!(true),
                json!(-2.5),
            ]);
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            return self.sample(contract().schema(target).unwrap(), depth + 1);
        }
        if let Some(members) = schema.get("enum").and_then(Value::as_array) {
            return self.one_of(members);
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(parts) = schema.get(keyword).and_then(Value::as_array) {
                let index = self.below(parts.len());
                return self.sample(&parts[index], depth + 1);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let parts = parts.iter().map(|part| self.sample(part, depth + 1));
            let members = parts.filter_map(|part| part.as_object().cloned()).flatten();
            return Value::Object(members.collect());
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => self.one_of(kinds),
            kind => kind.cloned().unwrap_or_default(),
        };
        match kind.as_str() {
            Some("object") => self.object(schema, depth),
            Some("array") => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                (0..self.below(3)).map(|_| self.sample(items, depth + 1)).collect()
            }
            Some("string") => self.string(schema),
            Some("boolean") => json!(self.below(2) == 0),
            Some("integer" | "number") => {
                let limits = ["minimum", "maximum"]
                    .iter()
                    .filter_map(|keyword| schema.get(*keyword).cloned());
                let candidates: Vec<Value> =
                    limits.chain([json!(0), json!(3), json!(3_000_000)]).collect();
                self.one_of(&candidates)
            }
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let mut members = Map::new();
        for (name, schema) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let needed =
                required.is_some_and(|required| required.iter().any(|known| known == name));
            if if needed { self.below(30) > 0 } else { self.below(4) == 0 } {
                members.insert(name.clone(), self.sample(schema, depth + 1));
            }
        }
        if self.below(20) == 0 {
            members.insert("unheard_of".into(), json!("x"));
        }
        Value::Object(members)
    }

    fn string(&mut self, schema: &Value) -> Value {
        let shortest = schema.get("minLength").and_then(Value::as_u64).unwrap_or(1);
        let fitting = "a".repeat(usize::try_from(shortest).unwrap());
        self.one_of(&[
            json!(fitting),
            json!(fitting),
            json!("https://example.com/a"),
            json!("ann@example.com"),
            json!("con_0000000000000001"),
            json!("auth0|1"),
            json!("2024-01-01T00:00:00.000Z"),
            json!("#ffffff"),
            json!("+49123456"),
            json!(""),
            json!("Ü ".repeat(200)),
        ])
    }
}
