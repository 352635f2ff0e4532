//! Words about runs that storage, rules and faces share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    /// A timer or the next try of a step is ahead.
    Waiting,
    /// Somebody halted it: nothing begins until somebody lets it go on.
    Paused,
    /// A person must answer, or a link must be mended.
    Attention,
    Completed,
    Faulted,
    Cancelled,
}

/// A text that is not a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a status: running, waiting, paused, attention, completed, faulted or cancelled"
)]
pub struct InvalidStatus(String);

impl RunStatus {
    const ALL: [Self; 7] = [
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Attention,
        Self::Completed,
        Self::Faulted,
        Self::Cancelled,
    ];

    /// Nothing follows any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Faulted | Self::Cancelled)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Attention => "attention",
            Self::Completed => "completed",
            Self::Faulted => "faulted",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for RunStatus {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| InvalidStatus(text.into()))
    }
}

/// Whether a run touches the real world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
}

/// A text that is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mode: live")]
pub struct InvalidMode(String);

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        if text == Self::Live.name() { Ok(Self::Live) } else { Err(InvalidMode(text.into())) }
    }
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
        }
    }
}

/// What a person says of a step that nobody else can judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It took effect: the run goes on with the given output.
    Happened,
    /// It took no effect: it is attempted again.
    DidNot,
    /// It is attempted again, whatever became of it.
    Repeat,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Happened => "happened",
            Self::DidNot => "did-not",
            Self::Repeat => "repeat",
        }
    }
}
