//! Event streams: where events of the tenant go, and the deliveries that failed. Events are not sent out yet.

mod deliveries;

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::generic::{
    self, Family, Fields, IdForm, Occasion,
    Verb::{Create, Delete, List, Merge, Read},
};
use super::log_streams::partner_source;
use crate::pipeline::{Context, Table};

static STREAMS: Family = Family {
    fresh: |_| json!({"status": "disabled"}),
    arrange,
    hidden: &[
        "destination.configuration.webhook_authorization.token",
        "destination.configuration.webhook_authorization.password",
        "destination.configuration.webhook_authorization.header_value",
    ],
    children: &[&deliveries::DELIVERIES],
    routes: &[
        (Create, "post_event-streams", "Create an event stream"),
        (Read, "get_event-streams_by_id", ""),
        (List, "get_event-streams", ""),
        (Merge, "patch_event-streams_by_id", "Update an event stream"),
        (Delete, "delete_event-streams_by_id", "Delete an event stream"),
    ],
    ..Family::new("event_stream", IdForm::Prefixed("est_", 22), |_| Inexistent::EventStream.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &STREAMS);
    deliveries::behaviours(table);
}

fn arrange(context: &Context, occasion: Occasion<'_>, stream: &mut Fields) {
    let Some(destination) = stream.get_mut("destination") else { return };
    if matches!(occasion, Occasion::Creation { .. }) && destination["type"] == "eventbridge" {
        let source = Value::from(partner_source(context, "events"));
        destination["configuration"]["aws_partner_event_source"] = source;
    }
}
