//! `/users/{id}/authentication-methods`: second factors and passkeys that were set through the API.

mod masking;

use callboard_contract::Inexistent;
use serde_json::{Map, Value, json};

use super::{BY_USER, find};
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{Document, Key, Kind, Span, Transaction};
use masking::masked;

pub(super) const KIND: Kind = Kind("authentication_method");

/// More than anybody has.
const MOST: u64 = 100;
/// What is kept for checking codes and never shown.
const HIDDEN: [&str; 1] = ["totp_secret"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_authentication-methods", list);
    table.read("get_authentication-methods_by_authentication_method_id", get);
    table.write(
        "post_authentication-methods",
        "Create an authentication method for a given user",
        create,
    );
    table.write("put_authentication-methods", "Update all authentication methods", replace_all);
    table.write(
        "patch_authentication-methods_by_authentication_method_id",
        "Update an authentication method",
        update,
    );
    table.write("delete_authentication-methods", "Delete all authentication methods", delete_all);
    table.write(
        "delete_authentication-methods_by_authentication_method_id",
        "Delete an authentication method",
        delete,
    );
}

/// Deleting methods that are not there, of users that are not there, is fine.
async fn delete_all(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete_matching(KIND, BY_USER, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let method = method(&context, &request).await?;
    Ok(context.commit(Transaction::new().delete(KIND, method.id), Answer::no_content()).await?)
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let all = context.store().matching(KIND, BY_USER, &user.id, Span::page(0, MOST)).await?;
    let total = all.len();
    let rows: Vec<_> = all.into_iter().map(|method| confirmed(&method.body)).collect();
    let rows: Vec<_> = paging.page_of(rows).into_iter().map(|(_, row)| row).collect();
    if !paging.include_totals {
        return Ok(Answer::ok(rows));
    }
    let (start, limit) = (paging.start(), paging.per_page);
    Ok(Answer::ok(json!({"authenticators": rows, "total": total, "start": start, "limit": limit})))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(confirmed(&method(&context, &request).await?.body)))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let method = new_method(&context, request.into_fields());
    let change = inserted(Transaction::new(), &user.id, &method);
    Ok(context.commit(change, Answer::created(masked(&shown(&method)))).await?)
}

/// Replaces all; addresses and numbers come back in clear, as the real API does here.
async fn replace_all(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let wanted = request.body.as_array().cloned().unwrap_or_default();
    let methods: Vec<_> = wanted
        .into_iter()
        .map(|method| new_method(&context, method.as_object().cloned().unwrap_or_default()))
        .collect();
    let cleared = Transaction::new().delete_matching(KIND, BY_USER, user.id.as_str());
    let change = methods.iter().fold(cleared, |change, method| inserted(change, &user.id, method));
    let answer = Answer::ok(methods.iter().map(shown).collect::<Vec<_>>());
    Ok(context.commit(change, answer).await?)
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = method(&context, &request).await?;
    let user = request.id().to_owned();
    let mut body = found.body.as_object().cloned().unwrap_or_default();
    body.extend(request.into_fields());
    let body = Value::Object(body);
    let answer = Answer::ok(masked(&shown(&body)));
    let keys = vec![Key::shared(BY_USER, user)];
    let change = Transaction::new().replace(KIND, found.id, found.version, body, keys);
    Ok(context.commit(change, answer).await?)
}

async fn method(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let user = find(context, request.id()).await?;
    let id = document_id(&user.id, request.path("authentication_method_id"));
    let found = context.store().get(KIND, &id).await?;
    found.ok_or_else(|| Inexistent::Other("authentication method").into())
}

fn inserted(change: Transaction, user: &str, method: &Value) -> Transaction {
    let id = document_id(user, method["id"].as_str().unwrap_or_default());
    change.insert(KIND, id, method.clone(), vec![Key::shared(BY_USER, user)])
}

fn document_id(user: &str, method: &str) -> String {
    format!("{user} {method}")
}

fn new_method(context: &Context, fields: Map<String, Value>) -> Value {
    let device = format!("dev_{}", context.tenant.random().alphanumeric(16));
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut method = Map::new();
    method.insert("id".into(), format!("{kind}|{device}").into());
    method.extend(fields);
    method.insert("created_at".into(), context.timestamp().into());
    if kind == "phone" {
        let preferred =
            method.entry("preferred_authentication_method").or_insert("sms".into()).clone();
        let way = preferred.as_str().unwrap_or("sms").to_owned();
        let ways = json!([{"id": format!("{way}|{device}"), "type": way}]);
        method.insert("authentication_methods".into(), ways);
    }
    Value::Object(method)
}

fn shown(method: &Value) -> Value {
    let fields = method.as_object().into_iter().flatten();
    let shown = fields.filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    Value::Object(shown.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// As reading shows it: masked, and said to be confirmed.
fn confirmed(method: &Value) -> Value {
    let mut read = masked(&shown(method));
    read["confirmed"] = true.into();
    read
}
