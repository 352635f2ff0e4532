//! `/branding/phone`: who sends messages to telephones, and what they say. Nothing is sent; a trial is accepted.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use crate::management::generic::{
    self, Family, Fields, IdForm, Occasion, Repeated, Unique,
    Verb::{Create, Delete, List, Merge, Read},
    find,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Transaction;

static PROVIDERS: Family = Family {
    fresh: |context| json!({"tenant": context.origin.host(), "channel": "phone", "disabled": false}),
    hidden: &["credentials"],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "create_phone_provider", "Create a phone notification provider"),
        (Read, "get_phone_provider", ""),
        (List, "get_branding_phone_providers", ""),
        (Merge, "update_phone_provider", "Update a phone notification provider"),
        (Delete, "delete_phone_provider", "Delete a phone notification provider"),
    ],
    ..Family::new("phone_provider", IdForm::Prefixed("pro_", 22), |_| {
        Inexistent::Notification.into()
    })
};

static TEMPLATES: Family = Family {
    fresh: |context| json!({"tenant": context.origin.host(), "channel": "phone", "type": "otp_verify", "disabled": false}),
    arrange: complete_content,
    unique: &[Unique { field: "type", taken: "A template of this type already exists" }],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "create_phone_template", "Create a phone notification template"),
        (Read, "get_phone_template", ""),
        (List, "get_phone_templates", ""),
        (Merge, "update_phone_template", "Update a phone notification template"),
        (Delete, "delete_phone_template", "Delete a phone notification template"),
    ],
    ..Family::new("phone_template", IdForm::Prefixed("tem_", 22), |_| {
        Inexistent::Notification.into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &PROVIDERS);
    generic::behaviours(table, &TEMPLATES);
    table.write("reset_phone_template", "Reset a phone notification template", reset);
    table.write("try_phone_provider", "Send a test phone notification", |context, request| {
        try_out(&PROVIDERS, context, request)
    });
    table.write("try_phone_template", "Send a test phone notification", |context, request| {
        try_out(&TEMPLATES, context, request)
    });
}

/// A template keeps its syntax; one without content has the service's own.
fn complete_content(_: &Context, occasion: Occasion<'_>, template: &mut Fields) {
    let own = own_content(template.get("type").and_then(Value::as_str).unwrap_or_default());
    let before = match occasion {
        Occasion::Creation { .. } => &own,
        Occasion::Change { before, .. } => before.get("content").unwrap_or(&own),
    };
    let mut content = before.clone();
    if let (Value::Object(content), Some(Value::Object(sent))) =
        (&mut content, template.get("content"))
    {
        content.extend(sent.clone());
    }
    template.insert("content".into(), content);
}

async fn reset(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&TEMPLATES, &context, &request).await?;
    let mut template = found.body;
    let mut own = own_content(template["type"].as_str().unwrap_or_default());
    own["from"] = template["content"]["from"].take();
    template["content"] = own;
    template["updated_at"] = context.timestamp().into();
    let keys = TEMPLATES.keys(&template);
    let answer = Answer::ok(template.clone());
    let change =
        Transaction::new().replace(TEMPLATES.kind, found.id, found.version, template, keys);
    Ok(context.commit(change, answer).await?)
}

async fn try_out(
    family: &'static Family,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    find(family, &context, &request).await?;
    let message = "Test notification successfully sent for processing";
    let answer = Answer::accepted(json!({"code": 202, "message": message}));
    Ok(context.commit(Transaction::new(), answer).await?)
}

/// What a message of this type says until somebody changes it.
fn own_content(kind: &str) -> Value {
    let text = match kind {
        "blocked_account" => {
            "We detected suspicious activity on your account. Logins from this IP have been blocked."
        }
        "change_password" => {
            "{{ code | escape }} is your password change code for {{ friendly_name | escape }}"
        }
        "otp_enroll" => {
            "{{ code | escape }} is your enrollment code for {{ friendly_name | escape }}"
        }
        "password_breach" => "Please reset your password for {{ friendly_name | escape }}.",
        _ => "{{ code | escape }} is your verification code for {{ friendly_name | escape }}",
    };
    let voice = match kind {
        "otp_verify" => {
            "Hello. Your verification code for {{ friendly_name | escape }} is {{ pause }} {{ code | escape }}. I repeat, your verification code is {{ pause }} {{ code | escape }}"
        }
        _ => text,
    };
    json!({"syntax": "liquid", "body": {"text": text, "voice": voice}})
}
