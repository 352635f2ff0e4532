//! How the local stand-in plays an app: a section of its manifest, so that a new app needs no Rust.
//!
//! Expressions see `{method, path, query, headers, body, state, let, now, now_seconds, sequence}`: `state` holds the
//! collections by name, `let` the values bound so far, `sequence` counts requests and makes new ids.

use serde_json::Value;

use super::action::read_schema;
use super::fields::Fields;
use crate::schema::Schema;
use crate::template::Template;

/// The sandbox section of one app.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// What each collection holds after a reset.
    pub collections: Vec<(String, Value)>,
    pub answers: Vec<SandboxAnswer>,
    /// Wrong or missing credentials.
    pub unauthorized: SandboxReply,
    /// A query or body that the answer's schema refuses; sees `.problem`.
    pub invalid: SandboxReply,
    /// An address that no answer has.
    pub unknown: SandboxReply,
    /// Ordered by a fault; sees `.status` and `.retry_after`.
    pub fault: SandboxReply,
}

/// What the stand-in does for one method and path.
#[derive(Debug, Clone)]
pub struct SandboxAnswer {
    /// The action it is there for, without the app: `chat.post`; faults are ordered by it.
    pub name: String,
    pub method: String,
    /// `/v0/{base}/{table}`.
    pub path: String,
    pub query: Option<Schema>,
    pub body: Option<Schema>,
    pub idempotent: Option<IdempotentAnswers>,
    pub bindings: Vec<(String, Template)>,
    pub refusals: Vec<SandboxRefusal>,
    /// New contents of collections.
    pub store: Vec<(String, Template)>,
    pub reply: SandboxReply,
}

/// The app itself recognises repeated keys: the stand-in does as well.
#[derive(Debug, Clone)]
pub struct IdempotentAnswers {
    pub header: String,
    /// The same key with another body.
    pub conflict: SandboxReply,
}

#[derive(Debug, Clone)]
pub struct SandboxRefusal {
    pub when: Template,
    pub reply: SandboxReply,
}

#[derive(Debug, Clone)]
pub struct SandboxReply {
    pub status: Template,
    pub headers: Option<Template>,
    pub body: Template,
}

pub(super) fn read_sandbox(fields: Fields<'_>) -> Sandbox {
    let collections = fields.optional_fields("collections").map(|collections| {
        let rows = collections.entries().map(|(name, rows)| (name.clone(), rows.clone()));
        rows.collect()
    });
    let sandbox = Sandbox {
        collections: collections.unwrap_or_default(),
        answers: fields.fields("answers").map(|answers| read_answers(&answers)).unwrap_or_default(),
        unauthorized: read_reply_at(&fields, "unauthorized"),
        invalid: read_reply_at(&fields, "invalid"),
        unknown: read_reply_at(&fields, "unknown"),
        fault: read_reply_at(&fields, "fault"),
    };
    fields.finish();
    sandbox
}

fn read_answers(answers: &Fields<'_>) -> Vec<SandboxAnswer> {
    let read = answers.entries().map(|(name, value)| {
        let what = format!("sandbox answer `{name}`");
        read_answer(name, Fields::new(answers.source, &answers.at(name), what, value))
    });
    read.collect()
}

fn read_answer(name: &str, fields: Fields<'_>) -> SandboxAnswer {
    let schema = |key| fields.find(key).map(|_| read_schema(&fields, key));
    let answer = SandboxAnswer {
        name: name.to_owned(),
        method: fields.text("method"),
        path: fields.text("path"),
        query: schema("query"),
        body: schema("body"),
        idempotent: fields.optional_fields("idempotent").map(|idempotent| {
            let read = IdempotentAnswers {
                header: idempotent.text("header"),
                conflict: read_reply_at(&idempotent, "conflict"),
            };
            idempotent.finish();
            read
        }),
        bindings: read_named(&fields, "let"),
        refusals: read_refusals(&fields),
        store: read_named(&fields, "store"),
        reply: read_reply_at(&fields, "reply"),
    };
    fields.finish();
    answer
}

fn read_named(fields: &Fields<'_>, key: &'static str) -> Vec<(String, Template)> {
    let Some(named) = fields.optional_fields(key) else { return Vec::new() };
    let read = named.entries().map(|(name, value)| (name.clone(), named.compile(name, value)));
    read.collect()
}

fn read_refusals(fields: &Fields<'_>) -> Vec<SandboxRefusal> {
    let read = fields.list("refuse").into_iter().map(|refusal| {
        let read = SandboxRefusal {
            when: refusal.template("when"),
            reply: read_reply_at(&refusal, "reply"),
        };
        refusal.finish();
        read
    });
    read.collect()
}

fn read_reply_at(fields: &Fields<'_>, key: &'static str) -> SandboxReply {
    let Some(reply) = fields.fields(key) else {
        return SandboxReply {
            status: Template::default(),
            headers: None,
            body: Template::default(),
        };
    };
    let read = SandboxReply {
        status: reply.template("status"),
        headers: reply.optional_template("headers"),
        body: reply.template("body"),
    };
    reply.finish();
    read
}
