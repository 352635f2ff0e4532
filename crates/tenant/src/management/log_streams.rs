//! Log streams: where the tenant's log is sent on to. What is delivered is decided by `delivery`.

use callboard_contract::Inexistent;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::generic::{
    self, Family, Fields, IdForm, Occasion,
    Verb::{Create, Delete, List, Merge, Read},
    uuid,
};
use crate::pipeline::{Context, Table};
use crate::store::{Key, Kind};

pub(crate) const KIND: Kind = Kind("log_stream");
/// The place in the log after which a stream begins; hidden.
pub(crate) const START: &str = "start_after";

static LOG_STREAMS: Family = Family {
    fresh: |_| json!({"status": "active", "isPriority": false}),
    arrange,
    hidden: &["startFrom", START],
    masked: &["sink.mixpanelServiceAccountPassword"],
    stamped: false,
    most: Some((100, "You have reached the maximum number of log streams for your account.")),
    routes: &[
        (Create, "post_log-streams", "Create a Log Stream"),
        (Read, "get_log-streams_by_id", ""),
        (List, "get_log-streams", ""),
        (Merge, "patch_log-streams_by_id", "Update a Log Stream"),
        (Delete, "delete_log-streams_by_id", "Delete a Log Stream"),
    ],
    ..Family::new(KIND.0, IdForm::Numbered("lst_", 16), |_| Inexistent::LogStream.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &LOG_STREAMS);
}

pub(crate) fn keys(stream: &Value) -> Vec<Key> {
    LOG_STREAMS.keys(stream)
}

/// After the newest entry, or before the first one of the moment that the caller names.
fn start(context: &Context, stream: &Fields) -> String {
    let named = stream.get("startFrom").and_then(Value::as_str);
    match named.and_then(|moment| moment.parse::<Timestamp>().ok()) {
        Some(moment) => format!("900{}", moment.strftime("%Y%m%d%H%M%S%6f")),
        None => context.store().news().entries().borrow().clone(),
    }
}

/// A stream with priority carries security events and nothing else, whatever filters are sent.
fn arrange(context: &Context, occasion: Occasion<'_>, stream: &mut Fields) {
    if matches!(occasion, Occasion::Creation { .. }) {
        let start = start(context, stream);
        stream.insert(START.into(), start.into());
    }
    if stream.get("isPriority") == Some(&Value::Bool(true)) {
        stream.insert("filters".into(), json!([{"type": "category", "name": "security"}]));
    }
    let partner = match (occasion, stream.get("type").and_then(Value::as_str)) {
        (Occasion::Creation { .. }, Some("eventbridge")) => "awsPartnerEventSource",
        (Occasion::Creation { .. }, Some("eventgrid")) => "azurePartnerTopic",
        _ => return,
    };
    let name = partner_source(context, "logs");
    if let Some(Value::Object(sink)) = stream.get_mut("sink") {
        sink.insert(partner.into(), name.into());
    }
}

/// The name under which a cloud provider knows a stream of this tenant.
pub(super) fn partner_source(context: &Context, what: &str) -> String {
    let id = uuid(context.tenant.random());
    format!("aws.partner/auth0.com/{}-{id}/auth0.{what}", context.origin.host())
}
