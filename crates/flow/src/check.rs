//! What a definition says that cannot be right, found before any run.

use serde_json::Value;

use crate::{document::Definition, problem::Problem};

/// The functions that may be called by name.
pub trait Functions {
    /// `auth0.users.create:1@callboard`
    fn find(&self, name: &str) -> Option<FunctionSignature>;
    /// All names, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// What a function takes and gives.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSignature {
    /// For people: "Create User".
    pub title: String,
    /// JSON schema of the arguments.
    pub input: Value,
    /// JSON schema of the output.
    pub output: Value,
}

/// Every problem of a definition, in the order of the text.
pub fn check(definition: &Definition, functions: &dyn Functions) -> Vec<Problem> {
    let _ = (definition, functions);
    Vec::new()
}
