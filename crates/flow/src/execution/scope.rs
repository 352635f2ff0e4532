//! Variables that tasks bring for the tasks inside them: items, indexes, caught errors.

use std::sync::Arc;

use crate::expression::Val;

/// A chain of variables; the innermost of a name counts. Shared, so extending it copies nothing.
#[derive(Clone, Default)]
pub(super) struct Scope(Option<Arc<Variable>>);

struct Variable {
    name: String,
    value: Val,
    outer: Scope,
}

impl Scope {
    pub(super) fn with(&self, name: &str, value: Val) -> Self {
        Self(Some(Arc::new(Variable { name: name.to_owned(), value, outer: self.clone() })))
    }

    pub(super) fn find(&self, name: &str) -> Option<Val> {
        let mut scope = self;
        while let Some(variable) = &scope.0 {
            if variable.name == name {
                return Some(variable.value.clone());
            }
            scope = &variable.outer;
        }
        None
    }
}
