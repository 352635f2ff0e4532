//! Whether an event would be heard.

use crate::engine::Engine;
use crate::run::RunStatus;
use crate::store::{RunFilter, StoreError};

/// Runs that are looked at.
const MOST: usize = 200;

impl Engine {
    /// Whether a run listens and none still has to take up what was said to it: what is published now finds those that
    /// listen next.
    pub async fn is_listening(&self) -> Result<bool, StoreError> {
        let store = self.shared.journal.store();
        for status in [RunStatus::Running, RunStatus::Waiting] {
            let filter =
                RunFilter { status: Some(status), workflow: None, before: None, limit: MOST };
            for run in store.list_runs(&filter).await?.runs {
                if !store.signals(&run.id).await?.is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(!store.listened_types("").await?.is_empty())
    }
}
