//! How those who wait for events learn that there are new ones, without asking again and again.

use tokio::sync::watch;

/// Says after each commit what came with it; waiting for it costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct News {
    events: watch::Sender<i64>,
}

impl News {
    /// `newest` is the position of the newest event.
    pub(crate) fn new(newest: i64) -> Self {
        Self { events: watch::Sender::new(newest) }
    }

    /// Changes when events have been committed; the value is the position of the newest.
    pub(crate) fn events(&self) -> watch::Receiver<i64> {
        self.events.subscribe()
    }

    pub(super) fn publish(&self, newest_event: Option<i64>) {
        if let Some(newest) = newest_event {
            self.events.send_replace(newest);
        }
    }
}
