//! One feed of one tenant while it is wanted: reads, rests, and stays away for a while after trouble.

use std::sync::Arc;

use callboard_apps::{App, Failure, Feed, Link, Trigger};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::place::{Kept, Trouble};
use crate::driver::after;
use crate::engine::Shared;
use crate::store::{Change, Refusal, StoreError};

/// Unless the link says otherwise.
const USUAL_PAUSE: i64 = 15;
/// After trouble: at first, and at most.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// The setting of a link that says how often its tenant is asked; 0 is never.
const PAUSE: &str = "poll_seconds";

/// Why a turn did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Read(#[from] Failure),
}

/// When the next turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    AtOnce,
    /// After the usual pause.
    Usual,
    /// Somebody else does it for at least so long.
    After(SignedDuration),
}

/// Whoever follows a feed.
pub(crate) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) app: Arc<App>,
    pub(super) trigger: Arc<Trigger>,
    pub(super) link: Arc<Link>,
    pub(super) key: String,
    pub(super) stop: CancellationToken,
}

impl Follower {
    /// Until it is stopped. It may be dropped at any point: what was not committed is read again.
    pub(super) async fn follow(self, feed: Feed, types: Vec<String>) {
        let stop = self.stop.clone();
        let following = async {
            match feed {
                Feed::Log => self.follow_log().await,
                Feed::Events => self.follow_stream(&types).await,
            }
        };
        stop.run_until_cancelled(following).await;
    }

    async fn follow_log(&self) {
        let (mut memory, mut troubles) = (super::log::Memory::default(), 0);
        loop {
            let now = self.shared.time.now();
            let next = match self.read_log(&mut memory).await {
                Ok(Next::AtOnce) => {
                    troubles = 0;
                    continue;
                }
                Ok(Next::Usual) => {
                    troubles = 0;
                    after(now, self.pause())
                }
                Ok(Next::After(wait)) => after(now, wait.max(self.pause())),
                Err(error) => {
                    troubles += 1;
                    self.after_trouble(&error, troubles).await
                }
            };
            self.shared.time.sleep_until(next).await;
        }
    }

    pub(super) fn pause(&self) -> SignedDuration {
        SignedDuration::from_secs(pause_of(&self.link))
    }

    /// Notes the trouble down where people look, and answers when to try again.
    pub(super) async fn after_trouble(&self, error: &FeedError, troubles: u32) -> Timestamp {
        let now = self.shared.time.now();
        let doubled = FIRST_PAUSE.saturating_mul(1 << troubles.saturating_sub(1).min(10));
        let mut next = after(now, doubled.min(LONGEST_PAUSE));
        match error {
            // Somebody else has just read it.
            FeedError::Store(StoreError::Refused(Refusal::DocumentMoved { .. })) => {}
            FeedError::Store(error) => {
                tracing::error!(feed = self.key, "a feed cannot go on: {error}");
            }
            FeedError::Read(failure) => {
                tracing::warn!(feed = self.key, "a feed cannot be read: {failure}");
                if let Failure::Later { retry_at: Some(at), .. } = failure {
                    next = next.max(*at);
                }
                if let Err(error) = self.note(failure).await {
                    tracing::debug!(feed = self.key, "the trouble was not noted: {error}");
                }
            }
        }
        next
    }

    async fn note(&self, failure: &Failure) -> Result<(), StoreError> {
        let now = self.shared.time.now();
        let mut kept = Kept::load(self.shared.journal.store(), &self.key).await?;
        let why = failure.to_string();
        let since = match &kept.place.trouble {
            Some(known) if known.why == why => return Ok(()),
            Some(known) => known.since,
            None => now,
        };
        kept.place.trouble = Some(Trouble { since, why });
        let change = kept.put(now);
        self.shared.journal.commit(vec![change]).await
    }

    /// The event in an item, with the runs that it starts; none where nobody can read it.
    pub(super) fn publish(&self, item: &Value, wants: &super::wants::Wants) -> Option<Change> {
        match self.trigger.event_of(item) {
            Ok(Some(event)) if wants.admit(&event.event_type) => {
                let arrived = self.shared.arrived(&self.trigger, Some(&self.link.name), event);
                Some(arrived.publish())
            }
            Ok(_) => None,
            Err(error) => {
                // One that is not understood must not hold up those behind it.
                tracing::warn!(feed = self.key, "an event is passed over: {error}");
                None
            }
        }
    }

    /// How many of these were not received before, by whichever way.
    pub(super) async fn count_new(&self, events: &[Change]) -> Result<u64, StoreError> {
        let mut new = 0;
        for event in events {
            if let Change::Publish(publication) = event
                && self.shared.runs_of(&publication.record).await?.is_none()
            {
                new += 1;
            }
        }
        Ok(new)
    }

    /// Commits and rings whoever waits for what is in it.
    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let has_events = changes.len() > 1;
        self.shared.journal.commit(changes).await?;
        if has_events {
            self.shared.wake.notify_one();
            self.shared.delivered.notify_waiters();
        }
        Ok(())
    }
}

/// Seconds between two readings; 0 is never.
pub(super) fn pause_of(link: &Link) -> i64 {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    link.settings.get(PAUSE).and_then(number).unwrap_or(USUAL_PAUSE)
}
