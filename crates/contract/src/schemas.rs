//! The schemas by name. They are kept as text; one is parsed when it is first asked for.

use std::{collections::HashMap, fmt, sync::OnceLock};

use serde_json::{Map, Value, json};

/// All named schemas. A reference is `{"$ref": "Name"}`, without a path.
pub(crate) struct Schemas {
    by_name: HashMap<&'static str, Slot>,
}

struct Slot {
    text: &'static str,
    parsed: OnceLock<Value>,
}

impl Schemas {
    /// Reads lines of the form `Name {…}`; the JSON is not looked at yet.
    pub(crate) fn read(text: &'static str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self {
            by_name: lines
                .map(|(name, text)| (name, Slot { text, parsed: OnceLock::new() }))
                .collect(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        self.by_name.get(name).map(Slot::value)
    }

    /// Puts a changed schema in the place of one that nobody has asked for yet.
    pub(crate) fn replace(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.by_name.get_mut(name) {
            slot.parsed = OnceLock::from(value);
        }
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }

    /// A schema that stands alone: every name it refers to, directly or through others, is copied under `$defs`.
    pub(crate) fn bundle(&self, schema: &Value) -> Value {
        let mut definitions = Map::new();
        let mut bundled = self.with_local_references(schema, &mut definitions);
        if let (Value::Object(keywords), false) = (&mut bundled, definitions.is_empty()) {
            keywords.insert("$defs".into(), Value::Object(definitions));
        }
        bundled
    }

    fn with_local_references(&self, schema: &Value, definitions: &mut Map<String, Value>) -> Value {
        match schema {
            Value::Object(keywords) => {
                let rewritten =
                    keywords.iter().map(|(keyword, value)| match (keyword.as_str(), value) {
                        ("$ref", Value::String(name)) => {
                            self.define(name, definitions);
                            (keyword.clone(), json!(format!("#/$defs/{name}")))
                        }
                        _ => (keyword.clone(), self.with_local_references(value, definitions)),
                    });
                Value::Object(rewritten.collect())
            }
            Value::Array(members) => members
                .iter()
                .map(|member| self.with_local_references(member, definitions))
                .collect(),
            plain => plain.clone(),
        }
    }

    fn define(&self, name: &str, definitions: &mut Map<String, Value>) {
        if definitions.contains_key(name) {
            return;
        }
        if let Some(schema) = self.find(name) {
            // The name is taken before the schema is walked, so that a schema may refer to itself.
            definitions.insert(name.to_owned(), Value::Null);
            let rewritten = self.with_local_references(schema, definitions);
            definitions.insert(name.to_owned(), rewritten);
        }
    }
}

impl Slot {
    fn value(&self) -> &Value {
        self.parsed.get_or_init(|| {
            serde_json::from_str(self.text).expect("the generator writes one JSON value a line")
        })
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Schemas({})", self.by_name.len())
    }
}
