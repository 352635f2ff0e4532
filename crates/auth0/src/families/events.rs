//! The tenant's stream of events, for [`Client::stream`](crate::Client::stream).

use jiff::Timestamp;

use super::fixed;
use crate::Call;

/// `GET /events`: events of these types (all without any) from now on.
pub fn subscribe(types: &[String]) -> Call {
    let call = fixed("subscribe_events");
    types.iter().fold(call, |call, kind| call.with_query("event_type", kind.as_str()))
}

/// The same with what happened from that second on.
pub fn since(at: Timestamp, types: &[String]) -> Call {
    subscribe(types).with_query("from_timestamp", at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The same after an offset.
pub fn after(offset: &str, types: &[String]) -> Call {
    subscribe(types).with_query("from", offset)
}
