//! Reading the files of one app: `app.yaml` has the head, every file may add actions and triggers.

use std::collections::BTreeMap;
use std::sync::Arc;

use callboard_flow::{Problem, yaml};
use serde_json::Value;

use super::action::{read_action, read_schema};
use super::fields::{Fields, Source, suggest};
use super::request::read_request;
use super::sandbox::read_sandbox;
use super::trigger::read_trigger;
use crate::app::{App, AuthScheme, Errors, Health, RateLimit, Redact, Reset, ResetUnit, Service};
use crate::rates::Limits;

/// One file below `apps/<app>/`.
pub(crate) struct ManifestFile {
    /// As messages name it: `apps/slack/app.yaml`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Comes with Callboard.
    pub(crate) trusted: bool,
}

/// The app called `name`, or everything that is wrong with its files.
pub(crate) fn read_app(name: &str, files: &[ManifestFile]) -> Result<App, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut read = Vec::new();
    for file in files {
        match yaml::read(&file.text) {
            Ok((value, positions)) => {
                read.push((Source::new(&file.name, positions, file.trusted), value));
            }
            Err(problem) => problems.push(problem.in_file(&file.name)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(head) = read.iter().position(|(source, _)| source.file.ends_with("/app.yaml")) else {
        let file = files.first().map_or_else(|| name.to_owned(), |file| file.name.clone());
        let message = format!("the app `{name}` has no app.yaml, which says how it is spoken to");
        return Err(vec![Problem {
            file,
            line: 1,
            column: 1,
            pointer: String::new(),
            message,
            suggestion: None,
        }]);
    };
    read.swap(0, head);
    let mut app = None;
    for (source, value) in &read {
        let fields = Fields::new(source, "", format!("the app `{name}`"), value);
        let mut target = match app.take() {
            None => read_head(name, &fields),
            Some(app) => app,
        };
        read_parts(&mut target, &fields);
        app = Some(target);
        fields.finish();
    }
    problems.extend(read.into_iter().flat_map(|(source, _)| source.into_problems()));
    match app {
        Some(app) if problems.is_empty() => Ok(app),
        _ => Err(problems),
    }
}

fn read_head(name: &str, fields: &Fields<'_>) -> App {
    let declared = fields.text("app");
    if !declared.is_empty() && declared != name {
        fields.wrong("app", &format!("`{name}`, as its folder is called"));
    }
    let title = fields.text("title");
    let auth = fields.fields("auth");
    let remedy = auth.as_ref().map(|auth| auth.text("remedy")).unwrap_or_default();
    let service = Arc::new(Service {
        app: name.to_owned(),
        title: title.clone(),
        auth: auth.map_or(AuthScheme::Open, read_auth),
        remedy,
        base_url: fields.text("base_url"),
        errors: read_errors(fields),
        rate_limit: read_rate_limit(fields),
        redact: read_redact(fields),
    });
    App {
        name: name.to_owned(),
        title,
        summary: fields.text("summary"),
        settings: read_schema(fields, "settings"),
        personal_data: fields.text("personal_data"),
        service,
        actions: Vec::new(),
        triggers: Vec::new(),
        sandbox: fields.optional_fields("sandbox").map(|sandbox| Arc::new(read_sandbox(sandbox))),
        health: read_health(fields),
    }
}

fn read_parts(app: &mut App, fields: &Fields<'_>) {
    if let Some(actions) = fields.optional_fields("actions") {
        for (name, value) in actions.entries() {
            let what = format!("action `{}.{name}`", app.name);
            let pointer = actions.at(name);
            let action =
                read_action(&app.service, name, Fields::new(fields.source, &pointer, what, value));
            if app.action(&action.id).is_some() {
                fields.source.problem(
                    &pointer,
                    format!("the action `{}` is declared twice", action.id),
                    None,
                );
            }
            app.actions.push(Arc::new(action));
        }
    }
    if let Some(triggers) = fields.optional_fields("triggers") {
        for (name, value) in triggers.entries() {
            let what = format!("trigger `{}.{name}`", app.name);
            let fields = Fields::new(fields.source, &triggers.at(name), what, value);
            app.triggers.push(Arc::new(read_trigger(&app.name, name, fields)));
        }
    }
}

fn read_auth(auth: Fields<'_>) -> AuthScheme {
    let scheme = auth.text("scheme");
    let read = match scheme.as_str() {
        "auth0" => AuthScheme::Auth0,
        "bearer" => AuthScheme::Bearer,
        "basic" => {
            AuthScheme::Basic { username: auth.text("username"), password: auth.text("password") }
        }
        "header" => AuthScheme::Header { name: auth.text("name"), value: auth.text("value") },
        "open" => AuthScheme::Open,
        _ => {
            let known = ["auth0", "bearer", "basic", "header", "open"];
            let message = format!(
                "{} has the unknown scheme `{scheme}`; known are {}",
                auth.what,
                known.join(", ")
            );
            auth.source.problem(&auth.at("scheme"), message, suggest(&scheme, &known));
            AuthScheme::Open
        }
    };
    auth.find("remedy");
    auth.finish();
    read
}

fn read_errors(fields: &Fields<'_>) -> Errors {
    let Some(errors) = fields.fields("errors") else { return Errors::default() };
    let read = Errors {
        status: errors.optional_template("status"),
        title: errors.optional_template("title"),
    };
    errors.finish();
    read
}

fn read_rate_limit(fields: &Fields<'_>) -> RateLimit {
    let Some(limit) = fields.fields("rate_limit") else { return RateLimit::default() };
    let reset = limit.optional_fields("reset").map(|reset| {
        let units = [("epoch_seconds", ResetUnit::EpochSeconds), ("seconds", ResetUnit::Seconds)];
        let read = Reset {
            header: reset.text("header"),
            unit: reset.choice("unit", &units, ResetUnit::Seconds),
        };
        reset.finish();
        read
    });
    let read = RateLimit {
        retry_after: limit.optional_text("retry_after"),
        reset,
        pause_seconds: limit
            .optional_whole("pause_seconds")
            .and_then(|pause| u32::try_from(pause).ok()),
        limit: limit.optional_text("limit"),
        remaining: limit.optional_text("remaining"),
        declared: limit
            .optional_fields("declared")
            .map(|fields| read_declared(&fields))
            .unwrap_or_default(),
    };
    limit.finish();
    read
}

/// `BUCKET: {burst: 5, calls: 5, seconds: 1}`.
fn read_declared(buckets: &Fields<'_>) -> BTreeMap<String, Limits> {
    let read = buckets.entries().map(|(name, value)| {
        let what = format!("the declared limit of `{name}`");
        let bucket = Fields::new(buckets.source, &buckets.at(name), what, value);
        let burst = bucket.optional_whole("burst").and_then(|burst| u32::try_from(burst).ok());
        let (calls, seconds) = (bucket.number("calls"), bucket.number("seconds"));
        if burst == Some(0) || calls <= 0.0 || seconds <= 0.0 {
            bucket.wrong("calls", "numbers above 0: `{burst: 5, calls: 5, seconds: 1}`");
        }
        bucket.finish();
        let burst = burst.unwrap_or(1).max(1);
        (name.clone(), Limits::Declared { burst, per_second: calls / seconds.max(1e-3) })
    });
    read.collect()
}

fn read_redact(fields: &Fields<'_>) -> Redact {
    let Some(redact) = fields.fields("redact") else { return Redact::default() };
    let read = Redact { secret: redact.texts("secret"), personal: redact.texts("personal") };
    redact.finish();
    read
}

/// `none` where the service has nothing harmless to ask.
fn read_health(fields: &Fields<'_>) -> Option<Health> {
    if fields.get("health")? == &Value::from("none") {
        return None;
    }
    let health = fields.optional_fields("health")?;
    let request = health.fields("request").map(|request| read_request("main", request));
    let who = health.template("who");
    health.finish();
    Some(Health { request: request?, who })
}
