//! jq expressions that always end and read nothing but what they are given.
//!
//! What is refused, and what bounds the rest:
//! * `def`, modules, and every filter that reads the process, its input stream, the clock or the local time zone
//!   do not exist (`guard`);
//! * text and nesting are bounded before anything recursive touches them;
//! * loops, iterations and concatenations burn fuel (`rewrite`, `library`); an expression that runs out of it fails
//!   however it tries to catch that, so the result is the same on every machine;
//! * results deeper or larger than [`MAX_DEPTH`] and [`MAX_TEXT`] fail;
//! * whatever walks through a whole value (comparing, writing as text, sorting, …) is given it weighed: values share
//!   their parts, so a small one may be endless to walk through (`library::weight`);
//! * patterns are short, and so are the texts that they search.
//!
//! So an expression of a stranger ends, in seconds, and holds about 2 GB where it is hostile and as clever as can be. That
//! is why it needs no process of its own: `workflows try` is one, and only administrators put files into a library.
//!
//! An expression yields its one output; none is `null`, several are an array of them.

mod guard;
mod library;
mod rewrite;
mod run;
pub(crate) mod value;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use serde_json::{Map, Value};

pub(crate) use jaq_json::Val;

/// Longest expression, in bytes.
pub const MAX_SOURCE: usize = 8 << 10;
/// Longest text that an expression may build, in bytes.
pub const MAX_TEXT: usize = 16 << 20;
/// Longest array that an expression may build by adding.
pub const MAX_ITEMS: usize = 1 << 20;
/// Deepest value that an expression may give or be given.
pub const MAX_DEPTH: usize = 128;
/// Steps of loops and iterations that one evaluation may take.
pub const FUEL: u64 = 1_000_000;
/// The same for expressions that can build a value deeper with each step.
pub const FUEL_OF_FOLDS: u64 = 400_000;
/// Compiled expressions that are kept.
const CACHED: usize = 4_096;

/// A compiled expression; cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: String,
    /// Free variables, without the dollar sign, in the order in which the filter expects them.
    variables: Vec<String>,
    filter: library::Filter,
    /// Whether a loop can nest values, so that evaluation needs a large stack.
    folds: bool,
}

/// Why a text is not an expression that we run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidExpression {
    pub message: String,
    /// Bytes from the start of the expression to the place of the mistake.
    pub offset: usize,
}

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    #[error("\"{expression}\" failed: {message}")]
    Failed { expression: String, message: String },
    #[error("\"{expression}\" uses ${variable}, which does not exist here")]
    UnknownVariable { expression: String, variable: String },
    #[error("\"{expression}\" was stopped: {limit}")]
    Limit { expression: String, limit: &'static str },
}

impl Expression {
    /// Compiles a bare expression (without `${ }`), or finds it among those compiled before.
    pub fn parse(text: &str) -> Result<Self, InvalidExpression> {
        static CACHE: OnceLock<Mutex<HashMap<String, Expression>>> = OnceLock::new();
        let cache = CACHE.get_or_init(Mutex::default);
        let locked = || cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = locked().get(text) {
            return Ok(found.clone());
        }
        let expression = Self::compile(text)?;
        let mut kept = locked();
        if kept.len() >= CACHED {
            kept.clear();
        }
        kept.insert(text.to_owned(), expression.clone());
        Ok(expression)
    }

    /// On a thread of its own: the parser and the compiler recurse with the text.
    fn compile(text: &str) -> Result<Self, InvalidExpression> {
        run::with_large_stack(|| Self::compile_here(text)).unwrap_or_else(|message| {
            Err(InvalidExpression { message: message.to_owned(), offset: 0 })
        })
    }

    fn compile_here(text: &str) -> Result<Self, InvalidExpression> {
        let guarded = guard::parse(text)?;
        let filter = library::compile(&guarded.rewritten, &guarded.variables)
            .map_err(|message| InvalidExpression { message, offset: 0 })?;
        Ok(Self(Arc::new(Compiled {
            text: text.to_owned(),
            variables: guarded.variables,
            filter,
            folds: guarded.folds,
        })))
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The variables that it needs, without the dollar sign.
    pub fn variables(&self) -> &[String] {
        &self.0.variables
    }

    /// The value for `input`; `variables` are keyed by name without the dollar sign.
    pub fn evaluate(
        &self,
        input: &Value,
        variables: &Map<String, Value>,
    ) -> Result<Value, EvaluationError> {
        let output =
            self.run(value::from_json(input), &|name| variables.get(name).map(value::from_json))?;
        value::to_json(&output).map_err(|message| self.failed(message))
    }

    /// The same on jq's own values, which are shared and not copied.
    pub(crate) fn run(
        &self,
        input: Val,
        lookup: &dyn Fn(&str) -> Option<Val>,
    ) -> Result<Val, EvaluationError> {
        self.run_within(if self.0.folds { FUEL_OF_FOLDS } else { FUEL }, input, lookup)
    }

    fn run_within(
        &self,
        fuel: u64,
        input: Val,
        lookup: &dyn Fn(&str) -> Option<Val>,
    ) -> Result<Val, EvaluationError> {
        let mut values = Vec::with_capacity(self.0.variables.len());
        for variable in &self.0.variables {
            match lookup(variable) {
                Some(found) => values.push(found),
                None => {
                    return Err(EvaluationError::UnknownVariable {
                        expression: self.text().to_owned(),
                        variable: variable.clone(),
                    });
                }
            }
        }
        run::run(&self.0.filter, self.0.folds, fuel, input, values).map_err(|stop| match stop {
            run::Stop::Failed(message) => self.failed(message),
            run::Stop::Limit(limit) => {
                EvaluationError::Limit { expression: self.text().to_owned(), limit }
            }
        })
    }

    fn failed(&self, message: String) -> EvaluationError {
        // jq's messages quote the values they are about.
        let secret = self.variables().iter().any(|variable| variable == "secrets");
        let message = if secret {
            "it uses a secret, so the reason is not shown".to_owned()
        } else {
            message
        };
        EvaluationError::Failed { expression: self.text().to_owned(), message }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Expression({:?})", self.text())
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Expression {}

/// The expression inside `${ … }`, when the whole text is one, with the bytes that stand before it.
pub fn embedded(text: &str) -> Option<(&str, usize)> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix("${")?.strip_suffix('}')?;
    let before = text.len() - text.trim_start().len() + 2;
    Some((inner, before))
}

/// The expression of a place that takes one with or without `${ }`.
pub fn bare(text: &str) -> (&str, usize) {
    embedded(text).unwrap_or((text, 0))
}

#[cfg(test)]
mod tests;
