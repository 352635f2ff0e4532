//! The task of one log stream: the log in batches to its sink, in the order of indexing, as long as the stream is active.

mod privacy;
mod record;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::courier::{Courier, Parcel};
use super::destination;
use super::retry::Trouble;
use crate::management::log_streams;
use crate::store::{
    CommitError, Conflict, Direction, Document, Kind, LogSpan, StoreError, Transaction,
};
use crate::tenants::Tenant;
use record::Sink;

/// How far a stream has come; its id is the stream's.
const PROGRESS: Kind = Kind("log_stream_progress");
const BATCH: u64 = 100;

/// What is kept of a stream's work.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    /// The last entry that has been delivered or passed over.
    after: String,
    trouble: Option<Trouble>,
    /// The version of the stream that had the trouble; a change of the stream ends it.
    version: i64,
}

/// What to do when a step is done.
enum Next {
    Step,
    Wait,
    WaitUntil(Timestamp),
    End,
}

pub(super) struct LogStream {
    tenant: Arc<Tenant>,
    courier: Arc<dyn Courier>,
    id: String,
    /// As stored, and further where entries were passed over.
    progress: Option<Progress>,
}

impl LogStream {
    pub(super) fn new(tenant: Arc<Tenant>, courier: Arc<dyn Courier>, id: String) -> Self {
        Self { tenant, courier, id, progress: None }
    }

    pub(super) async fn run(mut self) {
        let tenant = Arc::clone(&self.tenant);
        let mut entries = tenant.store().news().entries();
        loop {
            entries.mark_unchanged();
            let step = tokio::select! {
                // A parcel that is under way is sent again after the next start.
                () = tenant.stopped().cancelled() => return,
                step = self.step() => step,
            };
            let until = match step {
                Ok(Next::End) => return,
                Ok(Next::Step) => continue,
                Ok(Next::Wait) => None,
                Ok(Next::WaitUntil(moment)) => Some(moment),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, log_stream.id = self.id, "a log stream could not go on");
                    None
                }
            };
            let alarm = async {
                match until {
                    Some(moment) => tenant.alarm().until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tenant.stopped().cancelled() => return,
                _ = entries.changed() => {}
                () = alarm => {}
            }
        }
    }

    async fn step(&mut self) -> Result<Next, StoreError> {
        let store = self.tenant.store();
        let Some(stream) = store.get(log_streams::KIND, &self.id).await? else {
            self.commit(Transaction::new().delete(PROGRESS, self.id.as_str())).await?;
            return Ok(Next::End);
        };
        let Some(sink) = Sink::of(&stream.body).filter(|_| stream.body["status"] == "active")
        else {
            return Ok(Next::Wait);
        };
        let mut progress = self.progress(&stream).await?;
        let now = self.tenant.now();
        if progress.version != stream.version {
            progress.trouble = None;
            progress.version = stream.version;
        }
        if let Some(trouble) = progress.trouble.as_ref().filter(|trouble| trouble.next_at > now) {
            let next_at = trouble.next_at;
            self.progress = Some(progress);
            return Ok(Next::WaitUntil(next_at));
        }
        let span = LogSpan {
            direction: Direction::OldestFirst,
            past: Some(&progress.after),
            user: None,
            limit: BATCH,
        };
        let entries = self.tenant.store().log_entries(span).await?;
        let Some(last) = entries.last().map(|entry| entry.id.clone()) else {
            self.progress = Some(progress);
            return Ok(Next::Wait);
        };
        let records: Vec<_> =
            entries.iter().filter_map(|entry| sink.record(entry, self.tenant.name())).collect();
        if records.is_empty() {
            // Kept when something is delivered; passing over again costs little.
            progress.after = last;
            self.progress = Some(progress);
            return Ok(Next::Step);
        }
        let mut failure = None;
        for (body, upto) in sink.bodies(&records) {
            match self.post(&sink, body).await {
                Ok(()) => upto.clone_into(&mut progress.after),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let mut change = Transaction::new();
        if let Some(error) = failure {
            let trouble = Trouble::after(progress.trouble.take(), error, self.tenant.now());
            if trouble.is_hopeless(self.tenant.now()) {
                change = suspending(change, &stream);
            }
            tracing::warn!(
                log_stream.id = self.id,
                error = trouble.error,
                attempts = trouble.attempts,
                "a log stream cannot deliver"
            );
            progress.trouble = Some(trouble);
        } else {
            progress.after = last;
            progress.trouble = None;
        }
        let change = change.put(PROGRESS, self.id.as_str(), json!(progress), Vec::new());
        self.progress = Some(progress);
        self.commit(change).await?;
        Ok(Next::Step)
    }

    async fn progress(&self, stream: &Document) -> Result<Progress, StoreError> {
        if let Some(progress) = &self.progress {
            return Ok(progress.clone());
        }
        let stored = self.tenant.store().get(PROGRESS, &self.id).await?;
        let stored = stored.and_then(|stored| serde_json::from_value(stored.body).ok());
        Ok(stored.unwrap_or_else(|| Progress {
            after: stream.body[log_streams::START].as_str().unwrap_or_default().to_owned(),
            trouble: None,
            version: stream.version,
        }))
    }

    /// The sentence tells what was wrong.
    async fn post(&self, sink: &Sink, body: String) -> Result<(), String> {
        let url = destination::reachable(&sink.endpoint)
            .ok_or_else(|| format!("{} is not an address", sink.endpoint))?;
        let parcel = Parcel { url, headers: sink.headers.clone(), body };
        match self.courier.post(parcel).await {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(format!("the sink answered {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Somebody may have changed the stream in the meantime; then the next step looks again.
    async fn commit(&self, change: Transaction) -> Result<(), StoreError> {
        match self.tenant.store().commit(change).await {
            Ok(()) | Err(CommitError::Conflict(Conflict::Changed { .. })) => Ok(()),
            Err(CommitError::Conflict(conflict)) => {
                tracing::error!(%conflict, "the progress of a log stream is not kept");
                Ok(())
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

/// The service gives up; a person makes the stream active again.
fn suspending(change: Transaction, stream: &Document) -> Transaction {
    let mut body = stream.body.clone();
    body["status"] = Value::from("suspended");
    let keys = log_streams::keys(&body);
    change.replace(log_streams::KIND, stream.id.as_str(), stream.version, body, keys)
}
