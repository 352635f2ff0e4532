//! Everything a behaviour may look at besides its request, and the way to commit what it decided.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use callboard_contract::timestamps::to_wire;
use http::HeaderMap;
use http::header::USER_AGENT;
use jiff::Timestamp;
use serde_json::Value;

use super::{Answer, Origin, management_log};
use crate::logs::LogEvent;
use crate::store::{Cause, CommitError, Store, Transaction};
use crate::tenants::Tenant;
use crate::tokens::Caller;

/// How many characters of `X-Correlation-ID` are kept.
const CORRELATION_LENGTH: usize = 64;

/// Who asks which tenant, when, and how.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) origin: Origin,
    pub(crate) caller: Arc<Caller>,
    pub(crate) now: Timestamp,
    pub(crate) exchange: Arc<Exchange>,
    /// The description of the log entry that a write leaves.
    pub(super) title: Option<&'static str>,
}

/// The request as it came in, for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// As sent, percent-encoded, without the query.
    pub(crate) path: String,
    pub(crate) query: Value,
    pub(crate) body: Value,
    pub(crate) ip: String,
    pub(crate) user_agent: String,
    pub(crate) correlation_id: Option<String>,
    /// Where a stream of events that broke off is to go on.
    pub(crate) last_event_id: Option<String>,
}

impl Exchange {
    pub(crate) fn of(parts: &http::request::Parts) -> Self {
        let correlation_id = header(&parts.headers, "x-correlation-id")
            .map(|id| id.chars().take(CORRELATION_LENGTH).collect::<String>());
        Self {
            method: parts.method.as_str().to_ascii_lowercase(),
            path: parts.uri.path().to_owned(),
            query: Value::Object(serde_json::Map::new()),
            body: Value::Null,
            ip: peer_address(parts),
            user_agent: header(&parts.headers, USER_AGENT.as_str()).unwrap_or_default().to_owned(),
            correlation_id,
            last_event_id: header(&parts.headers, "last-event-id").map(str::to_owned),
        }
    }
}

impl Exchange {
    pub(crate) fn cause(&self, client_id: &str, origin: &Origin) -> Cause {
        Cause {
            client_id: client_id.to_owned(),
            method: self.method.to_ascii_uppercase(),
            hostname: origin.host().to_owned(),
            ip: self.ip.clone(),
            user_agent: self.user_agent.clone(),
        }
    }
}

impl Context {
    pub(crate) fn store(&self) -> &dyn Store {
        self.tenant.store()
    }

    /// Commits a change together with its `sapi` log entry, then answers. The entry holds the answer.
    pub(crate) async fn commit(
        &self,
        transaction: Transaction,
        answer: Answer,
    ) -> Result<Answer, CommitError> {
        let entry = management_log::entry(self, &answer);
        let transaction = match entry {
            Some(entry) => transaction.log(None, entry),
            None => transaction,
        };
        self.store().commit(transaction.caused_by(self.cause())).await?;
        Ok(answer)
    }

    /// The caller and its request, as the events of a change name them.
    pub(crate) fn cause(&self) -> Cause {
        self.exchange.cause(&self.caller.client_id, &self.origin)
    }

    /// A log event of this moment and caller, to be filled in and added to a transaction.
    pub(crate) fn log_event(&self, kind: &'static str) -> LogEvent {
        LogEvent::new(kind, self.now)
            .at(&self.exchange.ip, &self.exchange.user_agent)
            .by_client(&self.caller.client_id)
    }

    /// Now, as the API writes times.
    pub(crate) fn timestamp(&self) -> String {
        to_wire(self.now)
    }
}

/// The address of the other end of the connection.
fn peer_address(parts: &http::request::Parts) -> String {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical());
    peer.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_string()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
