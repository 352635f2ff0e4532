//! Hands runs that are due to drivers: as many at a time as the installation allows, one wake queue, no polling.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use tokio::sync::Semaphore;

use crate::driver::{self, LEASE, after};
use crate::engine::Shared;
use crate::ids::RunId;
use crate::store::{Claim, StoreError};

/// So many runs are claimed in one transaction.
const MOST_AT_ONCE: usize = 64;
/// Other nodes' leases may expire, and the wall clock may jump: look at least this often.
const LOOK_AROUND: SignedDuration = SignedDuration::from_secs(30);
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Runs that have a driver in this process, and how many: one that lost its run may still be on its way out when the
/// next begins.
#[derive(Default)]
pub(crate) struct Driving(Mutex<BTreeMap<RunId, u32>>);

impl Driving {
    fn begin(&self, run: &RunId) {
        *self.runs().entry(run.clone()).or_default() += 1;
    }

    fn end(&self, run: &RunId) {
        let mut runs = self.runs();
        if let Some(drivers) = runs.get_mut(run) {
            *drivers -= 1;
            if *drivers == 0 {
                runs.remove(run);
            }
        }
    }

    fn all(&self) -> Vec<RunId> {
        self.runs().keys().cloned().collect()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn dispatch(shared: Arc<Shared>, parallel_runs: usize) {
    let permits = Arc::new(Semaphore::new(parallel_runs));
    while !shared.stop.is_cancelled() {
        let woken = shared.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let next_look = match hand_out(&shared, &permits).await {
            Ok(true) => continue,
            Ok(false) => next_look(&shared).await,
            Err(error) => Err(error),
        };
        let next_look = next_look.unwrap_or_else(|error| {
            tracing::error!("runs cannot be claimed: {error}");
            after(shared.time.now(), STORE_PAUSE)
        });
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => {}
            () = woken => {}
            () = shared.time.sleep_until(next_look) => {}
        }
    }
}

/// Waits for room, claims what is due and starts drivers. Whether there may be more.
async fn hand_out(shared: &Arc<Shared>, permits: &Arc<Semaphore>) -> Result<bool, StoreError> {
    let first = tokio::select! {
        biased;
        () = shared.stop.cancelled() => return Ok(false),
        permit = Arc::clone(permits).acquire_owned() => permit.map_err(|_| StoreError::Closed)?,
    };
    let mut room = vec![first];
    while room.len() < MOST_AT_ONCE
        && let Ok(permit) = Arc::clone(permits).try_acquire_owned()
    {
        room.push(permit);
    }
    let limit = room.len();
    let claim = Claim {
        node: shared.node.clone(),
        boot: shared.boot.clone(),
        now: shared.time.now(),
        lease_now: (shared.lease_clock)(),
        lease_until: after((shared.lease_clock)(), LEASE),
        driving: shared.driving.all(),
        limit,
    };
    let claimed = shared.journal.store().claim(claim).await?;
    let all = claimed.len() == limit;
    for (run, permit) in claimed.into_iter().zip(room) {
        let shared = Arc::clone(shared);
        shared.driving.begin(&run.id);
        shared.tracker.clone().spawn(async move {
            let id = run.id.clone();
            driver::drive_and_report(Arc::clone(&shared), run).await;
            shared.driving.end(&id);
            drop(permit);
        });
    }
    Ok(all)
}

async fn next_look(shared: &Shared) -> Result<jiff::Timestamp, StoreError> {
    let around = after(shared.time.now(), LOOK_AROUND);
    Ok(shared.journal.store().next_wake().await?.map_or(around, |wake| wake.min(around)))
}
