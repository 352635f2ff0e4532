//! Names of steps: unique within a run, the same in every replay, readable.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a command is about and an event answers to. Examples: `do/createUser`, `do/each[3]/notify`,
/// `do/tryMail#2/send` (second attempt), `do/ask~2` (second visit), `do/ask:timeout`.
///
/// In names of tasks the signs `/ [ ] # ~ : %` and white space are percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The step that a run keeps under this text; any text may be asked for.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn root() -> Self {
        Self("do".to_owned())
    }

    /// The task `name` in the list that stands at this step, visited for the `visit`th time (from 1).
    pub(crate) fn task(&self, name: &str, visit: u32) -> Self {
        let mut text = format!("{}/", self.0);
        for sign in name.chars() {
            match sign {
                '/' | '[' | ']' | '#' | '~' | ':' | '%' | ' ' | '\t' | '\n' | '\r' => {
                    text.push('%');
                    text.push_str(&hex::encode_upper(sign.to_string()));
                }
                other => text.push(other),
            }
        }
        if visit > 1 {
            text.push('~');
            text.push_str(&visit.to_string());
        }
        Self(text)
    }

    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// An attempt of a `try`; the first has no number.
    pub(crate) fn attempt(&self, attempt: u64) -> Self {
        if attempt <= 1 { self.clone() } else { Self(format!("{}#{attempt}", self.0)) }
    }

    /// A part of a step beside its tasks: `timeout`, `retry`, `catch`.
    pub(crate) fn part(&self, part: &str) -> Self {
        Self(format!("{}:{part}", self.0))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
