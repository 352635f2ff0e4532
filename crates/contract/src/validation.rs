//! Checks a value against a schema and finds the fault that Auth0 would report first.
//!
//! Auth0's validator is the JavaScript library z-schema. It looks at the type, then at the keywords from the last one written
//! to the first, then at the children, again last to first; the first fault it meets is the one that the API tells. This
//! walks the same way. (A general validator is the oracle of the tests: both must agree on what is valid.)

mod formats;
mod patterns;
mod sentences;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::schemas::Schemas;

/// What is wrong, in z-schema's words, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) sentence: String,
    /// `groups[0].email`; empty for the value as a whole.
    pub(crate) path: String,
    /// The keyword that was violated.
    pub(crate) keyword: &'static str,
}

#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

/// Checks `value`; an error is the first fault.
pub(crate) fn check(schema: &Value, value: &Value, schemas: &Schemas) -> Result<(), Fault> {
    Walk { schemas, path: Vec::new() }.visit(schema, value)
}

struct Walk<'s, 'v> {
    schemas: &'s Schemas,
    path: Vec<Step<'v>>,
}

impl<'v> Walk<'_, 'v> {
    fn visit(&mut self, schema: &Value, value: &'v Value) -> Result<(), Fault> {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return Err(self.fault("not", sentences::NOT_PASSED.into())),
            _ => return Ok(()),
        };
        if let Some(name) = keywords.get("$ref").and_then(Value::as_str)
            && let Some(target) = self.schemas.find(name)
        {
            self.visit(target, value)?;
        }
        if let Some(expected) = keywords.get("type") {
            self.kind(expected, value)?;
        }
        for (keyword, argument) in keywords.iter().rev() {
            self.keyword(keyword, argument, keywords, value)?;
        }
        self.children(keywords, value)
    }

    fn kind(&self, expected: &Value, value: &Value) -> Result<(), Fault> {
        let found = sentences::type_of(value);
        let fits = |name: &str| name == found || (name == "number" && found == "integer");
        let fits = match expected {
            Value::Array(names) => names.iter().filter_map(Value::as_str).any(fits),
            name => name.as_str().is_none_or(fits),
        };
        if fits {
            Ok(())
        } else {
            Err(self.fault("type", sentences::invalid_type(expected, found)))
        }
    }

    fn keyword(
        &mut self,
        keyword: &str,
        argument: &Value,
        schema: &Map<String, Value>,
        value: &'v Value,
    ) -> Result<(), Fault> {
        match (keyword, argument) {
            ("allOf", Value::Array(parts)) => {
                parts.iter().rev().try_for_each(|part| self.visit(part, value))
            }
            ("anyOf", Value::Array(parts)) if self.matches(parts, value) == 0 => {
                Err(self.fault("anyOf", sentences::ANY_OF_MISSING.into()))
            }
            ("oneOf", Value::Array(parts)) => match self.matches(parts, value) {
                0 => Err(self.fault("oneOf", sentences::ONE_OF_MISSING.into())),
                1 => Ok(()),
                _ => Err(self.fault("oneOf", sentences::ONE_OF_MULTIPLE.into())),
            },
            ("not", part) if self.is_valid(part, value) => {
                Err(self.fault("not", sentences::NOT_PASSED.into()))
            }
            ("contains", part) => match value {
                Value::Array(items) if !items.iter().any(|item| self.is_valid(part, item)) => {
                    Err(self.fault("contains", sentences::CONTAINS_NONE.into()))
                }
                _ => Ok(()),
            },
            ("properties", _) => self.no_unknown_properties(schema, value),
            ("additionalProperties", _) if !schema.contains_key("properties") => {
                self.no_unknown_properties(schema, value)
            }
            (keyword, argument) => match sentences::limit(keyword, argument, value) {
                Some((keyword, sentence)) => Err(self.fault(keyword, sentence)),
                None => Ok(()),
            },
        }
    }

    fn no_unknown_properties(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
    ) -> Result<(), Fault> {
        let (Some(Value::Bool(false)), Value::Object(members)) =
            (schema.get("additionalProperties"), value)
        else {
            return Ok(());
        };
        let known = schema.get("properties").and_then(Value::as_object);
        // From the last to the first, as z-schema lists them.
        let unknown: Vec<&str> = members
            .keys()
            .rev()
            .map(String::as_str)
            .filter(|name| known.is_none_or(|known| !known.contains_key(*name)))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(self.fault("additionalProperties", sentences::additional_properties(&unknown)))
    }

    fn children(&mut self, schema: &Map<String, Value>, value: &'v Value) -> Result<(), Fault> {
        match value {
            Value::Array(items) => {
                let Some(schema) = schema.get("items") else { return Ok(()) };
                items
                    .iter()
                    .enumerate()
                    .rev()
                    .try_for_each(|(index, item)| self.child(Step::Index(index), schema, item))
            }
            Value::Object(members) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = schema.get("additionalProperties").filter(|others| others.is_object());
                members.iter().rev().try_for_each(|(name, member)| {
                    let schema = known.and_then(|known| known.get(name)).or(others);
                    schema.map_or(Ok(()), |schema| self.child(Step::Key(name), schema, member))
                })
            }
            _ => Ok(()),
        }
    }

    fn child(&mut self, step: Step<'v>, schema: &Value, value: &'v Value) -> Result<(), Fault> {
        self.path.push(step);
        let checked = self.visit(schema, value);
        self.path.pop();
        checked
    }

    fn matches(&self, parts: &[Value], value: &Value) -> usize {
        parts.iter().filter(|part| self.is_valid(part, value)).count()
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        check(schema, value, self.schemas).is_ok()
    }

    fn fault(&self, keyword: &'static str, sentence: String) -> Fault {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(name) if path.is_empty() => path.push_str(name),
                Step::Key(name) => path.extend([".", name]),
                Step::Index(index) => path.extend(["[", &index.to_string(), "]"]),
            }
        }
        Fault { sentence, path, keyword }
    }
}
