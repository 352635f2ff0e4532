//! The tenant's log.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{by_id, fixed};
use crate::{InvalidCall, Listing, Paging, Typed};

/// A log event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// The id, which grows with time; the checkpoint of reading.
    pub log_id: String,
    /// When it happened; events arrive late and out of this order.
    pub date: String,
    /// The code of the event. Example: `sapi`.
    #[serde(rename = "type")]
    pub code: String,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// `GET /logs`: newest first, the first 1,000 events at most; `search` in Auth0's query syntax.
pub fn list(search: Option<&str>) -> Listing<LogEvent> {
    let call = fixed("get_logs");
    let listing =
        Listing::new(call, "logs", Paging::Offset { per_page: 100 }).with_query("sort", "date:-1");
    match search {
        Some(search) => listing.with_query("q", search),
        None => listing,
    }
}

/// `GET /logs` after a log id, oldest first, without bound. Keep [`Pages::position`](crate::Pages::position) once
/// the events are processed. An id older than the tenant's retention loses events without a word.
pub fn after(log_id: &str) -> Listing<LogEvent> {
    let paging = Paging::Log { take: 100, from: log_id.into() };
    Listing::new(fixed("get_logs"), "logs", paging)
}

/// `GET /logs/{id}`
///
/// # Errors
/// When the id cannot be part of a path.
pub fn get(log_id: &str) -> Result<Typed<LogEvent>, InvalidCall> {
    Ok(Typed::new(by_id("get_logs_by_id", log_id)?))
}

/// `GET /logs`: at most `take` (1–100) entries after a log id, oldest first, whatever their shape; the oldest there are
/// without an id.
pub fn page(after: Option<&str>, take: u32) -> Typed<Vec<Value>> {
    let call = fixed("get_logs");
    let take = take.to_string();
    Typed::new(match after {
        Some(id) => call.with_query("from", id).with_query("take", take),
        None => call.with_query("sort", "date:1").with_query("per_page", take),
    })
}

/// `GET /logs`: the newest entry, whatever its shape.
pub fn newest() -> Typed<Vec<Value>> {
    Typed::new(fixed("get_logs").with_query("sort", "date:-1").with_query("per_page", "1"))
}
