//! Values with expressions in them, as `set`, `with` and `as` take them.

use serde_json::Value;

use crate::{
    expression::{EvaluationError, Expression, Val, value},
    pointer,
};

/// Takes what is wrong: the pointer, the character of the text there (from 0) where it is known, and the message.
pub type Report<'r> = &'r mut dyn FnMut(&str, Option<usize>, String);

/// A value in which a text that is one `${ … }` as a whole stands for what the expression gives.
#[derive(Debug, Clone)]
pub enum Template {
    Literal(Val),
    Expression(Expression),
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Reads a template; `report` is told of every expression that is not one, by pointer, and why.
    pub fn read(source: &Value, at: &str, report: Report<'_>) -> Self {
        let template = Self::parts(source, at, report);
        if template.is_literal() { Self::Literal(value::from_json(source)) } else { template }
    }

    /// Reads a place that takes a bare expression, with or without `${ }`, or an object with some inside.
    pub fn read_bare(source: &Value, at: &str, report: Report<'_>) -> Self {
        match source {
            Value::String(text) => match parse(text, at, true, report) {
                Some(expression) => Self::Expression(expression),
                None => Self::Literal(Val::Null),
            },
            other => Self::read(other, at, report),
        }
    }

    fn parts(source: &Value, at: &str, report: Report<'_>) -> Self {
        match source {
            Value::String(text) if crate::expression::embedded(text).is_some() => {
                match parse(text, at, false, report) {
                    Some(expression) => Self::Expression(expression),
                    None => Self::Literal(Val::Null),
                }
            }
            Value::Array(items) => Self::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::parts(item, &format!("{at}/{index}"), report))
                    .collect(),
            ),
            Value::Object(entries) => Self::Object(
                entries
                    .iter()
                    .map(|(key, entry)| {
                        (key.clone(), Self::parts(entry, &pointer::join(at, key), report))
                    })
                    .collect(),
            ),
            literal => {
                if let Value::String(text) = literal
                    && text.trim_start().starts_with("${")
                    && !text.contains('}')
                {
                    report(
                        at,
                        None,
                        "an expression that begins with \"${\" must end with \"}\"".to_owned(),
                    );
                }
                Self::Literal(value::from_json(literal))
            }
        }
    }

    fn is_literal(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Expression(_) => false,
            Self::Array(items) => items.iter().all(Self::is_literal),
            Self::Object(entries) => entries.iter().all(|(_, entry)| entry.is_literal()),
        }
    }

    /// The value, with every expression evaluated by `evaluate`.
    pub(crate) fn render(
        &self,
        evaluate: &mut dyn FnMut(&Expression) -> Result<Val, EvaluationError>,
    ) -> Result<Val, EvaluationError> {
        match self {
            Self::Literal(literal) => Ok(literal.clone()),
            Self::Expression(expression) => evaluate(expression),
            Self::Array(items) => items.iter().map(|item| item.render(evaluate)).collect(),
            Self::Object(entries) => entries
                .iter()
                .map(|(key, entry)| Ok((value::text(key), entry.render(evaluate)?)))
                .collect::<Result<_, _>>()
                .map(Val::obj),
        }
    }

    /// The entry of an object template.
    pub fn entry(&self, key: &str) -> Option<Self> {
        match self {
            Self::Object(entries) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, entry)| entry.clone())
            }
            Self::Literal(literal) => value::get(literal, key).cloned().map(Self::Literal),
            Self::Expression(_) | Self::Array(_) => None,
        }
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Array(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Object(entries) => {
                entries.iter().flat_map(|(_, entry)| entry.expressions()).collect()
            }
        }
    }
}

/// Parses the expression of a place; `bare` places take it without `${ }` too.
pub(crate) fn parse(text: &str, at: &str, bare: bool, report: Report<'_>) -> Option<Expression> {
    let (source, before) =
        if bare { crate::expression::bare(text) } else { crate::expression::embedded(text)? };
    match Expression::parse(source) {
        Ok(expression) => Some(expression),
        Err(invalid) => {
            let offset = before + invalid.offset;
            let character = text.char_indices().take_while(|(at, _)| *at < offset).count();
            let shown: String = text.trim().chars().take(80).collect();
            let message = format!("{} (in the expression \"{shown}\")", invalid.message);
            report(at, Some(character), message);
            None
        }
    }
}
