//! Arguments of a call against the function's schema. What an expression will give is not known and may be anything.

use serde_json::{Map, Value};

use super::Checker;
use crate::{
    document::Task, expression::embedded, pointer::join, problem::did_you_mean, schema::Schema,
    template::Template,
};

impl Checker<'_> {
    pub(super) fn arguments(
        &mut self,
        task: &Task,
        name: &str,
        schema: &Value,
        arguments: Option<&Template>,
    ) {
        let at = join(&task.pointer, "with");
        let given = self.definition.source.pointer(&at).cloned();
        let (at, given) = match (arguments, given) {
            (Some(_), Some(given)) => (at, given),
            _ => (task.pointer.clone(), Value::Object(Map::new())),
        };
        let mut walk =
            Walk { root: schema, owner: format!("task {}", task.name), name, found: Vec::new() };
        walk.value(&given, schema, &at);
        for (at, message, suggestion, at_key) in walk.found {
            if at_key {
                self.push_at_key(&at, message, suggestion);
            } else {
                self.push(&at, message, suggestion);
            }
        }
    }
}

struct Walk<'s> {
    root: &'s Value,
    owner: String,
    name: &'s str,
    /// Pointer, message, suggestion, whether it is about the key.
    found: Vec<(String, String, Option<String>, bool)>,
}

impl Walk<'_> {
    fn value(&mut self, given: &Value, schema: &Value, at: &str) {
        let schema = self.resolve(schema);
        if !has_expression(given) {
            // Keys first: their messages name what is missing or too much.
            let before = self.found.len();
            self.keys(given, &schema, at);
            if self.found.len() == before {
                self.literal(given, &schema, at);
            }
            return;
        }
        match given {
            Value::Object(_) => self.keys(given, &schema, at),
            Value::Array(items) => {
                if let Some(kind) = refuses(&schema, "array") {
                    return self.mismatch(at, "a list", &kind);
                }
                for (index, item) in items.iter().enumerate() {
                    if let Some(of) = schema.get("items") {
                        self.value(item, of, &format!("{at}/{index}"));
                    }
                }
            }
            _ => {}
        }
    }

    fn resolve(&self, schema: &Value) -> Value {
        let mut schema = schema;
        for _ in 0..16 {
            let Some(pointer) = schema.get("$ref").and_then(Value::as_str) else { break };
            match pointer.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema.clone()
    }

    fn keys(&mut self, given: &Value, schema: &Value, at: &str) {
        let Value::Object(entries) = given else { return };
        if let Some(kind) = refuses(schema, "object") {
            return self.mismatch(at, "a mapping", &kind);
        }
        // Alternatives need the values; only what all of them share is checked here.
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for missing in required.filter_map(Value::as_str).filter(|key| !entries.contains_key(*key))
        {
            let message = format!("{} calls {} without \"{missing}\"", self.owner, self.name);
            let suggestion = properties
                .and_then(|properties| properties.get(missing))
                .and_then(|property| property.get("description").or_else(|| property.get("title")))
                .and_then(Value::as_str)
                .map(|what| format!("{missing}: {what}"));
            self.found.push((at.to_owned(), message, suggestion, true));
        }
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (key, value) in entries {
            let at = join(at, key);
            match properties.and_then(|properties| properties.get(key)) {
                Some(property) => self.value(value, property, &at),
                None if closed => {
                    let message = format!(
                        "{} gives {} \"{key}\", which it does not take",
                        self.owner, self.name
                    );
                    let names = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                    let suggestion = did_you_mean(key, names.clone()).or_else(|| {
                        let names: Vec<&str> = names.collect();
                        (!names.is_empty()).then(|| format!("it takes {}", names.join(", ")))
                    });
                    self.found.push((at, message, suggestion, true));
                }
                None => {}
            }
        }
    }

    fn literal(&mut self, given: &Value, schema: &Value, at: &str) {
        let mut own = schema.clone();
        if let (Value::Object(own), Value::Object(root)) = (&mut own, self.root) {
            for definitions in ["$defs", "definitions"] {
                if let Some(shared) = root.get(definitions) {
                    own.entry(definitions).or_insert_with(|| shared.clone());
                }
            }
        }
        // A schema that does not compile is the catalogue's mistake, not the workflow's.
        if let Ok(schema) = Schema::compile(&own)
            && let Err(violations) = schema.check(given)
        {
            let last = at.rsplit('/').next().unwrap_or_default();
            let message =
                format!("{}: {last} does not fit {}: {violations}", self.owner, self.name);
            self.found.push((at.to_owned(), message, None, false));
        }
    }

    fn mismatch(&mut self, at: &str, given: &str, wanted: &str) {
        let last = at.rsplit('/').next().unwrap_or_default();
        let message = format!("{}: {last} is {given}, {} takes {wanted}", self.owner, self.name);
        self.found.push((at.to_owned(), message, None, false));
    }
}

/// What the schema wants, where it does not want `kind`.
fn refuses(schema: &Value, kind: &str) -> Option<String> {
    match schema.get("type")? {
        Value::String(wanted) if wanted != kind => Some(wanted.clone()),
        Value::Array(wanted) if !wanted.iter().any(|wanted| wanted == kind) => {
            Some(Value::Array(wanted.clone()).to_string())
        }
        _ => None,
    }
}

fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => embedded(text).is_some(),
        Value::Array(items) => items.iter().any(has_expression),
        Value::Object(entries) => entries.values().any(has_expression),
        _ => false,
    }
}
