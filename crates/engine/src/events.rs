//! Events in and out: what a client or a run publishes starts runs and is heard by runs that listen.

use std::collections::BTreeSet;

use callboard_flow::{StepId, Subscription};
use jiff::Timestamp;
use serde_json::Value;

use crate::engine::{Engine, Shared};
use crate::fold::RunState;
use crate::inbox::{Receipt, ReceivedEvent};
use crate::journal::Trigger;
use crate::library::Workflow;
use crate::sealing::masked;
use crate::store::{Change, EventRecord, NewRun, Publication, Signal, StoreError};
use crate::triggers::{OWN, Reactions};

/// No app has this name: it stands where an event came from no webhook.
const NO_APP: &str = "";
/// So many runs begin each other through events; what follows is stopped.
pub(crate) const LONGEST_CHAIN: u32 = 16;
/// More events are not taken in one batch.
const LARGEST_BATCH: usize = 1_000;

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("event {place} is no CloudEvent: {why}")]
    Invalid { place: usize, why: String },
    #[error("a batch holds at most {LARGEST_BATCH} events, this one {found}")]
    TooMany { found: usize },
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Takes `CloudEvents` in, each once by its source and id. If one of them is none, nothing is stored.
    pub async fn receive_events(&self, events: Vec<Value>) -> Result<Receipt, EventError> {
        self.take_events(events, None).await
    }

    /// The same, from somebody: they asked for the runs that begin by it.
    pub async fn receive_events_of(
        &self,
        by: &str,
        events: Vec<Value>,
    ) -> Result<Receipt, EventError> {
        self.take_events(events, Some(&[by.to_owned()].into())).await
    }

    async fn take_events(
        &self,
        events: Vec<Value>,
        by: Option<&BTreeSet<String>>,
    ) -> Result<Receipt, EventError> {
        if events.len() > LARGEST_BATCH {
            return Err(EventError::TooMany { found: events.len() });
        }
        for (place, event) in (1..).zip(&events) {
            check(event).map_err(|why| EventError::Invalid { place, why })?;
        }
        let mut received = Vec::new();
        for event in events {
            let publication = self.shared.publication(event, 0, by);
            let taken: Result<ReceivedEvent, EventError> = self.store_event(publication).await;
            received.push(taken?);
        }
        Ok(Receipt { events: received })
    }
}

impl Shared {
    /// An event that a run announces, with all that follows. Secrets do not travel with it. Runs that begin each other
    /// without end are stopped.
    pub(crate) fn emitted(&self, event: &Value, by: &RunState) -> Vec<Change> {
        let (chain, people) = (by.trigger.chain(), by.requesters.as_ref());
        self.emitted_to(event, chain, people, &|_| true)
    }

    /// The same, for these workflows of the library only.
    pub(crate) fn emitted_to(
        &self,
        event: &Value,
        chain: u32,
        by: Option<&BTreeSet<String>>,
        wants: &dyn Fn(&Workflow) -> bool,
    ) -> Vec<Change> {
        let mut publication = self.publication_to(masked(event), chain + 1, by, wants);
        let stops = if chain >= LONGEST_CHAIN {
            publication.gathers.clear();
            self.stop_chain(&publication)
        } else {
            Vec::new()
        };
        let mut changes = vec![Change::Publish(Box::new(publication))];
        changes.extend(stops);
        changes
    }

    /// The runs begin so that they show, and are cancelled before they do anything.
    fn stop_chain(&self, publication: &Publication) -> Vec<Change> {
        let Publication { record, starts, .. } = publication;
        let by = format!(
            "the loop guard: {LONGEST_CHAIN} runs began each other through events, the last one through {}",
            record.event_type
        );
        let at = record.at;
        let mut changes = Vec::new();
        for NewRun { id, workflow, .. } in starts {
            tracing::error!(run.id = %id, workflow, "stopped by {by}");
            let signal = Signal::Cancel { by: by.clone() };
            changes.push(Change::Tell { run: id.clone(), signal, at });
            // An alarm about alarms would be another loop.
            if !record.event_type.starts_with(OWN) {
                let data = serde_json::json!({
                    "workflow": workflow, "run": id, "event_type": record.event_type, "why": by,
                });
                let subject = format!("workflow/{workflow}");
                changes.push(self.announce("loop", &format!("loop/{id}"), &subject, &data));
            }
        }
        changes
    }

    /// `by` asked for what begins by it; `None` where that is not known.
    pub(crate) fn publication(
        &self,
        event: Value,
        chain: u32,
        by: Option<&BTreeSet<String>>,
    ) -> Publication {
        self.publication_to(event, chain, by, &|_| true)
    }

    fn publication_to(
        &self,
        event: Value,
        chain: u32,
        by: Option<&BTreeSet<String>>,
        wants: &dyn Fn(&Workflow) -> bool,
    ) -> Publication {
        let text = |name: &str| match event.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let (source, id, event_type, subject) =
            (text("source"), text("id"), text("type"), text("subject"));
        let trigger = Trigger::CloudEvent {
            source: source.clone(),
            id: id.clone(),
            event_type: event_type.clone(),
            subject: subject.clone(),
            chain,
        };
        let Reactions { mut starts, gathers } = self.reactions(&event, &trigger, wants);
        for run in &mut starts {
            run.set_requesters(by);
        }
        let record = EventRecord {
            app: NO_APP.into(),
            trigger: source,
            link: String::new(),
            dedupe_key: id,
            event_type,
            subject,
            data: event.get("data").cloned().unwrap_or_default(),
            runs: starts.iter().map(|run| run.id.clone()).collect(),
            at: self.time.now(),
        };
        Publication { record, event, starts, gathers }
    }
}

/// What `CloudEvents` 1.0 asks of every event.
fn check(event: &Value) -> Result<(), String> {
    let Value::Object(attributes) = event else { return Err("it must be an object".into()) };
    if attributes.get("specversion").and_then(Value::as_str) != Some("1.0") {
        return Err("`specversion` must be \"1.0\"".into());
    }
    for name in ["id", "source", "type"] {
        let given = attributes.get(name).and_then(Value::as_str);
        if given.is_none_or(str::is_empty) {
            return Err(format!("`{name}` must be a text that is not empty"));
        }
    }
    if let Some(time) = attributes.get("time") {
        let parsed = time.as_str().and_then(|time| time.parse::<Timestamp>().ok());
        parsed.ok_or("`time` must be an instant as RFC 3339 writes it")?;
    }
    Ok(())
}

/// The change that makes a step hear what is published from now on.
pub(crate) fn subscribe(
    run: &crate::ids::RunId,
    step: &StepId,
    subscriptions: &[Subscription],
) -> Change {
    let (run, step) = (run.clone(), step.clone());
    Change::Subscribe { run, step, subscriptions: subscriptions.to_vec() }
}
