//! Regular expressions in JavaScript's dialect, compiled once.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The general validator translates the dialect, look-around included. A pattern that it cannot read refuses
/// nothing; a test says that there is none.
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
    let validator = jsonschema::draft202012::new(&json!({ "pattern": unicode(pattern) }));
    validator.ok().map(Arc::new)
}

/// The pattern as the stricter dialect with the flag `u` wants it: behind a class, a hyphen of a set must be escaped.
pub(super) fn unicode(pattern: &str) -> String {
    ["w", "d"].iter().fold(pattern.to_owned(), |pattern, class| {
        pattern.replace(&format!(r"\{class}-"), &format!(r"\{class}\-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_contract_can_be_read() {
        let mut unreadable = Vec::new();
        crate::contract().each_keyword(&mut |keyword, argument| {
            if let ("pattern", Some(pattern)) = (keyword, argument.as_str())
                && compiled(pattern).is_none()
            {
                unreadable.push(pattern.to_owned());
            }
        });
        assert_eq!(unreadable, Vec::<String>::new());
    }
}
