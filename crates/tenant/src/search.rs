//! The query language of `q`, a subset of Lucene's: parsed into a tree, evaluated over documents.

mod evaluate;
mod parse;
mod pattern;
mod range;
mod scan;

use serde_json::Value;

use crate::pipeline::ApiError;
use pattern::Pattern;
use range::Range;

/// Whose documents are searched; rules of case and of bare terms differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Users,
    Logs,
}

impl Dialect {
    /// Fields that ignore case.
    fn folds_case(self, field: &str) -> bool {
        match self {
            Self::Users => {
                matches!(field, "email" | "name" | "given_name" | "family_name" | "nickname")
            }
            Self::Logs => false,
        }
    }

    /// Where a term without a field is looked for.
    fn bare_fields(self) -> &'static [&'static str] {
        match self {
            Self::Users => &[
                "email",
                "name",
                "given_name",
                "family_name",
                "nickname",
                "username",
                "phone_number",
            ],
            Self::Logs => {
                &["client_name", "connection", "description", "ip", "log_id", "type", "user_name"]
            }
        }
    }
}

/// Why a query was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidQuery {
    #[error("unexpected end of query")]
    End,
    #[error("unexpected '{0}' in query")]
    Unexpected(String),
    #[error("a leading wildcard needs at least 3 characters: {0}")]
    ShortWildcard(String),
    #[error("the query is nested too deeply")]
    TooDeep,
}

impl From<InvalidQuery> for ApiError {
    fn from(error: InvalidQuery) -> Self {
        Self::bad_request("invalid_query_string", error.to_string())
    }
}

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    root: Node,
    dialect: Dialect,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Everything,
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// A value of the field, or of one of the bare fields.
    Term {
        field: Option<String>,
        pattern: Pattern,
    },
    Range {
        field: Option<String>,
        range: Range,
    },
    Exists(String),
}

fn exact<'a>(node: &'a Node, field: &str) -> Option<&'a str> {
    match node {
        Node::Term { field: Some(asked), pattern } if asked == field => pattern.exact(),
        Node::All(nodes) => nodes.iter().find_map(|node| exact(node, field)),
        _ => None,
    }
}

impl Query {
    pub(crate) fn everything() -> Self {
        Self { root: Node::Everything, dialect: Dialect::Users }
    }

    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, InvalidQuery> {
        Ok(Self { root: parse::parse(text)?, dialect })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.root == Node::Everything
    }

    pub(crate) fn matches(&self, document: &Value) -> bool {
        evaluate::matches(&self.root, document, self.dialect)
    }

    /// The one value of this field that every match must have, where the query says so.
    pub(crate) fn exact(&self, field: &str) -> Option<&str> {
        exact(&self.root, field)
    }
}
