//! Event streams: where events of the tenant go, and the deliveries that failed. What is delivered is decided by
//! `delivery`.

mod deliveries;

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::generic::{
    self, Family, Fields, IdForm, Occasion,
    Verb::{Create, Delete, List, Merge, Read},
};
use super::log_streams::partner_source;
use crate::pipeline::{Context, Table};
use crate::store::{Document, Kind, Transaction};

pub(crate) use deliveries::{QUEUED, QUEUED_FOR, delivered, failed_delivery};

pub(crate) const KIND: Kind = Kind("event_stream");
/// The position of the event after which an enabled stream begins; hidden. What happens while it is disabled is not
/// delivered later.
pub(crate) const START: &str = "start_position";

static STREAMS: Family = Family {
    fresh: |_| json!({"status": "disabled"}),
    arrange,
    hidden: &[
        START,
        "destination.configuration.webhook_authorization.token",
        "destination.configuration.webhook_authorization.password",
        "destination.configuration.webhook_authorization.value",
    ],
    children: &[&deliveries::DELIVERIES],
    routes: &[
        (Create, "post_event-streams", "Create an event stream"),
        (Read, "get_event-streams_by_id", ""),
        (List, "get_event-streams", ""),
        (Merge, "patch_event-streams_by_id", "Update an event stream"),
        (Delete, "delete_event-streams_by_id", "Delete an event stream"),
    ],
    ..Family::new(KIND.0, IdForm::Prefixed("est_", 22), |_| Inexistent::EventStream.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &STREAMS);
    deliveries::behaviours(table);
}

/// Also disables a stream.
pub(crate) fn disabled(change: Transaction, stream: Document) -> Transaction {
    let mut body = stream.body;
    body["status"] = "disabled".into();
    let keys = STREAMS.keys(&body);
    change.replace(KIND, stream.id, stream.version, body, keys)
}

fn arrange(context: &Context, occasion: Occasion<'_>, stream: &mut Fields) {
    let is_enabled =
        |fields: &Fields| fields.get("status").is_some_and(|status| status == "enabled");
    let was_enabled = match occasion {
        Occasion::Creation { .. } => false,
        Occasion::Change { before, .. } => is_enabled(before),
    };
    if is_enabled(stream) && !was_enabled {
        let newest = *context.store().news().events().borrow();
        stream.insert(START.into(), newest.into());
    }
    let Some(destination) = stream.get_mut("destination") else { return };
    if matches!(occasion, Occasion::Creation { .. }) && destination["type"] == "eventbridge" {
        let source = Value::from(partner_source(context, "events"));
        destination["configuration"]["aws_partner_event_source"] = source;
    }
}
