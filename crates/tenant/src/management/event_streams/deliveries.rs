//! Deliveries of events that failed, and the wish to have them again.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Value, json};

use super::STREAMS;
use crate::management::generic::{
    self, Family, IdForm, Parent,
    Verb::{List, Read},
    find,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

pub(super) static DELIVERIES: Family = Family {
    path_id: "event_id",
    parent: Some(Parent {
        kind: Kind("event_stream"),
        path_id: "id",
        field: "event_stream_id",
        missing: |_| Inexistent::EventStream.into(),
    }),
    routes: &[(List, "get_event_deliveries", ""), (Read, "get_deliveries_by_event_id", "")],
    ..Family::new("event_delivery", IdForm::Prefixed("evt_", 16), |_| {
        ErrorBody::new(404, "The requested delivery does not exist.")
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &DELIVERIES);
    table.write("post_test_event", "Send a test event", test);
    table.write("post_redeliver", "Redeliver failed events", redeliver);
    table.write("post_redeliver_by_event_id", "Redeliver a failed event", redeliver_one);
}

/// Nobody listens at the other end, so a test fails, and is listed among the failed ones.
async fn test(context: Context, request: Request) -> Result<Answer, ApiError> {
    let stream = find(&STREAMS, &context, &request).await?;
    let id = format!("evt_{}", context.tenant.random().alphanumeric(16));
    let kind = &request.body["event_type"];
    let now = context.timestamp();
    let data = request.body.get("data").map_or_else(|| "{}".to_owned(), Value::to_string);
    let delivery = json!({
        "id": id, "event_stream_id": stream.id, "status": "failed", "event_type": kind,
        "attempts": [{"status": "failed", "timestamp": now, "error_message": "Nobody listens there."}],
        "event": {
            "id": id, "source": format!("urn:auth0:{}", context.tenant.name()), "specversion": "1.0", "type": kind,
            "time": now, "data": data,
        },
    });
    let answer = Answer::accepted(delivery.clone());
    let keys = DELIVERIES.keys(&delivery);
    let change = Transaction::new().insert(DELIVERIES.kind, id, delivery, keys);
    Ok(context.commit(change, answer).await?)
}

async fn redeliver(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&STREAMS, &context, &request).await?;
    let answer = Answer::accepted(request.body);
    Ok(context.commit(Transaction::new(), answer).await?)
}

async fn redeliver_one(context: Context, request: Request) -> Result<Answer, ApiError> {
    let delivery = find(&DELIVERIES, &context, &request).await?;
    let mut body = delivery.body;
    let attempt = json!({"status": "failed", "timestamp": context.timestamp(), "error_message": "Nobody listens there."});
    if let Some(attempts) = body["attempts"].as_array_mut() {
        attempts.push(attempt);
    }
    let keys = DELIVERIES.keys(&body);
    let change =
        Transaction::new().replace(DELIVERIES.kind, delivery.id, delivery.version, body, keys);
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}
