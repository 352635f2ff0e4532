//! Deliveries of events that failed, and the wish to have an event delivered once more, or for a test.

use callboard_contract::{ErrorBody, Inexistent};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{KIND, STREAMS};
use crate::management::events;
use crate::management::generic::{self, Family, IdForm, Listing, Parent, find, listed};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Key, Kind, Transaction};

/// An event that somebody wants to have delivered: `{"event_stream_id", "event", "attempts"}`.
pub(crate) const QUEUED: Kind = Kind("queued_event");
/// Shared: the stream that a queued event is for.
pub(crate) const QUEUED_FOR: &str = "event_stream";

pub(super) static DELIVERIES: Family = Family {
    path_id: "event_id",
    parent: Some(Parent {
        kind: KIND,
        path_id: "id",
        field: "event_stream_id",
        missing: |_| Inexistent::EventStream.into(),
    }),
    hidden: &["whole"],
    ..Family::new("event_delivery", IdForm::Prefixed("evt_", 22), |_| {
        ErrorBody::new(404, "The requested delivery does not exist.")
    })
};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_event_deliveries", list);
    table.read("get_deliveries_by_event_id", get);
    table.write("post_test_event", "Send a test event", test);
    table.write("post_redeliver", "Redeliver failed events", redeliver);
    table.write("post_redeliver_by_event_id", "Redeliver a failed event", redeliver_one);
}

/// Also keeps a delivery that failed, with the event as it was sent.
pub(crate) fn failed_delivery(
    change: Transaction,
    stream: &str,
    event: &Value,
    attempts: &[Value],
) -> Transaction {
    let delivery = delivery(stream, event, attempts);
    let keys = DELIVERIES.keys(&delivery);
    change.put(DELIVERIES.kind, place(stream, event), delivery, keys)
}

/// Also forgets a delivery that had failed before.
pub(crate) fn delivered(change: Transaction, stream: &str, event: &Value) -> Transaction {
    change.delete(DELIVERIES.kind, place(stream, event))
}

fn place(stream: &str, event: &Value) -> String {
    format!("{stream}/{}", event["id"].as_str().unwrap_or_default())
}

fn delivery(stream: &str, event: &Value, attempts: &[Value]) -> Value {
    json!({
        "id": event["id"], "event_stream_id": stream, "status": "failed", "event_type": event["type"],
        "attempts": attempts,
        "event": {
            "id": event["id"], "source": event["source"], "specversion": event["specversion"],
            "type": event["type"], "time": event["time"], "data": event["data"].to_string(),
        },
        "whole": event,
    })
}

/// Which deliveries a request is about.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    /// Empty for all of them.
    event_types: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Selection {
    fn of_query(request: &Request) -> Self {
        let types = request.query_text("event_types").unwrap_or_default();
        let moment = |name: &str| request.query_text(name)?.parse().ok();
        Self {
            event_types: types
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            from: moment("date_from"),
            to: moment("date_to"),
        }
    }

    fn of_body(request: &Request) -> Self {
        let moment = |name: &str| request.body[name].as_str()?.parse().ok();
        Self {
            event_types: request.body_texts("event_types"),
            from: moment("date_from"),
            to: moment("date_to"),
        }
    }

    fn has(&self, delivery: &Value) -> bool {
        let kind = delivery["event_type"].as_str().unwrap_or_default();
        let at: Option<Timestamp> =
            delivery["event"]["time"].as_str().and_then(|time| time.parse().ok());
        let is_within = at.is_none_or(|at| {
            self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
        });
        is_within && (self.event_types.is_empty() || self.event_types.iter().any(|one| one == kind))
    }
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&STREAMS, &context, &request).await?;
    let mut found = listed(&DELIVERIES, &context, &request).await?;
    let selection = Selection::of_query(&request);
    found.retain(|delivery| selection.has(&delivery.body));
    let listing = Listing::of(generic::operation("get_event_deliveries"));
    listing.answer(&request, found, &|delivery| DELIVERIES.shown(delivery))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = sought(&context, &request).await?;
    Ok(Answer::ok(DELIVERIES.shown(found.body)))
}

async fn sought(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let stream = find(&STREAMS, context, request).await?;
    let event = request.path("event_id");
    let found = context.store().get(DELIVERIES.kind, &format!("{}/{event}", stream.id)).await?;
    found.ok_or_else(|| (DELIVERIES.missing)(event).into())
}

/// The event goes out whether the stream is enabled or not; if it fails, it is listed among the failed ones.
async fn test(context: Context, request: Request) -> Result<Answer, ApiError> {
    let stream = find(&STREAMS, &context, &request).await?;
    let data = request.body.get("data").cloned().unwrap_or_else(|| json!({}));
    let mut event = events::envelope(
        context.tenant.name(),
        &format!("evt_{}", context.tenant.random().alphanumeric(22)),
        request.body["event_type"].as_str().unwrap_or_default(),
        &context.timestamp(),
        &data,
    );
    event["a0stream"] = stream.id.as_str().into();
    event["a0purpose"] = "test".into();
    let answer = Answer::accepted(DELIVERIES.shown(delivery(&stream.id, &event, &[])));
    let change = queued(Transaction::new(), &stream.id, &event, &json!([]));
    Ok(context.commit(change, answer).await?)
}

fn queued(change: Transaction, stream: &str, event: &Value, attempts: &Value) -> Transaction {
    let wish = json!({"event_stream_id": stream, "event": event, "attempts": attempts});
    change.put(QUEUED, place(stream, event), wish, vec![Key::shared(QUEUED_FOR, stream)])
}

fn queued_again(change: Transaction, delivery: &Value) -> Transaction {
    let stream = delivery["event_stream_id"].as_str().unwrap_or_default();
    queued(change, stream, &delivery["whole"], &delivery["attempts"])
}

async fn redeliver(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&STREAMS, &context, &request).await?;
    let selection = Selection::of_body(&request);
    let found = listed(&DELIVERIES, &context, &request).await?;
    let wanted = found.iter().filter(|delivery| selection.has(&delivery.body));
    let change = wanted.fold(Transaction::new(), |change, one| queued_again(change, &one.body));
    Ok(context.commit(change, Answer::accepted(request.body)).await?)
}

async fn redeliver_one(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = sought(&context, &request).await?;
    let change = queued_again(Transaction::new(), &found.body);
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}
