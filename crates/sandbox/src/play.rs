//! What an app answers to one request, and what it remembers of it. No HTTP server, no clock.

use callboard_apps::{App, IdempotentAnswers, SandboxAnswer, SandboxReply, Schema, TemplateError};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::auth;
use crate::faults::{self, Cut, Fault};
use crate::incoming::Incoming;
use crate::world::{Keyed, Received, World};

/// How long apps remember keys.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// What goes back to the caller.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Reply(Reply),
    /// The connection ends without an answer.
    Cut,
}

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// One request, from arrival to answer.
pub(crate) fn play(
    app: &App,
    incoming: &Incoming,
    secret: Option<&SecretString>,
    world: &mut World,
    now: Timestamp,
) -> Outcome {
    world.sequence += 1;
    let sequence = world.sequence;
    let Some(sandbox) = &app.sandbox else { return Outcome::Cut };
    let found = sandbox.answers.iter().find_map(|answer| {
        let fits = answer.method.eq_ignore_ascii_case(incoming.method.as_str());
        let values = if fits { incoming.matches(&answer.path) } else { None };
        values.map(|values| (answer, values))
    });
    let name = found.as_ref().map(|(answer, _)| answer.name.clone());
    let fault = faults::take(&mut world.faults, &app.name, name.as_deref().unwrap_or_default());
    let mut context = json!({
        "method": incoming.method.as_str(),
        "path": found.as_ref().map(|(_, values)| values.clone()),
        "query": incoming.query,
        "headers": incoming.header_map(),
        "body": incoming.body,
        "state": world.state.get(&app.name).cloned().unwrap_or_default(),
        "let": {},
        "now": now.to_string(),
        "now_seconds": now.as_second(),
        "sequence": sequence,
    });
    let (outcome, note) = match fault {
        Some(Fault { cut: Some(Cut::Before), .. }) => {
            (Outcome::Cut, Some("cut before its effect".to_owned()))
        }
        Some(Fault { cut: None, status, retry_after, .. }) => {
            context["status"] = json!(status.unwrap_or(500));
            context["retry_after"] = json!(retry_after);
            (reply(&sandbox.fault, &context), Some("ordered over /_faults".to_owned()))
        }
        after => {
            let outcome = if auth::is_accepted(&app.service.auth, incoming, secret) {
                match &found {
                    Some((answer, _)) => answer_in(app, answer, incoming, &mut context, world, now),
                    None => reply(&sandbox.unknown, &context),
                }
            } else {
                reply(&sandbox.unauthorized, &context)
            };
            match after {
                Some(_) => (Outcome::Cut, Some("cut after its effect".to_owned())),
                None => (outcome, None),
            }
        }
    };
    let (status, answer) = match &outcome {
        Outcome::Reply(reply) => (Some(reply.status), reply.body.clone()),
        Outcome::Cut => (None, Value::Null),
    };
    world.remember(Received {
        sequence,
        at: now,
        app: app.name.clone(),
        action: name,
        method: incoming.method.to_string(),
        path: incoming.path.clone(),
        query: incoming.query.clone(),
        headers: incoming.header_map(),
        body: incoming.body.clone(),
        status,
        answer,
        note,
    });
    outcome
}

fn answer_in(
    app: &App,
    answer: &SandboxAnswer,
    incoming: &Incoming,
    context: &mut Value,
    world: &mut World,
    now: Timestamp,
) -> Outcome {
    if let Some(problem) = misfit(answer.query.as_ref(), &incoming.query, "query")
        .or_else(|| misfit(answer.body.as_ref(), &incoming.body, "body"))
    {
        context["problem"] = problem;
        return app
            .sandbox
            .as_ref()
            .map_or(Outcome::Cut, |sandbox| reply(&sandbox.invalid, context));
    }
    let key = answer.idempotent.as_ref().and_then(|idempotent| {
        let key = incoming.header(&idempotent.header)?.to_owned();
        Some((idempotent, (app.name.clone(), answer.name.clone(), key)))
    });
    if let Some((idempotent, key)) = &key
        && let Some(again) = repeated(idempotent, world.keyed.get(key), incoming, context, now)
    {
        return again;
    }
    let outcome = match behave(answer, context) {
        Ok((outcome, stored)) => {
            world.state.entry(app.name.clone()).or_default().extend(stored);
            outcome
        }
        Err(error) => {
            let body = json!({ "sandbox": format!("the manifest's answer `{}` failed: {error}", answer.name) });
            Outcome::Reply(Reply { status: 500, headers: Vec::new(), body })
        }
    };
    if let (Some((_, key)), Outcome::Reply(reply)) = (key, &outcome)
        && reply.status < 400
    {
        let keyed = Keyed {
            at: now,
            body: incoming.body.clone(),
            status: reply.status,
            answer: reply.body.clone(),
        };
        world.keyed.insert(key, keyed);
    }
    outcome
}

/// The same key again: the same answer, or a conflict when something else is asked with it.
fn repeated(
    idempotent: &IdempotentAnswers,
    known: Option<&Keyed>,
    incoming: &Incoming,
    context: &Value,
    now: Timestamp,
) -> Option<Outcome> {
    let known = known.filter(|known| now.duration_since(known.at) < KEY_LIFETIME)?;
    if known.body != incoming.body {
        return Some(reply(&idempotent.conflict, context));
    }
    Some(Outcome::Reply(Reply {
        status: known.status,
        headers: Vec::new(),
        body: known.answer.clone(),
    }))
}

/// Binds, refuses, stores, replies.
fn behave(
    answer: &SandboxAnswer,
    context: &mut Value,
) -> Result<(Outcome, Map<String, Value>), TemplateError> {
    for (name, template) in &answer.bindings {
        context["let"][name] = template.evaluate(context)?;
    }
    for refusal in &answer.refusals {
        if refusal.when.holds(context)? {
            return Ok((Outcome::Reply(render(&refusal.reply, context)?), Map::new()));
        }
    }
    let mut stored = Map::new();
    for (collection, template) in &answer.store {
        stored.insert(collection.clone(), template.evaluate(context)?);
    }
    Ok((Outcome::Reply(render(&answer.reply, context)?), stored))
}

fn misfit(schema: Option<&Schema>, value: &Value, place: &str) -> Option<Value> {
    let mismatches = schema?.check(value).err()?;
    let first = mismatches.first()?;
    Some(json!({ "pointer": format!("{place}{}", first.pointer), "message": first.message }))
}

fn reply(reply: &SandboxReply, context: &Value) -> Outcome {
    Outcome::Reply(render(reply, context).unwrap_or_else(|error| Reply {
        status: 500,
        headers: Vec::new(),
        body: json!({ "sandbox": error.to_string() }),
    }))
}

fn render(reply: &SandboxReply, context: &Value) -> Result<Reply, TemplateError> {
    let status =
        reply.status.evaluate(context)?.as_u64().and_then(|status| u16::try_from(status).ok());
    let headers = match &reply.headers {
        Some(headers) => headers.evaluate(context)?,
        None => Value::Null,
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers =
        headers.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
    Ok(Reply {
        status: status.unwrap_or(500),
        headers: headers.collect(),
        body: reply.body.evaluate(context)?,
    })
}
