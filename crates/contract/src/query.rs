//! Query strings and path segments carry texts; the schemas speak of numbers and booleans.

use serde_json::{Map, Value, json};

use crate::{Operation, Place, schemas::Schemas};

/// The schema of the query as one object.
pub(crate) fn schema(operation: &Operation) -> Value {
    let parameters = || operation.parameters_in(Place::Query);
    let properties: Map<String, Value> =
        parameters().map(|parameter| (parameter.name.clone(), parameter.schema.clone())).collect();
    let required: Vec<&str> = parameters()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name.as_str())
        .collect();
    json!({
        "type": "object",
        "additionalProperties": !operation.closed_query,
        "required": required,
        "properties": properties,
    })
}

/// The pairs as one object, every value of the type that its schema names where it can be read so.
pub(crate) fn typed<'s>(
    pairs: &[(String, String)],
    schemas: &'s Schemas,
    schema_of: &dyn Fn(&str) -> Option<&'s Value>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, _) in pairs {
        let name = plain_name(name);
        if values.contains_key(name) {
            continue;
        }
        let given = pairs.iter().filter(|(other, _)| plain_name(other) == name);
        let texts: Vec<&str> = given.map(|(_, text)| text.as_str()).collect();
        let schema = schema_of(name).unwrap_or(&Value::Null);
        values.insert(name.to_owned(), typed_texts(schema, &texts, schemas));
    }
    values
}

/// `strategy[]` is another way to write `strategy`.
fn plain_name(name: &str) -> &str {
    name.strip_suffix("[]").unwrap_or(name)
}

fn typed_texts(schema: &Value, texts: &[&str], schemas: &Schemas) -> Value {
    let resolved = resolve(schema, schemas);
    if is_of_type(resolved, "array") {
        let items = resolved.get("items").unwrap_or(&Value::Null);
        let texts = match texts {
            [one] => one.split(',').collect(),
            many => many.to_vec(),
        };
        return texts.iter().map(|text| typed_text(items, text, schemas)).collect();
    }
    match texts {
        [one] => typed_text(schema, one, schemas),
        many => many.iter().map(|text| typed_text(schema, text, schemas)).collect(),
    }
}

/// One text as the type that its schema names; the text itself where it cannot be read so.
pub(crate) fn typed_text(schema: &Value, text: &str, schemas: &Schemas) -> Value {
    let schema = resolve(schema, schemas);
    let typed = if is_of_type(schema, "boolean") {
        text.parse::<bool>().ok().map(Value::from)
    } else if is_of_type(schema, "integer") || is_of_type(schema, "number") {
        text.parse::<i64>()
            .ok()
            .map(Value::from)
            .or_else(|| text.parse::<f64>().ok().map(Value::from))
    } else {
        None
    };
    typed.unwrap_or_else(|| text.into())
}

fn resolve<'s>(schema: &'s Value, schemas: &'s Schemas) -> &'s Value {
    schema.get("$ref").and_then(Value::as_str).and_then(|name| schemas.find(name)).unwrap_or(schema)
}

fn is_of_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}
