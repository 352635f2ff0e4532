//! Webhooks in: believed only when signed, stored once, and the runs that an event starts are in its transaction.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_apps::{Incoming, Trigger, Unreadable};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::engine::{Engine, Shared};
use crate::ids::RunId;
use crate::journal;
use crate::store::{Change, EventRecord, Publication, Refusal, StoreError};
use crate::triggers::{Reactions, scope_of};

/// A webhook is no longer than this.
pub const LONGEST_BODY: usize = 1 << 20;

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub events: Vec<ReceivedEvent>,
}

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedEvent {
    pub event_type: String,
    pub subject: String,
    /// It was received before; `runs` are those that it started then.
    pub duplicate: bool,
    pub runs: Vec<RunId>,
}

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("there is no webhook `{trigger}` of `{app}`; known are {known}")]
    UnknownTrigger { app: String, trigger: String, known: String },
    #[error("the delivery has {bytes} bytes, more than {LONGEST_BODY}")]
    TooLarge { bytes: usize },
    #[error(
        "no link to {app} holds the secret that signs its webhooks; add it with `callboard link add {app} --app {app}`"
    )]
    NoSecret { app: String },
    #[error("the delivery is not believed: {why}")]
    Unverified { why: String },
    #[error("{0}")]
    Unreadable(String),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Takes a delivery in. The events are durable, with their runs, when this answers.
    pub async fn receive_webhook(
        &self,
        app: &str,
        trigger: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Receipt, HookError> {
        let trigger = self
            .catalogue()
            .trigger(app, trigger)
            .ok_or_else(|| self.unknown_trigger(app, trigger))?;
        if body.len() > LONGEST_BODY {
            return Err(HookError::TooLarge { bytes: body.len() });
        }
        let link = self.verify(trigger, headers, body)?;
        let (trigger, shared) = (trigger.clone(), Arc::clone(&self.shared));
        let (headers, body) = (headers.clone(), body.to_vec());
        // Expressions on every event are too much work for a thread that serves others.
        let reading = self.shared.tracker.spawn_blocking(move || {
            let events = trigger.events(&headers, &body)?;
            Ok(events
                .into_iter()
                .map(|event| shared.arrived(&trigger, link.as_deref(), event))
                .collect())
        });
        let read: Result<Vec<Arrived>, Unreadable> = reading.await.map_err(|error| {
            StoreError::Failed { tried: "read a delivery", why: error.to_string() }
        })?;
        let arrived = read.map_err(|error| HookError::Unreadable(error.to_string()))?;
        Ok(Receipt { events: self.take_in(arrived).await? })
    }

    /// Any link to the app may have sent it; answers which one did, where the app signs.
    fn verify(
        &self,
        trigger: &Trigger,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<String>, HookError> {
        if !trigger.needs_secret() {
            return Ok(None);
        }
        let links = self.shared.links.of_app(&trigger.app);
        let mut error = HookError::NoSecret { app: trigger.app.clone() };
        for open in links {
            let Some(secret) = &open.webhook_secret else { continue };
            match trigger.verify(headers, body, secret, self.shared.time.now()) {
                Ok(()) => return Ok(Some(open.link.name.clone())),
                Err(unverified) => error = HookError::Unverified { why: unverified.to_string() },
            }
        }
        Err(error)
    }

    /// One transaction for all that is new. An event that somebody else stores meanwhile makes another round.
    async fn take_in(&self, arrived: Vec<Arrived>) -> Result<Vec<ReceivedEvent>, StoreError> {
        loop {
            let mut received: Vec<ReceivedEvent> = Vec::new();
            let mut changes = Vec::new();
            let mut new: HashMap<&str, &[RunId]> = HashMap::new();
            for arrived in &arrived {
                let record = &arrived.0.record;
                let earlier = match new.get(record.dedupe_key.as_str()) {
                    Some(runs) => Some(runs.to_vec()),
                    None => self.shared.runs_of(record).await?,
                };
                let duplicate = earlier.is_some();
                if !duplicate {
                    new.insert(&record.dedupe_key, &record.runs);
                    changes.extend(arrived.changes());
                }
                received.push(ReceivedEvent {
                    event_type: record.event_type.clone(),
                    subject: record.subject.clone(),
                    duplicate,
                    runs: earlier.unwrap_or_else(|| record.runs.clone()),
                });
            }
            if changes.is_empty() {
                return Ok(received);
            }
            match self.shared.journal.commit(changes).await {
                Ok(()) => {
                    self.shared.wake.notify_one();
                    self.shared.delivered.notify_waiters();
                    return Ok(received);
                }
                Err(StoreError::Refused(Refusal::EventSeen { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores an event, begins its runs and hands it to who listens, in one transaction.
    pub(crate) async fn store_event<E: From<StoreError>>(
        &self,
        publication: Publication,
    ) -> Result<ReceivedEvent, E> {
        let record = &publication.record;
        let (event_type, subject) = (record.event_type.clone(), record.subject.clone());
        let runs = record.runs.clone();
        let changes = Arrived(publication).changes();
        match self.shared.journal.commit(changes).await {
            Ok(()) => {
                self.shared.wake.notify_one();
                self.shared.delivered.notify_waiters();
                Ok(ReceivedEvent { event_type, subject, duplicate: false, runs })
            }
            Err(StoreError::Refused(Refusal::EventSeen { runs, .. })) => {
                Ok(ReceivedEvent { event_type, subject, duplicate: true, runs })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn unknown_trigger(&self, app: &str, trigger: &str) -> HookError {
        let all = self.catalogue().apps().flat_map(|app| &app.triggers);
        let known: Vec<String> = all.map(|known| format!("{}/{}", known.app, known.name)).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        HookError::UnknownTrigger { app: app.into(), trigger: trigger.into(), known }
    }
}

/// An event and the runs that it starts.
pub(crate) struct Arrived(Publication);

impl Arrived {
    /// The same, once: nothing where it was received before.
    pub(crate) fn publish(self) -> Change {
        Change::Publish(Box::new(self.0))
    }

    /// Stores it, begins its runs and hands it to who listens.
    fn changes(&self) -> Vec<Change> {
        let Publication { record, event, starts, gathers } = &self.0;
        let mut changes = vec![Change::StoreEvent(record.clone())];
        changes.extend(starts.iter().map(|run| Change::CreateRun(Box::new(run.clone()))));
        changes.extend(gathers.iter().map(|gather| Change::Gather(Box::new(gather.clone()))));
        changes.push(Change::Deliver { event: event.clone(), at: record.at });
        changes
    }
}

impl Shared {
    pub(crate) fn arrived(
        &self,
        trigger: &Trigger,
        link: Option<&str>,
        event: Incoming,
    ) -> Arrived {
        let at = self.time.now();
        let started_by = journal::Trigger::Event {
            app: trigger.app.clone(),
            trigger: trigger.name.clone(),
            link: link.map(str::to_owned),
            dedupe_key: event.dedupe_key.clone(),
            event_type: event.event_type.clone(),
            subject: event.subject.clone(),
        };
        let cloud_event = cloud_event(trigger, &event, at);
        let Reactions { starts, gathers } = self.reactions(&cloud_event, &started_by, &|_| true);
        let Incoming { event_type, dedupe_key, subject, data, .. } = event;
        let record = EventRecord {
            app: trigger.app.clone(),
            trigger: trigger.name.clone(),
            link: self.scope(trigger, link),
            dedupe_key,
            event_type,
            subject,
            data,
            runs: starts.iter().map(|run| run.id.clone()).collect(),
            at,
        };
        Arrived(Publication { record, event: cloud_event, starts, gathers })
    }

    /// Within what an event is known by its key: the link it came through, or the tenant, where it comes by several ways.
    fn scope(&self, trigger: &Trigger, link: Option<&str>) -> String {
        let tenant = trigger.feed.and_then(|_| self.links.find(link?));
        tenant.map_or_else(|| link.unwrap_or_default().to_owned(), |open| scope_of(&open.link))
    }

    /// The runs that the event started when it was received before.
    pub(crate) async fn runs_of(
        &self,
        record: &EventRecord,
    ) -> Result<Option<Vec<RunId>>, StoreError> {
        let EventRecord { app, trigger, link, dedupe_key, .. } = record;
        let found = self.journal.store().find_event(app, trigger, link, dedupe_key).await?;
        Ok(found.map(|event| event.runs))
    }
}

/// The event as filters and expressions see it.
fn cloud_event(trigger: &Trigger, event: &Incoming, at: jiff::Timestamp) -> Value {
    json!({
        "specversion": "1.0",
        "id": event.dedupe_key,
        "source": format!("/apps/{}/{}", trigger.app, trigger.name),
        "type": event.event_type,
        "subject": event.subject,
        "time": event.time.unwrap_or(at).to_string(),
        "datacontenttype": "application/json",
        "data": event.data,
    })
}
