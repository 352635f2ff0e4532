//! JSON schemas: those that definitions and catalogues bring, and the language's own.

use std::{fmt, sync::Arc};

use jsonschema::Validator;
use serde_json::Value;

/// A compiled schema; cheap to clone. It never fetches anything: a `$ref` to elsewhere does not compile.
#[derive(Clone)]
pub struct Schema(Arc<Validator>);

impl Schema {
    pub fn compile(source: &Value) -> Result<Self, String> {
        match jsonschema::options().build(source) {
            Ok(validator) => Ok(Self(Arc::new(validator))),
            Err(error) => Err(format!("not a JSON schema: {error}")),
        }
    }

    /// The first three violations as one sentence.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let violations: Vec<String> = self
            .0
            .iter_errors(value)
            .take(3)
            .map(|error| {
                let place = error.instance_path().to_string();
                let message = error.masked_with("the value").to_string();
                if place.is_empty() { message } else { format!("{place}: {message}") }
            })
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(violations.join("; ")) }
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.0
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Schema")
    }
}
