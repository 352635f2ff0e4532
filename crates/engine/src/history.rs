//! The journal of a run, read in pages: whoever folds it needs no more memory for a long one.

use std::sync::Arc;

use callboard_flow::Definition;

use crate::fold::{Inconsistency, RunState};
use crate::ids::RunId;
use crate::journal::Entry;
use crate::store::{Store, StoreError};

/// Entries of a page.
const PAGE: usize = 500;

/// Why a run cannot be derived from its journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Inconsistent(#[from] Inconsistency),
}

/// The pages of one journal, from the place where the last reading ended.
pub(crate) struct Pages {
    run: RunId,
    read: i64,
}

impl Pages {
    pub(crate) fn of(run: &RunId) -> Self {
        Self { run: run.clone(), read: 0 }
    }

    /// The next entries; none when all that is there has been read.
    pub(crate) async fn next(&mut self, store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
        let entries = store.journal_after(&self.run, self.read, PAGE).await?;
        self.read += i64::try_from(entries.len()).unwrap_or_default();
        Ok(entries)
    }
}

/// Derives the state of a run from its journal.
pub(crate) async fn fold(
    store: &dyn Store,
    run: &RunId,
    definition: Arc<Definition>,
    traced: bool,
) -> Result<RunState, FoldError> {
    let mut pages = Pages::of(run);
    let mut entries = pages.next(store).await?;
    let mut state = RunState::begin(run, definition, entries.first(), traced)?;
    let mut begun = 1;
    while !entries.is_empty() {
        for entry in entries.iter().skip(std::mem::take(&mut begun)) {
            state.absorb(entry)?;
        }
        // What was dropped long ago was undone long ago.
        state.take_dropped();
        entries = pages.next(store).await?;
    }
    Ok(state)
}
