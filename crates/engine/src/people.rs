//! Who somebody is and what they may do, as far as their API key tells.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a key allows. Each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Answers what somebody asks them.
    Approver,
    /// Starts, ends and mends runs.
    Operator,
    /// Arranges: keys, links, secrets, the library.
    Administrator,
}

/// A text that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: viewer, approver, operator or administrator")]
pub struct InvalidRole(String);

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Approver, Self::Operator, Self::Administrator];

    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| InvalidRole(text.into()))
    }
}

/// Somebody who has shown a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The person, who may hold several keys.
    pub name: String,
    pub groups: BTreeSet<String>,
    pub role: Role,
}
