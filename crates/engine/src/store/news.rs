//! What one node's changes mean for the others on the same data. Only a hint: whoever missed it looks again soon.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::change::{Change, Handover};
use crate::ids::RunId;

/// So many runs are named; of more, any may be meant.
const MOST_RUNS: usize = 200;

/// What others did, as far as somebody here may wait for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Runs that came to rest or were spoken to.
    pub runs: BTreeSet<RunId>,
    pub other: BTreeSet<Item>,
}

/// Something that is not about named runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Any run may have moved.
    AnyRun,
    /// Something was said to runs that are not named.
    Spoken,
    /// Something may be due.
    Work,
    /// A schedule may be due.
    Plans,
    /// Links, secrets or the library may have changed.
    Arranged,
}

impl News {
    /// Nobody knows what was missed.
    pub fn everything() -> Self {
        let other = [Item::AnyRun, Item::Spoken, Item::Work, Item::Plans, Item::Arranged];
        Self { runs: BTreeSet::new(), other: other.into() }
    }

    /// What these changes mean for other nodes.
    pub fn of(changes: &[Change]) -> Self {
        let mut news = Self::default();
        for change in changes {
            let items: &[Item] = match change {
                Change::Advance(advance) => {
                    if !matches!(advance.handover, Handover::Keep { .. }) {
                        news.runs.insert(advance.run.clone());
                    }
                    if advance.status.is_final() { &[Item::Plans] } else { &[] }
                }
                Change::Signal { run, .. } | Change::Tell { run, .. } => {
                    news.runs.insert(run.clone());
                    &[Item::Work]
                }
                Change::CreateRun(_) | Change::CreateHeir(_) | Change::Gather(_) => &[Item::Work],
                Change::LeaveLane { .. }
                | Change::Deliver { .. }
                | Change::Publish(_)
                | Change::SignalBlocked { .. } => &[Item::Work, Item::Spoken],
                Change::PutSchedule(_) | Change::AddOccurrence(_) | Change::SettleOccurrence(_) => {
                    &[Item::Plans]
                }
                other if Topic::of(other).is_some() => &[Item::Arranged],
                _ => &[],
            };
            news.other.extend(items);
        }
        news
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.other.is_empty()
    }

    pub fn tells(&self, item: Item) -> bool {
        self.other.contains(&item)
    }

    /// Adds what came later.
    pub fn extend(&mut self, later: Self) {
        self.runs.extend(later.runs);
        self.other.extend(later.other);
        if self.runs.len() > MOST_RUNS {
            self.runs.clear();
            self.other.extend([Item::AnyRun, Item::Spoken]);
        }
    }
}

/// What all nodes keep a copy of in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Links,
    Secrets,
    Library,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::Links, Self::Secrets, Self::Library];

    pub fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Secrets => "secrets",
            Self::Library => "library",
        }
    }

    /// Whose copy a change makes old.
    pub fn of(change: &Change) -> Option<Self> {
        match change {
            Change::PutLink(_) | Change::DeleteLink { .. } | Change::MakeDefaultLink { .. } => {
                Some(Self::Links)
            }
            Change::PutSecret(_) | Change::DeleteSecret { .. } => Some(Self::Secrets),
            Change::MakeCurrent { .. } | Change::Retire { .. } => Some(Self::Library),
            _ => None,
        }
    }
}
