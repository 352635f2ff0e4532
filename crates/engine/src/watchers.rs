//! Tells those who wait inside this process that a run has moved, or that something was said to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ids::RunId;

/// One bell per run that somebody waits for; it is gone with the last who waits.
#[derive(Default)]
pub(crate) struct Watchers {
    bells: Mutex<HashMap<RunId, Arc<Notify>>>,
}

/// Somebody who waits.
pub(crate) struct Watch<'a> {
    watchers: &'a Watchers,
    run: RunId,
    bell: Arc<Notify>,
}

impl Watchers {
    pub(crate) fn watch(&self, run: &RunId) -> Watch<'_> {
        let bell = Arc::clone(self.bells().entry(run.clone()).or_default());
        Watch { watchers: self, run: run.clone(), bell }
    }

    pub(crate) fn ring(&self, run: &RunId) {
        let bell = self.bells().get(run).map(Arc::clone);
        if let Some(bell) = bell {
            bell.notify_waiters();
        }
    }

    /// Any of the runs may be meant.
    pub(crate) fn ring_all(&self) {
        let bells: Vec<_> = self.bells().values().map(Arc::clone).collect();
        for bell in bells {
            bell.notify_waiters();
        }
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Notify>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Completes when the bell rings after this call. Look at the run *between* calling and awaiting.
    pub(crate) fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut bells = self.watchers.bells();
        // This watch and the map hold the last two.
        if Arc::strong_count(&self.bell) <= 2 {
            bells.remove(&self.run);
        }
    }
}
