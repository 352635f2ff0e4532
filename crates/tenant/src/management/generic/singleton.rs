//! The one document at an address: settings, policies, texts by name and language.

use callboard_contract::ErrorBody;
use http::StatusCode;
use serde_json::Value;

use super::fields::{Change, Fields, fields_of, without};
use super::success;
use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::store::{CommitError, Conflict, Document, Kind, Transaction};

/// What is to be known about such a document. Path parameters are part of its address: each text of each prompt is one.
pub(in crate::management) struct Singleton {
    pub(in crate::management) kind: Kind,
    /// What is there before anybody has written anything.
    pub(in crate::management) fresh: Fresh,
    /// What a write is made into before it is stored.
    pub(in crate::management) arrange: fn(&Context, &mut Fields),
    /// How `PATCH` is applied; `PUT` replaces.
    pub(in crate::management) patch: Change,
    /// Dotted paths that are stored and never shown.
    pub(in crate::management) hidden: &'static [&'static str],
    /// Whether a write answers with what was sent instead of all that is there now.
    pub(in crate::management) echo: bool,
    /// What is said to a second creation.
    pub(in crate::management) exists: &'static str,
    /// Operation and log title of each verb that the document has; reads have no title.
    pub(in crate::management) routes: &'static [(Verb, &'static str, &'static str)],
}

/// What stands at the address of a document that nobody has written.
#[derive(Clone, Copy)]
pub(in crate::management) enum Fresh {
    /// Something, perhaps depending on the path.
    Value(fn(&Context, &Request) -> Value),
    /// Nothing: reading it is refused.
    Missing(fn() -> ErrorBody),
}

/// What a request to such a document does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::management) enum Verb {
    Create,
    Read,
    Patch,
    Put,
    Delete,
}

impl Singleton {
    /// A document with a value from the start and without any peculiarity.
    pub(in crate::management) const fn new(
        kind: &'static str,
        fresh: fn(&Context, &Request) -> Value,
    ) -> Self {
        Self {
            kind: Kind(kind),
            fresh: Fresh::Value(fresh),
            arrange: |_, _| {},
            patch: Change::Merge,
            hidden: &[],
            echo: false,
            exists: "Conflict",
            routes: &[],
        }
    }

    /// What is there now: what was written, or what is there from the start.
    pub(in crate::management) async fn value(
        &self,
        context: &Context,
        request: &Request,
    ) -> Result<Value, ApiError> {
        match (context.store().get(self.kind, &address(request)).await?, self.fresh) {
            (Some(found), _) => Ok(found.body),
            (None, Fresh::Value(fresh)) => Ok(fresh(context, request)),
            (None, Fresh::Missing(missing)) => Err(missing().into()),
        }
    }
}

/// Registers every verb of the document.
pub(in crate::management) fn behaviours(table: &mut Table, singleton: &'static Singleton) {
    for &(verb, id, title) in singleton.routes {
        let status = success(id);
        match verb {
            Verb::Read => table.read(id, move |context, request| read(singleton, context, request)),
            Verb::Delete => {
                table.write(id, title, move |context, request| delete(singleton, context, request));
            }
            Verb::Create | Verb::Patch | Verb::Put => {
                table.write(id, title, move |context, request| {
                    write(singleton, verb, status, context, request)
                });
            }
        }
    }
}

/// The values of the path, which tell documents of one kind apart.
fn address(request: &Request) -> String {
    let values: Vec<_> = request.path.iter().map(|(_, value)| value.as_str()).collect();
    if values.is_empty() { "-".into() } else { values.join("/") }
}

async fn read(
    singleton: &Singleton,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let value = without(singleton.value(&context, &request).await?, singleton.hidden);
    Ok(Answer::ok(Projection::of(&request).apply(value)))
}

async fn write(
    singleton: &Singleton,
    verb: Verb,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let address = address(&request);
    let stored = context.store().get(singleton.kind, &address).await?;
    if verb == Verb::Create && stored.is_some() {
        return Err(ApiError::conflict(singleton.exists));
    }
    let value = match (&request.body, verb) {
        (Value::Object(_), Verb::Patch) => {
            let before = fields_of(singleton.value(&context, &request).await?);
            let sent = fields_of(request.body.clone());
            arranged(singleton, &context, singleton.patch.apply(&before, &sent))
        }
        (Value::Object(sent), _) => {
            arranged(singleton, &context, Change::Replace.apply(&Fields::new(), sent))
        }
        (other, _) => other.clone(),
    };
    let shown = if singleton.echo { request.body } else { value.clone() };
    let answer = Answer::with(status, without(shown, singleton.hidden));
    let change = stored_as(singleton, stored, address, value);
    context.commit(change, answer).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Exists { .. }) => ApiError::conflict(singleton.exists),
        other => other.into(),
    })
}

fn arranged(singleton: &Singleton, context: &Context, mut value: Fields) -> Value {
    (singleton.arrange)(context, &mut value);
    Value::Object(value)
}

fn stored_as(
    singleton: &Singleton,
    stored: Option<Document>,
    address: String,
    value: Value,
) -> Transaction {
    let change = Transaction::new();
    match stored {
        Some(stored) => change.replace(singleton.kind, address, stored.version, value, Vec::new()),
        None => change.insert(singleton.kind, address, value, Vec::new()),
    }
}

async fn delete(
    singleton: &Singleton,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(singleton.kind, address(&request));
    Ok(context.commit(change, Answer::no_content()).await?)
}
