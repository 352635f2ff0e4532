//! `/guardian/factors`: a fixed list, each on or off.

use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

const KIND: Kind = Kind("guardian_factor");
/// In the order in which they are listed; all are off in a new tenant.
const FACTORS: [&str; 8] = [
    "sms",
    "push-notification",
    "otp",
    "email",
    "duo",
    "webauthn-roaming",
    "webauthn-platform",
    "recovery-code",
];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_factors", list);
    table.write("put_factors_by_name", "Update a Multi-factor Authentication Factor", set);
}

async fn list(context: Context, _: Request) -> Result<Answer, ApiError> {
    let mut factors = Vec::with_capacity(FACTORS.len());
    for name in FACTORS {
        let stored = context.store().get(KIND, name).await?;
        let enabled = stored.is_some_and(|stored| stored.body == true);
        factors.push(json!({"name": name, "enabled": enabled, "trial_expired": false}));
    }
    Ok(Answer::ok(Value::Array(factors)))
}

async fn set(context: Context, request: Request) -> Result<Answer, ApiError> {
    let enabled = request.body["enabled"].clone();
    let name = request.path("name");
    let answer = Answer::ok(json!({"enabled": enabled}));
    let change = Transaction::new().put(KIND, name, enabled, Vec::new());
    Ok(context.commit(change, answer).await?)
}
