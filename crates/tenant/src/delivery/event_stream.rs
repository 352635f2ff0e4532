//! The task of one event stream: events to its webhook, several at the same time, while the stream is enabled; and
//! whatever has been queued for it by hand, such as tests and redeliveries, in any case.

mod webhook;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::courier::Courier;
use crate::management::event_streams::{self, QUEUED, QUEUED_FOR, failed_delivery};
use crate::store::{
    CommitError, Conflict, Document, Kind, Span, StoreError, StoredEvent, Transaction,
};
use crate::tenants::Tenant;
use webhook::{Outcome, Webhook};

/// How far a stream has come; its id is the stream's.
const PROGRESS: Kind = Kind("event_stream_progress");
/// Events on their way at the same time.
const BATCH: u64 = 16;
/// A stream with so many failures is disabled.
const MOST_IN_A_ROW: u32 = 500;
const MOST_IN_ALL: u32 = 5_000;

/// What is kept of a stream's work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Where the stream began when it was last enabled.
    start: i64,
    position: i64,
    failed_in_a_row: u32,
    failed: u32,
}

enum Next {
    Step,
    Wait,
    End,
}

pub(super) struct EventStream {
    tenant: Arc<Tenant>,
    courier: Arc<dyn Courier>,
    id: String,
}

impl EventStream {
    pub(super) fn new(tenant: Arc<Tenant>, courier: Arc<dyn Courier>, id: String) -> Self {
        Self { tenant, courier, id }
    }

