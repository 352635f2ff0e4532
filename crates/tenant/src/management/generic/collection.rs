//! Creates, reads, lists, changes and deletes the things of a family.

use http::StatusCode;
use serde_json::Value;

use super::family::{Family, OF_PARENT, Occasion, Repeated, Verb};
use super::fields::{Change, Fields, fields_of};
use super::listing::{Listing, every, with_key};
use super::{operation, success};
use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::store::{Document, Transaction};

/// Registers every verb of the family.
pub(in crate::management) fn behaviours(table: &mut Table, family: &'static Family) {
    for &(verb, id, title) in family.routes {
        let status = success(id);
        match verb {
            Verb::Create => {
                table.write(id, title, move |context, request| {
                    create(family, status, context, request)
                });
            }
            Verb::Read => table.read(id, move |context, request| read(family, context, request)),
            Verb::List => {
                let listing = Listing::of(operation(id));
                table.read(id, move |context, request| list(family, listing, context, request));
            }
            Verb::Merge => {
                table.write(id, title, move |context, request| {
                    merge(family, status, context, request)
                });
            }
            Verb::Replace => table.write(id, title, move |context, request| {
                change(family, Change::Replace, status, context, request)
            }),
            Verb::Put => {
                table.write(id, title, move |context, request| {
                    put(family, status, context, request)
                });
            }
            Verb::Delete => {
                table.write(id, title, move |context, request| {
                    delete(family, status, context, request)
                });
            }
        }
    }
}

/// The thing that the path names, or the family's 404.
pub(in crate::management) async fn find(
    family: &Family,
    context: &Context,
    request: &Request,
) -> Result<Document, ApiError> {
    let id = request.path(family.path_id);
    sought(family, context, request).await?.ok_or_else(|| (family.missing)(id).into())
}

/// Everything of the family, oldest first, as stored.
pub(in crate::management) async fn listed(
    family: &Family,
    context: &Context,
    request: &Request,
) -> Result<Vec<Document>, ApiError> {
    match family.parent {
        Some(parent) => of_parent(family, context, request.path(parent.path_id)).await,
        None => Ok(every(context, family.kind).await?),
    }
}

/// Everything of the family that belongs to one parent, oldest first, as stored.
pub(in crate::management) async fn of_parent(
    family: &Family,
    context: &Context,
    parent: &str,
) -> Result<Vec<Document>, ApiError> {
    Ok(with_key(context, family.kind, OF_PARENT, parent).await?)
}

async fn sought(
    family: &Family,
    context: &Context,
    request: &Request,
) -> Result<Option<Document>, ApiError> {
    require_parent(family, context, request).await?;
    let found = context.store().get(family.kind, request.path(family.path_id)).await?;
    Ok(found.filter(|found| {
        family.parent.is_none_or(|parent| found.body[parent.field] == *request.path(parent.path_id))
    }))
}

async fn require_parent(
    family: &Family,
    context: &Context,
    request: &Request,
) -> Result<(), ApiError> {
    let Some(parent) = family.parent else { return Ok(()) };
    let id = request.path(parent.path_id);
    match context.store().get(parent.kind, id).await? {
        Some(_) => Ok(()),
        None => Err((parent.missing)(id).into()),
    }
}

/// Makes a thing of what was sent.
pub(in crate::management) async fn create(
    family: &Family,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    require_parent(family, &context, &request).await?;
    let others = context.store().count(family.kind).await?;
    if let Some((most, sentence)) = family.most
        && others >= most
    {
        return Err(ApiError::conflict(sentence));
    }
    let chosen = request.body[family.id_field].as_str().unwrap_or_default().to_owned();
    let (id, change) = family.id.next(&context, family.kind, &chosen, Transaction::new()).await?;
    let parent =
        family.parent.map(|parent| (parent.field, request.path(parent.path_id).to_owned()));
    let mut thing = fresh(family, &context, &id, &request.into_fields());
    if let Some((field, parent)) = parent {
        thing.insert(field.into(), parent.into());
    }
    (family.arrange)(&context, Occasion::Creation { others }, &mut thing);
    let thing = Value::Object(thing);
    let answer = Answer::with(status, family.shown(thing.clone()));
    let keys = family.keys(&thing);
    let change = change.insert(family.kind, id, thing, keys);
    context.commit(change, answer).await.map_err(|error| family.refusal(error))
}

