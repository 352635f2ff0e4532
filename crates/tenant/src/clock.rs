//! Time, from a source that is given.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Tells the time. Tests give one that they can move.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Waits for moments of a clock that somebody may move by hand.
#[derive(Clone)]
pub(crate) struct Alarm {
    clock: Clock,
    moved: watch::Sender<()>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, moved: watch::Sender::new(()) }
    }

    /// Returns when the clock shows this moment or a later one.
    pub(crate) async fn until(&self, moment: Timestamp) {
        let mut moved = self.moved.subscribe();
        loop {
            let missing = moment.duration_since((self.clock)());
            let Some(missing) = Duration::try_from(missing).ok().filter(|left| !left.is_zero())
            else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(missing) => {}
                _ = moved.changed() => {}
            }
        }
    }

    /// The clock has been moved by hand: whoever waits looks again.
    pub(crate) fn clock_moved(&self) {
        self.moved.send_replace(());
    }
}
