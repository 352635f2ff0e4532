//! Errors of a run, as the language has them (RFC 7807).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the standard error types stand.
const TYPES: &str = "https://open-workflow-specification.org/spec/1.0.0/errors/";
/// Other spellings of the same place.
const SPELLINGS: [&str; 6] = [
    "https://open-workflow-specification.org/spec/1.0.0/errors/",
    "https://open-workflow-specification.org/dsl/errors/types/",
    "https://serverlessworkflow.io/spec/1.0.0/errors/",
    "https://serverlessworkflow.io/dsl/errors/types/",
    "https://serverlessworkflow.io.io/dsl/errors/types/",
    "https://open-workflow-specification.org/errors/types/",
];

/// An error that a run has met and that `try` may catch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{} ({status}{})", self.summary(), self.place())]
pub struct WorkflowError {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON pointer of the task that raised it; who performs a call leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// The standard types of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Configuration,
    Validation,
    Expression,
    Authentication,
    Authorization,
    Timeout,
    Communication,
    Runtime,
}

impl ErrorKind {
    fn parts(self) -> (&'static str, i64, &'static str) {
        match self {
            Self::Configuration => ("configuration", 400, "Configuration Error"),
            Self::Validation => ("validation", 400, "Validation Error"),
            Self::Expression => ("expression", 400, "Expression Error"),
            Self::Authentication => ("authentication", 401, "Authentication Error"),
            Self::Authorization => ("authorization", 403, "Authorization Error"),
            Self::Timeout => ("timeout", 408, "Timeout"),
            Self::Communication => ("communication", 500, "Communication Error"),
            Self::Runtime => ("runtime", 500, "Runtime Error"),
        }
    }
}

impl WorkflowError {
    /// An error of a standard type with its usual status.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let (name, status, title) = kind.parts();
        Self {
            kind: format!("{TYPES}{name}"),
            status,
            title: Some(title.to_owned()),
            detail: Some(detail.into()),
            instance: None,
        }
    }

    /// A call that was answered with `status`, or with none (500).
    pub fn communication(status: i64, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, title: Some(title.into()), ..Self::new(ErrorKind::Communication, detail) }
    }

    #[must_use]
    pub(crate) fn at(mut self, pointer: &str) -> Self {
        self.instance.get_or_insert_with(|| pointer.to_owned());
        self
    }

    fn summary(&self) -> &str {
        self.detail.as_deref().or(self.title.as_deref()).unwrap_or(&self.kind)
    }

    fn place(&self) -> String {
        self.instance.as_ref().map(|at| format!(" at {at}")).unwrap_or_default()
    }

    /// Whether every field of a filter (`catch.errors.with`) is this error's. All spellings of a standard type are one.
    pub fn fits(&self, filter: &Value) -> bool {
        let text = |own: Option<&str>, wanted: &Value| own == wanted.as_str();
        filter.as_object().is_none_or(|fields| {
            fields.iter().all(|(field, wanted)| match field.as_str() {
                "type" => wanted.as_str().is_some_and(|kind| same_type(kind, &self.kind)),
                "status" => wanted.as_i64() == Some(self.status),
                "title" => text(self.title.as_deref(), wanted),
                "detail" | "details" => text(self.detail.as_deref(), wanted),
                "instance" => text(self.instance.as_deref(), wanted),
                _ => false,
            })
        })
    }
}

/// Whether two error types are the same, whatever the spelling of a standard one.
pub fn same_type(left: &str, right: &str) -> bool {
    standard(left) == standard(right)
}

/// The last word of a standard type, in whatever spelling: `communication`.
pub(crate) fn standard_name(kind: &str) -> Option<&str> {
    SPELLINGS.iter().find_map(|spelling| kind.strip_prefix(spelling))
}

fn standard(kind: &str) -> &str {
    standard_name(kind).unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_spellings_of_a_standard_type_are_caught() {
        let error =
            WorkflowError::communication(404, "Not Found", "no such pet").at("/do/0/getPet");
        for (filter, fits) in [
            (
                json!({"type": "https://open-workflow-specification.org/spec/1.0.0/errors/communication"}),
                true,
            ),
            (
                json!({"type": "https://open-workflow-specification.org/dsl/errors/types/communication"}),
                true,
            ),
            (
                json!({"type": "https://serverlessworkflow.io/spec/1.0.0/errors/communication", "status": 404}),
                true,
            ),
            (
                json!({"type": "https://serverlessworkflow.io/dsl/errors/types/communication", "status": 503}),
                false,
            ),
            (json!({"type": "https://serverlessworkflow.io/spec/1.0.0/errors/timeout"}), false),
            (json!({"instance": "/do/0/getPet", "title": "Not Found"}), true),
            (json!({"detail": "another"}), false),
            (json!({}), true),
        ] {
            assert_eq!(error.fits(&filter), fits, "{filter}");
        }
        assert_eq!(error.to_string(), "no such pet (404 at /do/0/getPet)");
    }
}