/// Id, defaults, what was sent, and the time.
fn fresh(family: &Family, context: &Context, id: &str, sent: &Fields) -> Fields {
    let mut thing = Fields::new();
    thing.insert(family.id_field.into(), id.into());
    thing.extend(fields_of((family.fresh)(context)));
    let mut thing = Change::Merge.apply(&thing, sent);
    if family.stamped {
        thing.insert("created_at".into(), context.timestamp().into());
        thing.insert("updated_at".into(), context.timestamp().into());
    }
    thing
}

async fn read(family: &Family, context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(family, &context, &request).await?;
    Ok(Answer::ok(Projection::of(&request).apply(family.shown(found.body))))
}

async fn list(
    family: &Family,
    listing: Listing,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    require_parent(family, &context, &request).await?;
    let documents = listed(family, &context, &request).await?;
    let show = |stored: Value| {
        let mut shown = family.shown(stored);
        if let Value::Object(fields) = &mut shown
            && !family.summary.is_empty()
        {
            fields.retain(|name, _| family.summary.contains(&name.as_str()));
        }
        shown
    };
    listing.answer(&request, documents, &show)
}

/// Changes the members that were sent.
pub(in crate::management) async fn merge(
    family: &Family,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    change(family, Change::Merge, status, context, request).await
}

async fn change(
    family: &Family,
    rule: Change,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let found = find(family, &context, &request).await?;
    let before = fields_of(found.body);
    let sent = request.into_fields();
    let mut thing = match rule {
        Change::Replace => replaced(family, &context, &before, &sent),
        rule => rule.apply(&before, &sent),
    };
    if family.stamped {
        thing.insert("updated_at".into(), context.timestamp().into());
    }
    (family.arrange)(&context, Occasion::Change { before: &before, sent: &sent }, &mut thing);
    let thing = Value::Object(thing);
    let answer = Answer::with(status, family.shown(thing.clone()));
    let keys = family.keys(&thing);
    let change = Transaction::new().replace(family.kind, found.id, found.version, thing, keys);
    context.commit(change, answer).await.map_err(|error| family.refusal(error))
}

/// A thing of the same id and age with nothing else of the old one.
fn replaced(family: &Family, context: &Context, before: &Fields, sent: &Fields) -> Fields {
    let id = before.get(family.id_field).and_then(Value::as_str).unwrap_or_default();
    let mut thing = fresh(family, context, id, sent);
    let kept = ["created_at"].into_iter().chain(family.parent.map(|parent| parent.field));
    for name in kept {
        if let Some(value) = before.get(name) {
            thing.insert(name.into(), value.clone());
        }
    }
    thing
}

async fn put(
    family: &Family,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let id = request.path(family.path_id).to_owned();
    let mut thing = fresh(family, &context, &id, &request.into_fields());
    let others = context.store().count(family.kind).await?;
    (family.arrange)(&context, Occasion::Creation { others }, &mut thing);
    let thing = Value::Object(thing);
    let answer = Answer::with(status, family.shown(thing.clone()));
    let keys = family.keys(&thing);
    let change = Transaction::new().put(family.kind, id, thing, keys);
    context.commit(change, answer).await.map_err(|error| family.refusal(error))
}

async fn delete(
    family: &Family,
    status: StatusCode,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let id = request.path(family.path_id);
    if family.repeated_delete == Repeated::NotFound {
        find(family, &context, &request).await?;
    }
    let mut change = Transaction::new().delete(family.kind, id);
    for child in family.children {
        for one in of_parent(child, &context, id).await? {
            change = change.delete(child.kind, one.id);
        }
    }
    let answer = match status {
        StatusCode::NO_CONTENT => Answer::no_content(),
        status => Answer::with(status, (family.farewell)()),
    };
    Ok(context.commit(change, answer).await?)
}
