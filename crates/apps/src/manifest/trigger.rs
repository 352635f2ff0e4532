//! Reading a trigger: who may knock, how the knock is signed, and which events are in it.

use callboard_contract::log_events::LogEvent;
use serde_json::Value;

use super::fields::{Fields, suggest};
use crate::template::Template;
use crate::trigger::{Events, Feed, Trigger};
use crate::webhook::{Encoding, KeyForm, Part, Verification};

pub(super) fn read_trigger(app: &str, name: &str, fields: Fields<'_>) -> Trigger {
    let verification = fields.fields("verify").and_then(read_verification);
    let events = fields.fields("events").map(read_events).unwrap_or_default();
    let feed = fields
        .find("feed")
        .is_some()
        .then(|| fields.choice("feed", &[("log", Feed::Log), ("events", Feed::Events)], Feed::Log));
    let (event_types, open_types) = read_types(&fields);
    let bodies = [("json", false), ("json-sequence", true)];
    let trigger = Trigger {
        app: app.to_owned(),
        name: name.to_owned(),
        title: fields.text("title"),
        summary: fields.text("summary"),
        event_types,
        feed,
        personal_data: fields.texts("personal_data"),
        filter: fields.optional_template("filter"),
        verification: verification.unwrap_or(Verification::Impossible),
        events,
        open_types,
        sequence: fields.find("body").is_some() && fields.choice("body", &bodies, false),
    };
    for event_type in
        trigger.event_types.iter().filter(|kind| !kind.starts_with(&format!("{app}.")))
    {
        let message =
            format!("{}: the event type `{event_type}` must begin with `{app}.`", fields.what);
        fields.source.problem(&fields.at("event_types"), message, None);
    }
    fields.finish();
    trigger
}

/// `APP.log.*` stands for every kind of entry in the log of a tenant, also for those that are invented later.
fn read_types(fields: &Fields<'_>) -> (Vec<String>, Option<String>) {
    let (mut types, mut open) = (Vec::new(), None);
    for listed in fields.texts("event_types") {
        match listed.strip_suffix('*') {
            Some(prefix) if prefix.ends_with(".log.") => {
                types.extend(LogEvent::all().iter().map(|event| format!("{prefix}{event}")));
                open = Some(prefix.to_owned());
            }
            Some(_) => {
                fields.wrong("event_types", "types, or `APP.log.*` for all kinds of log entries");
            }
            None => types.push(listed),
        }
    }
    (types, open)
}

fn read_events(fields: Fields<'_>) -> Events {
    let events = Events {
        each: fields.template("each"),
        kind: fields.template("type"),
        dedupe_key: fields.template("dedupe_key"),
        subject: fields.template("subject"),
        time: fields.optional_template("time"),
        data: fields.template("data"),
    };
    fields.finish();
    events
}

fn read_verification(fields: Fields<'_>) -> Option<Verification> {
    let scheme = fields.text("scheme");
    let read = match scheme.as_str() {
        "hmac-sha256" => read_hmac(&fields),
        "shared-secret" => {
            fields.fields("secret").map(|secret| Verification::SharedSecret(read_part(secret)))
        }
        "none" => Some(Verification::None),
        _ => {
            let known = ["hmac-sha256", "shared-secret", "none"];
            let message = format!(
                "{} has the unknown scheme `{scheme}`; known are {}",
                fields.what,
                known.join(", ")
            );
            fields.source.problem(&fields.at("scheme"), message, suggest(&scheme, &known));
            None
        }
    };
    if read.is_some() {
        fields.finish();
    }
    read
}

fn read_hmac(fields: &Fields<'_>) -> Option<Verification> {
    let signed = fields.text("signed");
    if !signed.contains("{body}") {
        fields.wrong(
            "signed",
            "a text with `{body}` in it, so that the signature covers what was sent",
        );
    }
    let timestamp = fields.optional_fields("timestamp").map(read_part);
    let tolerance_seconds = fields.optional_whole("tolerance_seconds");
    if timestamp.is_some() != tolerance_seconds.is_some() {
        let message =
            format!("{} needs both `timestamp` and `tolerance_seconds`, or neither", fields.what);
        fields.source.problem(&fields.pointer, message, None);
    }
    let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let signature = fields.fields("signature")?;
    let encoding = signature.choice("encoding", &encodings, Encoding::Hex);
    let signature = read_part(signature);
    let key = match fields.optional_fields("key") {
        None => KeyForm::default(),
        Some(key) => {
            let form = KeyForm {
                prefix: key.optional_text("prefix").unwrap_or_default(),
                base64: key.find("encoding").is_some_and(|word| word == &Value::from("base64")),
            };
            key.finish();
            form
        }
    };
    Some(Verification::HmacSha256 {
        signed,
        timestamp,
        tolerance_seconds,
        signature,
        encoding,
        key,
    })
}

/// `header`, and where the header holds several things: `separator` and `prefix`.
fn read_part(fields: Fields<'_>) -> Part {
    let part = Part {
        header: fields.text("header"),
        separator: fields.find("separator").and_then(Value::as_str).map(str::to_owned),
        prefix: fields.find("prefix").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    fields.finish();
    part
}

impl Default for Events {
    fn default() -> Self {
        let nothing = Template::default;
        Self {
            each: nothing(),
            kind: nothing(),
            dedupe_key: nothing(),
            subject: nothing(),
            time: None,
            data: nothing(),
        }
    }
}
