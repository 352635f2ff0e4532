//! A node's clocks: its wall clock, which may be wrong and may be set, and the one that its leases count on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use callboard_engine::{Clock, Time};
use jiff::{SignedDuration, Timestamp};

use crate::world::{Life, SECOND, World};

/// Like the wall clock's: it may be set while one sleeps.
const LONGEST_SLEEP: u64 = 30 * SECOND;

/// The instant at which every simulation begins.
pub(crate) fn beginning() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().expect("it is an instant")
}

pub(crate) fn at(micros: u64, offset: i64) -> Timestamp {
    let micros = i64::try_from(micros).expect("no simulation is that long") + offset;
    beginning() + SignedDuration::from_micros(micros)
}

/// A wall clock. It survives its node's crashes.
pub(crate) struct WallClock {
    pub(crate) world: World,
    /// Microseconds that it is ahead.
    pub(crate) offset: Arc<AtomicI64>,
    pub(crate) life: Life,
}

impl Time for WallClock {
    fn now(&self) -> Timestamp {
        at(self.world.now(), self.offset.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = at.duration_since(self.now()).as_micros();
        // Rounded up: a sleep that ends too early would only look again.
        let left = u64::try_from(left + 1).unwrap_or(0).min(LONGEST_SLEEP);
        Box::pin(self.world.sleep(self.life, left))
    }
}

/// A clock for leases: never set, but not quite right.
pub(crate) fn lease_clock(world: World, ahead: i64) -> Clock {
    Arc::new(move || at(world.now(), ahead))
}
