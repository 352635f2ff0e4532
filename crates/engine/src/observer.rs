//! A place to stand beside every commit of the journal: crash tests stop the process there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::ids::RunId;
use crate::journal::Entry;
use crate::store::{Change, NewRun, Store, StoreError};

/// Called around every commit that carries journal entries. `ordinal` counts the entries of this process from 1 and
/// is that of the first entry of the commit.
#[async_trait]
pub trait Observer: Send + Sync {
    async fn before_commit(&self, ordinal: u64, run: &RunId, entries: &[Entry]);
    async fn after_commit(&self, ordinal: u64, run: &RunId, entries: &[Entry]);
}

/// The store with an observer beside it. All journal writes go through here.
pub(crate) struct Journal {
    store: Arc<dyn Store>,
    observer: Option<Arc<dyn Observer>>,
    written: AtomicU64,
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn Store>, observer: Option<Arc<dyn Observer>>) -> Self {
        Self { store, observer, written: AtomicU64::new(0) }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let Some(observer) = &self.observer else { return self.store.commit(changes).await };
        let seen: Vec<_> = changes.iter().flat_map(|change| self.number(change)).collect();
        for (ordinal, run, entries) in &seen {
            observer.before_commit(*ordinal, run, entries).await;
        }
        self.store.commit(changes).await?;
        for (ordinal, run, entries) in &seen {
            observer.after_commit(*ordinal, run, entries).await;
        }
        Ok(())
    }

    fn number(&self, change: &Change) -> Vec<(u64, RunId, Vec<Entry>)> {
        let begins = |run: &NewRun| self.count(&run.id, std::slice::from_ref(&run.first));
        match change {
            Change::CreateRun(run) => vec![begins(run)],
            Change::CreateHeir(heir) => {
                let first = std::iter::once(heir.new.first.clone());
                let entries: Vec<Entry> = first.chain(heir.entries.iter().cloned()).collect();
                vec![self.count(&heir.new.id, &entries)]
            }
            Change::Publish(publication) => publication.starts.iter().map(begins).collect(),
            Change::Advance(advance) if !advance.entries.is_empty() => {
                vec![self.count(&advance.run, &advance.entries)]
            }
            _ => Vec::new(),
        }
    }

    fn count(&self, run: &RunId, entries: &[Entry]) -> (u64, RunId, Vec<Entry>) {
        let before = self.written.fetch_add(entries.len() as u64, Ordering::SeqCst);
        (before + 1, run.clone(), entries.to_vec())
    }
}
