//! Which entries of a journal are those of an earlier run.

use crate::journal::{Entry, Fact};

/// How far a journal has been read, and how far the earlier run's entries go.
#[derive(Default)]
pub(super) struct Inheritance {
    read: i64,
    inherited: i64,
}

impl Inheritance {
    pub(super) fn read(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Started { origin, .. } => {
                self.inherited = origin.as_ref().map_or(0, |origin| origin.inherited);
            }
            _ => self.read += 1,
        }
    }

    /// Whether the entry that was read last is the earlier run's.
    pub(super) fn is_inherited(&self) -> bool {
        self.read <= self.inherited
    }
}
