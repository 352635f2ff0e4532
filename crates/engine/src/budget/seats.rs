//! How many runs may wait in memory at all, so that those who wait leave room for those who need no turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::line::MOST;
use super::priority::Priority;

/// The seats of this process.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// Dropping it frees it.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// Half of the runs that go on at once may wait.
    pub(super) fn among(parallel_runs: usize) -> Self {
        Self { taken: Arc::default(), most: (parallel_runs / 2).max(1) }
    }

    /// How many there are for one tenant: it cannot take all of them.
    pub(super) fn of_one_tenant(&self) -> usize {
        (self.most / 2).clamp(1, MOST)
    }

    /// A quarter is kept for what is urgent.
    fn most_for(&self, priority: Priority) -> usize {
        if priority == Priority::Urgent { self.most } else { (self.most * 3 / 4).max(1) }
    }

    pub(super) fn free(&self, priority: Priority) -> usize {
        self.most_for(priority).saturating_sub(self.taken.load(Ordering::SeqCst))
    }

    pub(super) fn take(&self, priority: Priority) -> Option<Seat> {
        let most = self.most_for(priority);
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Seat(Arc::clone(&self.taken)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
