//! Regular expressions in JavaScript's dialect, compiled once.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The general validator translates the dialect, look-around included. A pattern that it cannot read refuses nothing.
type Compiled = Option<Arc<Validator>>;

static COMPILED: LazyLock<RwLock<HashMap<String, Compiled>>> = LazyLock::new(RwLock::default);

/// Whether the pattern occurs in the text (it is not anchored).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    compiled(pattern).is_none_or(|validator| validator.is_valid(&Value::from(text)))
}

fn compiled(pattern: &str) -> Compiled {
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
    known.unwrap_or_else(|| {
        let compiled = compile(pattern);
        COMPILED
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(pattern.to_owned(), compiled.clone());
        compiled
    })
}

fn compile(pattern: &str) -> Compiled {
    jsonschema::draft202012::new(&json!({ "pattern": pattern })).ok().map(Arc::new)
}
