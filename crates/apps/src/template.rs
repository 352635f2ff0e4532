//! Values of a manifest with jq in them: `${ … }` as a whole text is an expression, everything else is itself.
//!
//! An entry of a map or list whose expression yields nothing (`empty`) is left out; that is how optional
//! properties of a body are written: `nickname: ${ .input.nickname // empty }`.

use callboard_flow::expression::{Expression, InvalidExpression, embedded};
use serde_json::{Map, Value};

/// A value with expressions in it.
#[derive(Debug, Clone)]
pub struct Template(Part);

#[derive(Debug, Clone)]
enum Part {
    Literal(Value),
    /// Compiled when needed; `flow` keeps what it has compiled.
    Expression(String),
    Object(Vec<(String, Part)>),
    List(Vec<Part>),
}

/// Why a template gave no value.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the expression `{expression}` failed: {why}")]
pub struct TemplateError {
    pub expression: String,
    pub why: String,
}

impl Default for Template {
    fn default() -> Self {
        Self(Part::Literal(Value::Null))
    }
}

impl Template {
    /// Reads a value. What is wrong with its expressions is added to `mistakes` as (JSON pointer, message).
    pub(crate) fn read(value: &Value, pointer: &str, mistakes: &mut Vec<(String, String)>) -> Self {
        let part = Part::read(value);
        part.check(pointer, mistakes);
        Self(part)
    }

    /// Reads a value whose expressions are known to be right.
    pub(crate) fn trusted(value: &Value) -> Self {
        Self(Part::read(value))
    }

    /// The value for this context; nothing at all is `null`.
    pub fn evaluate(&self, context: &Value) -> Result<Value, TemplateError> {
        Ok(self.evaluate_optional(context)?.unwrap_or(Value::Null))
    }

    /// As [`Template::evaluate`], but tells "nothing" from `null`.
    pub fn evaluate_optional(&self, context: &Value) -> Result<Option<Value>, TemplateError> {
        self.0.evaluate(context)
    }

    /// Whether the value is neither absent, `null` nor `false`, as jq's `if` sees it.
    pub fn holds(&self, context: &Value) -> Result<bool, TemplateError> {
        Ok(!matches!(self.evaluate(context)?, Value::Null | Value::Bool(false)))
    }
}

impl Part {
    fn read(value: &Value) -> Self {
        match value {
            Value::String(text) => match embedded(text) {
                Some((inner, _)) => Self::Expression(inner.trim().to_owned()),
                None => Self::Literal(value.clone()),
            },
            Value::Object(map) => Self::Object(
                map.iter().map(|(key, value)| (key.clone(), Self::read(value))).collect(),
            ),
            Value::Array(items) => Self::List(items.iter().map(Self::read).collect()),
            literal => Self::Literal(literal.clone()),
        }
    }

    fn check(&self, pointer: &str, mistakes: &mut Vec<(String, String)>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(text) => {
                if let Err(mistake) = Expression::parse(text) {
                    mistakes.push((pointer.to_owned(), mistake.to_string()));
                }
            }
            Self::Object(entries) => {
                for (key, part) in entries {
                    part.check(&format!("{pointer}/{}", escape(key)), mistakes);
                }
            }
            Self::List(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    part.check(&format!("{pointer}/{index}"), mistakes);
                }
            }
        }
    }

    fn evaluate(&self, context: &Value) -> Result<Option<Value>, TemplateError> {
        match self {
            Self::Literal(value) => Ok(Some(value.clone())),
            Self::Expression(text) => evaluate(text, context),
            Self::Object(entries) => {
                let mut map = Map::new();
                for (key, part) in entries {
                    if let Some(value) = part.evaluate(context)? {
                        map.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(map)))
            }
            Self::List(parts) => {
                let mut list = Vec::new();
                for part in parts {
                    list.extend(part.evaluate(context)?);
                }
                Ok(Some(Value::Array(list)))
            }
        }
    }
}

/// The brackets turn "no value", "one value" and "several" into something that can be told apart.
fn compile(text: &str) -> Result<Expression, InvalidExpression> {
    Expression::parse(&format!("[{text}]"))
}

fn evaluate(text: &str, context: &Value) -> Result<Option<Value>, TemplateError> {
    let failed = |why: String| TemplateError { expression: text.to_owned(), why };
    let compiled = compile(text).map_err(|mistake| failed(mistake.to_string()))?;
    match compiled.evaluate(context, &Map::new()).map_err(|error| failed(error.to_string()))? {
        Value::Array(mut values) if values.len() <= 1 => Ok(values.pop()),
        _ => Err(failed("it yields several values; wrap it in [ ]".to_owned())),
    }
}

/// A key inside a JSON pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
