//! One listener of `GET /events`: events as server-sent messages, and in between the place that has been reached.
//!
//! A listener holds a position and at most [`BATCH`] events, reads on only when there are new ones, and is read from no
//! faster than the other end takes them. It ends after [`LONGEST`], as the real one does; the client comes again with the
//! last offset.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::response::sse::Event;
use futures_util::stream::{Stream, unfold};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::offset::Offset;
use crate::store::{StoreError, StoredEvent};
use crate::tenants::Tenant;

/// Without an event for so long, the offset is said.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(15);
/// A connection lives no longer.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);
const BATCH: u64 = 100;

pub(super) struct Subscription {
    tenant: Arc<Tenant>,
    /// Event types; all of them where none is named.
    wanted: Vec<String>,
    position: i64,
    batch: VecDeque<StoredEvent>,
    newest: watch::Receiver<i64>,
    next_beat: Timestamp,
    ends_at: Timestamp,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl Subscription {
    /// None when there are too many already.
    pub(super) fn new(tenant: &Arc<Tenant>, position: i64, wanted: Vec<String>) -> Option<Self> {
        let place = tenant.place_for_listener()?;
        let now = tenant.now();
        Some(Self {
            newest: tenant.store().news().events(),
            tenant: Arc::clone(tenant),
            wanted,
            position,
            batch: VecDeque::new(),
            // The first message says where the listener stands before anything has happened.
            next_beat: now,
            ends_at: now + LONGEST,
            is_over: false,
            _place: place,
        })
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Event, StoreError>> + Send {
        unfold(self, async |mut subscription| {
            let message = subscription.next().await.transpose()?;
            if message.is_err() {
                subscription.is_over = true;
            }
            Some((message, subscription))
        })
    }

    async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            while let Some(event) = self.batch.pop_front() {
                self.position = event.position;
                if self.wanted.is_empty() || self.wanted.contains(&event.name) {
                    self.next_beat = self.tenant.now() + HEARTBEAT;
                    return Ok(Some(message(&event)));
                }
            }
            let newest = *self.newest.borrow_and_update();
            if newest > self.position {
                self.batch = self.tenant.store().events(self.position, BATCH).await?.into();
                let is_whole =
                    self.batch.front().is_some_and(|first| first.position == self.position + 1);
                if !is_whole {
                    let why = "The cursor has expired: the events after it are no longer kept.";
                    return Ok(Some(self.last_words("cursor_expired", why)));
                }
                continue;
            }
            let stopped = self.tenant.stopped();
            tokio::select! {
                biased;
                () = stopped.cancelled() => return Ok(None),
                _ = self.newest.changed() => {}
                () = self.tenant.alarm().until(self.ends_at.min(self.next_beat)) => {
                    let now = self.tenant.now();
                    if now >= self.ends_at {
                        let why = "The connection has lasted as long as it may: connect again from the last offset.";
                        return Ok(Some(self.last_words("connection_timeout", why)));
                    }
                    self.next_beat = now + HEARTBEAT;
                    return Ok(Some(self.heartbeat()));
                }
            }
        }
    }

    fn heartbeat(&self) -> Event {
        let offset = Offset(self.position).to_string();
        let data = json!({"offset": offset}).to_string();
        Event::default().event("offset-only").id(offset).data(data)
    }

    /// The message after which the stream ends.
    fn last_words(&mut self, code: &str, why: &str) -> Event {
        self.is_over = true;
        let offset = Offset(self.position).to_string();
        let error = json!({"error": {"code": code, "message": why, "offset": offset}});
        Event::default().event("error").data(error.to_string())
    }
}

fn message(event: &StoredEvent) -> Event {
    let offset = Offset(event.position).to_string();
    // The event is JSON already, on one line.
    let data = format!("{{\"offset\":\"{offset}\",\"event\":{}}}", event.body);
    Event::default().event(&event.name).id(offset).data(data)
}
