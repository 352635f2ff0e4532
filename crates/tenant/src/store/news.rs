//! How those who wait for events or log entries learn that there are new ones, without asking again and again.

use tokio::sync::watch;

/// Says after each commit what came with it; waiting for it costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct News {
    events: watch::Sender<i64>,
    entries: watch::Sender<String>,
}

impl News {
    /// The position of the newest event and the id of the newest entry.
    pub(crate) fn new(event: i64, entry: String) -> Self {
        Self { events: watch::Sender::new(event), entries: watch::Sender::new(entry) }
    }

    /// Changes when events have been committed; the value is the position of the newest.
    pub(crate) fn events(&self) -> watch::Receiver<i64> {
        self.events.subscribe()
    }

    /// Changes when log entries have been committed; the value is the id of the newest.
    pub(crate) fn entries(&self) -> watch::Receiver<String> {
        self.entries.subscribe()
    }

    pub(super) fn publish(&self, newest_event: Option<i64>, newest_entry: Option<String>) {
        if let Some(newest) = newest_event {
            self.events.send_replace(newest);
        }
        if let Some(newest) = newest_entry {
            self.entries.send_replace(newest);
        }
    }
}
