//! Where the engine gets time and randomness from: its owner hands them in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// Tells the present instant.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Fills a buffer with unpredictable bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A clock that one can also wait on. A simulator implements it to own all waiting.
pub trait Time: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Completes when `now()` has reached `at`, or a little earlier: callers look again.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The wall clock, waited on with tokio's timer.
pub struct WallTime {
    clock: Clock,
}

/// A wall clock may be set while we sleep, so no single sleep is longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

impl WallTime {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Time for WallTime {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        Box::pin(tokio::time::sleep(left.min(LONGEST_SLEEP)))
    }
}