    pub(super) async fn run(self) {
        let news = self.tenant.store().news();
        // Changes of the stream and of its queue come with log entries.
        let (mut events, mut entries) = (news.events(), news.entries());
        loop {
            events.mark_unchanged();
            entries.mark_unchanged();
            let step = tokio::select! {
                // An event that is under way is sent again after the next start.
                () = self.tenant.stopped().cancelled() => return,
                step = self.step() => step,
            };
            match step {
                Ok(Next::End) => return,
                Ok(Next::Step) => continue,
                Ok(Next::Wait) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        event_stream.id = self.id,
                        "an event stream could not go on"
                    );
                }
            }
            tokio::select! {
                () = self.tenant.stopped().cancelled() => return,
                _ = events.changed() => {}
                _ = entries.changed() => {}
            }
        }
    }

    async fn step(&self) -> Result<Next, StoreError> {
        let store = self.tenant.store();
        let Some(stream) = store.get(event_streams::KIND, &self.id).await? else {
            let gone = Transaction::new().delete(PROGRESS, self.id.as_str()).delete_matching(
                QUEUED,
                QUEUED_FOR,
                self.id.as_str(),
            );
            self.commit(gone).await?;
            return Ok(Next::End);
        };
        let webhook = Webhook::of(&stream.body);
        let queued = store.matching(QUEUED, QUEUED_FOR, &self.id, Span::page(0, BATCH)).await?;
        if !queued.is_empty() {
            return self.deliver_queued(webhook, queued).await;
        }
        let Some(webhook) = webhook.filter(|_| stream.body["status"] == "enabled") else {
            return Ok(Next::Wait);
        };
        self.deliver_new(webhook, stream).await
    }

    async fn deliver_queued(
        &self,
        webhook: Option<Webhook>,
        queued: Vec<Document>,
    ) -> Result<Next, StoreError> {
        let events = queued.iter().map(|one| one.body["event"].clone()).collect();
        let outcomes = self.deliver(webhook, events).await;
        let mut change = Transaction::new();
        for (one, outcome) in queued.into_iter().zip(outcomes) {
            let event = &one.body["event"];
            change = match outcome {
                Outcome::Delivered => event_streams::delivered(change, &self.id, event),
                Outcome::Failed(attempts) => {
                    let earlier = one.body["attempts"].as_array().cloned().unwrap_or_default();
                    let attempts: Vec<_> = earlier.into_iter().chain(attempts).collect();
                    failed_delivery(change, &self.id, event, &attempts)
                }
            };
            change = change.delete(QUEUED, one.id);
        }
        self.commit(change).await?;
        Ok(Next::Step)
    }

    async fn deliver_new(&self, webhook: Webhook, stream: Document) -> Result<Next, StoreError> {
        let mut progress = self.progress(&stream).await?;
        let found = self.tenant.store().events(progress.position, BATCH).await?;
        let Some(last) = found.last().map(|event| event.position) else { return Ok(Next::Wait) };
        let wanted = wanted(&stream.body);
        let events: Vec<Value> = found
            .iter()
            .filter(|event| wanted.contains(&event.name.as_str()))
            .filter_map(|event| self.addressed(event))
            .collect();
        let outcomes = self.deliver(Some(webhook), events.clone()).await;
        let mut change = Transaction::new();
        for (event, outcome) in events.iter().zip(outcomes) {
            match outcome {
                Outcome::Delivered => progress.failed_in_a_row = 0,
                Outcome::Failed(attempts) => {
                    progress.failed_in_a_row += 1;
                    progress.failed += 1;
                    change = failed_delivery(change, &self.id, event, &attempts);
                }
            }
        }
        if progress.failed_in_a_row >= MOST_IN_A_ROW || progress.failed >= MOST_IN_ALL {
            tracing::warn!(
                event_stream.id = self.id,
                "an event stream failed too often and is disabled"
            );
            (progress.failed_in_a_row, progress.failed) = (0, 0);
            change = event_streams::disabled(change, stream);
        }
        progress.position = last;
        self.commit(change.put(PROGRESS, self.id.as_str(), json!(progress), Vec::new())).await?;
        Ok(Next::Step)
    }

    /// A stream that has been enabled anew begins with what came after that.
    async fn progress(&self, stream: &Document) -> Result<Progress, StoreError> {
        let start = stream.body[event_streams::START].as_i64().unwrap_or(0);
        let stored = self.tenant.store().get(PROGRESS, &self.id).await?;
        let stored = stored.and_then(|stored| serde_json::from_value(stored.body).ok());
        Ok(stored.filter(|stored: &Progress| stored.start == start).unwrap_or(Progress {
            start,
            position: start,
            ..Progress::default()
        }))
    }

    /// The event as this stream delivers it.
    fn addressed(&self, event: &StoredEvent) -> Option<Value> {
        let mut body: Value = serde_json::from_str(&event.body).ok()?;
        body["a0stream"] = self.id.as_str().into();
        Some(body)
    }

    /// All at the same time; the outcomes are in the order of the events.
    async fn deliver(&self, webhook: Option<Webhook>, events: Vec<Value>) -> Vec<Outcome> {
        let count = events.len();
        let webhook = webhook.map(Arc::new);
        let mut under_way = JoinSet::new();
        for (index, event) in events.into_iter().enumerate() {
            let (tenant, courier) = (Arc::clone(&self.tenant), Arc::clone(&self.courier));
            let webhook = webhook.clone();
            under_way.spawn(async move {
                let outcome = match webhook {
                    Some(webhook) => webhook.deliver(&tenant, courier.as_ref(), &event).await,
                    None => webhook::nowhere(&tenant),
                };
                (index, outcome)
            });
        }
        let mut outcomes = under_way.join_all().await;
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        debug_assert_eq!(outcomes.len(), count);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Somebody may have changed the stream in the meantime; then the next step looks again.
    async fn commit(&self, change: Transaction) -> Result<(), StoreError> {
        match self.tenant.store().commit(change).await {
            Ok(()) | Err(CommitError::Conflict(Conflict::Changed { .. })) => Ok(()),
            Err(CommitError::Conflict(conflict)) => {
                tracing::error!(%conflict, "the progress of an event stream is not kept");
                Ok(())
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

/// The types of events that a stream subscribes to.
fn wanted(stream: &Value) -> Vec<&str> {
    let subscriptions = stream["subscriptions"].as_array().into_iter().flatten();
    subscriptions.filter_map(|subscription| subscription["event_type"].as_str()).collect()
}
