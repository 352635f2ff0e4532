//! JSON Schemas of arguments, settings and bodies: compiled once, mistakes with a pointer.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value};

/// A compiled JSON Schema (2020-12).
#[derive(Clone)]
pub struct Schema {
    value: Value,
    validator: Arc<Validator>,
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mismatch {
    /// JSON pointer to the value; empty for the whole.
    pub pointer: String,
    pub message: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            return formatter.write_str(&self.message);
        }
        write!(formatter, "{}: {}", self.pointer, self.message)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(formatter)
    }
}

impl Schema {
    /// Refuses what is not a schema, with a sentence.
    pub(crate) fn compile(value: Value) -> Result<Self, String> {
        let validator = jsonschema::options()
            .should_validate_formats(false)
            .build(&value)
            .map_err(|error| format!("it is not a JSON Schema: {error}"))?;
        Ok(Self { value, validator: Arc::new(validator) })
    }

    /// Accepts anything.
    pub(crate) fn anything() -> Self {
        Self::compile(Value::Object(Map::new())).expect("the empty schema compiles")
    }

    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Every mismatch, without the values themselves: they may be secret.
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mismatch>> {
        let found: Vec<Mismatch> = self
            .validator
            .iter_errors(value)
            .map(|error| Mismatch {
                pointer: error.instance_path().to_string(),
                message: error.masked_with("the value").to_string(),
            })
            .collect();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// The value with the schema's `default`s for absent properties of the root.
    pub fn with_defaults(&self, value: &Value) -> Value {
        let mut value = value.clone();
        let properties = self.value.get("properties").and_then(Value::as_object);
        if let (Some(map), Some(properties)) = (value.as_object_mut(), properties) {
            for (name, property) in properties {
                if let Some(default) = property.get("default") {
                    map.entry(name.clone()).or_insert_with(|| default.clone());
                }
            }
        }
        value
    }

    /// Properties of the root whose values are secret: JSON Schema says `writeOnly`.
    pub(crate) fn secret_properties(&self) -> impl Iterator<Item = &str> {
        let properties = self.value.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .filter(|(_, property)| property.get("writeOnly") == Some(&Value::Bool(true)))
            .map(|(name, _)| name.as_str())
    }
}
