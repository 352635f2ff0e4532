//! Reading one action. Every field of the table is asked for; what is missing is named.

use std::sync::Arc;

use serde_json::Value;

use super::fields::Fields;
use super::request::read_requests;
use crate::action::{Action, Inverse, PersonalData, PreImage, Probe, Recovery, Refusal, Risk};
use crate::app::Service;
use crate::schema::Schema;

pub(super) fn read_action(service: &Arc<Service>, name: &str, fields: Fields<'_>) -> Action {
    let action = Action {
        id: format!("{}.{name}", service.app),
        version: read_version(&fields),
        title: fields.text("title"),
        summary: fields.text("summary"),
        input: read_schema(&fields, "input"),
        output: read_schema(&fields, "output"),
        risk: fields.choice("risk", &Risk::NAMES, Risk::Destructive),
        risk_by: fields.optional_template("risk_by"),
        inverse: read_inverse(&fields),
        recovery: read_recovery(&fields),
        bucket: fields.text("bucket"),
        personal_data: read_personal_data(&fields),
        minutes_saved: fields.number("minutes_saved"),
        secret_outputs: fields.optional_texts("secret_outputs"),
        before: read_pre_image(&fields),
        refusals: read_refusals(&fields),
        requests: read_requests(&fields),
        returns: fields.optional_template("returns"),
        generated: read_generated(&fields),
        show: fields.optional_texts("show"),
        service: Arc::clone(service),
    };
    check(&action, &fields);
    fields.finish();
    action
}

/// What no single field can tell.
fn check(action: &Action, fields: &Fields<'_>) {
    let reads = action.risk == Risk::Read;
    match &action.inverse {
        Inverse::Nothing if !reads && fields.find("inverse").is_some_and(Value::is_string) => {
            let message = format!(
                "{} changes something, so its `inverse` is an action with arguments or `irreversible: why`",
                fields.what
            );
            fields.source.problem(&fields.at("inverse"), message, None);
        }
        Inverse::Action { .. } | Inverse::Irreversible { .. } if reads => {
            let message = format!("{} only reads, so its `inverse` is `nothing`", fields.what);
            fields.source.problem(&fields.at("inverse"), message, None);
        }
        _ => {}
    }
    if action.version.contains([':', '@', '.']) {
        fields.wrong("version", "a whole number");
    }
}

fn read_version(fields: &Fields<'_>) -> String {
    match fields.get("version").map(Value::as_u64) {
        Some(Some(version)) => version.to_string(),
        Some(None) => {
            fields.wrong("version", "a whole number");
            String::new()
        }
        None => String::new(),
    }
}

pub(super) fn read_schema(fields: &Fields<'_>, key: &'static str) -> Schema {
    let Some(value) = fields.get(key) else { return Schema::anything() };
    Schema::compile(value.clone()).unwrap_or_else(|why| {
        fields.source.problem(&fields.at(key), format!("`{key}` of {}: {why}", fields.what), None);
        Schema::anything()
    })
}

fn read_inverse(fields: &Fields<'_>) -> Inverse {
    match fields.get("inverse") {
        None => Inverse::Nothing,
        Some(Value::String(word)) if word == "nothing" => Inverse::Nothing,
        Some(Value::Object(map)) => {
            let Some(inverse) = fields.optional_fields("inverse") else { return Inverse::Nothing };
            let read = if map.contains_key("irreversible") {
                Inverse::Irreversible { why: inverse.text("irreversible") }
            } else {
                Inverse::Action {
                    action: inverse.text("action"),
                    arguments: inverse.template("arguments"),
                }
            };
            inverse.finish();
            read
        }
        Some(_) => {
            fields.wrong("inverse", "`nothing`, an action with arguments, or `irreversible: why`");
            Inverse::Nothing
        }
    }
}

fn read_recovery(fields: &Fields<'_>) -> Recovery {
    const EXPECTED: &str = "`repeat`, `provider_key`, `chosen_id`, `probe` or `ask: why`";
    let unknown = || Recovery::Ask { why: String::new() };
    match fields.get("recovery") {
        None => unknown(),
        Some(Value::String(word)) if word == "repeat" => Recovery::Repeat,
        Some(Value::Object(map)) if map.len() == 1 => {
            let Some(recovery) = fields.optional_fields("recovery") else { return unknown() };
            let read = if map.contains_key("ask") {
                Recovery::Ask { why: recovery.text("ask") }
            } else if let Some(key) = recovery.optional_fields("provider_key") {
                let hours = key.number("valid_hours");
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "hours, checked above"
                )]
                let read =
                    Recovery::ProviderKey { header: key.text("header"), valid_hours: hours as u32 };
                key.finish();
                read
            } else if let Some(chosen) = recovery.optional_fields("chosen_id") {
                let conflicts = chosen.statuses("conflicts");
                Recovery::ChosenId { probe: read_probe(chosen), conflicts }
            } else if let Some(probe) = recovery.optional_fields("probe") {
                Recovery::Probe(read_probe(probe))
            } else {
                unknown()
            };
            recovery.finish();
            read
        }
        Some(_) => {
            fields.wrong("recovery", EXPECTED);
            unknown()
        }
    }
}

fn read_probe(fields: Fields<'_>) -> Probe {
    let probe = Probe {
        requests: read_requests(&fields),
        found: fields.template("found"),
        inconclusive: fields.optional_template("inconclusive"),
    };
    fields.finish();
    probe
}

fn read_pre_image(fields: &Fields<'_>) -> Option<PreImage> {
    let before = fields.optional_fields("before")?;
    let read = PreImage { requests: read_requests(&before), value: before.template("value") };
    before.finish();
    Some(read)
}

fn read_refusals(fields: &Fields<'_>) -> Vec<Refusal> {
    let read = fields.list("refuse").into_iter().map(|refusal| {
        let read = Refusal { when: refusal.template("when"), why: refusal.text("why") };
        refusal.finish();
        read
    });
    read.collect()
}

fn read_personal_data(fields: &Fields<'_>) -> PersonalData {
    let Some(personal) = fields.fields("personal_data") else { return PersonalData::default() };
    let read = PersonalData { reads: personal.texts("reads"), writes: personal.texts("writes") };
    personal.finish();
    read
}

/// `generate: {password: password}`: the left name is how templates find it, the right one what it is.
fn read_generated(fields: &Fields<'_>) -> Vec<String> {
    let Some(generate) = fields.optional_fields("generate") else { return Vec::new() };
    let mut names = Vec::new();
    for (name, kind) in generate.entries() {
        if kind.as_str() == Some("password") {
            names.push(name.clone());
        } else {
            let message = format!("{} cannot generate {kind}; it knows `password`", fields.what);
            generate.source.problem(&generate.at(name), message, None);
        }
    }
    names
}
