//! What a tenant tells when it is asked: its log by checkpoint, and its stream of events. Remembers nothing.

use std::time::Duration;

use async_trait::async_trait;
use callboard_auth0::{Stream, Typed, events, logs};
use jiff::Timestamp;
use serde_json::Value;

use super::Executor;
use super::auth0::failure;
use super::request::mismatch;
use crate::app::Service;
use crate::attempt::Failure;
use crate::link::Link;

/// Entries of a log that are read at once.
const PAGE: u32 = 100;
/// A stream sends signs of life far more often.
const PATIENCE: Duration = Duration::from_secs(90);

/// Which entries of a tenant's log are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// The newest one.
    Newest,
    /// The oldest there are, in order.
    Oldest,
    /// Those after this log id, in order.
    After(String),
    /// This one, if it is kept still.
    Entry(String),
}

/// Where reading a stream of events begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamPlace {
    Now,
    /// With what happened from then on.
    Since(Timestamp),
    /// After this offset.
    After(String),
}

/// One message of a tenant's stream of events.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamMessage {
    /// The kind of event, or `offset-only`, or `error`.
    pub kind: String,
    /// Where the stream goes on after it.
    pub offset: Option<String>,
    pub data: Value,
}

/// An open stream of a tenant's events.
#[async_trait]
pub trait EventSource: Send {
    /// The next message; none when the tenant has closed the stream.
    async fn next(&mut self) -> Result<Option<StreamMessage>, Failure>;
}

impl Executor {
    /// Entries of the tenant's log, at most 100.
    pub async fn read_log(
        &self,
        service: &Service,
        link: &Link,
        place: &LogPlace,
    ) -> Result<Vec<Value>, Failure> {
        let client = self.tenants.client(service, link)?;
        let typed = match place {
            LogPlace::Newest => logs::newest(),
            LogPlace::Oldest => logs::page(None, PAGE),
            LogPlace::After(id) => logs::page(Some(id), PAGE),
            LogPlace::Entry(id) => {
                let get = logs::get(id).map_err(|error| mismatch(&error.to_string()))?;
                return match client.perform(&Typed::<Value>::new(get.call)).await {
                    Ok(entry) => Ok(vec![entry]),
                    Err(callboard_auth0::Error::Rejected { status: 404, .. }) => Ok(Vec::new()),
                    Err(error) => Err(read_failure(service, link, &error)),
                };
            }
        };
        client.perform(&typed).await.map_err(|error| read_failure(service, link, &error))
    }

    /// Opens the tenant's stream of events of these types, all without any.
    pub async fn open_events(
        &self,
        service: &Service,
        link: &Link,
        place: &StreamPlace,
        types: &[String],
    ) -> Result<Box<dyn EventSource>, Failure> {
        let client = self.tenants.client(service, link)?;
        let call = match place {
            StreamPlace::Now => events::subscribe(types),
            StreamPlace::Since(at) => events::since(*at, types),
            StreamPlace::After(offset) => events::after(offset, types),
        };
        let stream = client.stream(&call, PATIENCE).await;
        let stream = stream.map_err(|error| read_failure(service, link, &error))?;
        Ok(Box::new(Events { stream }))
    }
}

struct Events {
    stream: Stream,
}

#[async_trait]
impl EventSource for Events {
    async fn next(&mut self) -> Result<Option<StreamMessage>, Failure> {
        let message = self.stream.next().await;
        let message = message.map_err(|error| later(error.to_string()))?;
        Ok(message.map(|message| {
            let data = serde_json::from_str(&message.data);
            let data: Value = data.unwrap_or(Value::String(message.data));
            let offset = data.get("offset").and_then(Value::as_str).map(str::to_owned);
            StreamMessage { kind: message.event, offset: offset.or(message.id), data }
        }))
    }
}

/// Reading has no effect: what is not certain can be tried again.
fn read_failure(service: &Service, link: &Link, error: &callboard_auth0::Error) -> Failure {
    match failure(service, link, error) {
        Failure::Unsure { why } => later(why),
        failure => failure,
    }
}

fn later(why: String) -> Failure {
    Failure::Later { retry_at: None, why }
}
