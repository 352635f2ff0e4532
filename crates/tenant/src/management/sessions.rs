//! Sessions: that a person has logged in somewhere, and how it is ended.
//!
//! Ends take effect at once; the real API answers the same 202 and takes a moment.

use callboard_contract::Inexistent;
use callboard_contract::timestamps::to_wire;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{refresh_tokens, users};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Request, Table};
use crate::random::Random;
use crate::store::{Document, Key, Kind, Span, Transaction};

pub(crate) const KIND: Kind = Kind("session");

/// Hours that a session lives and may idle, where the tenant does not say.
const LIFETIME: f64 = 168.0;
const IDLE_LIFETIME: f64 = 72.0;
/// Bytes of an id; 32 characters as text.
const ID_BYTES: usize = 24;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_session", get);
    table.write("patch_sessions_by_id", "Update a session", update);
    table.write("delete_session", "Delete a session", delete);
    table.write("revoke_session", "Revoke a session", revoke);
    table.read("get_sessions_for_user", list_of_user);
    table.write("delete_sessions_for_user", "Delete all sessions of a user", delete_of_user);
    table.write("user_revoke_access", "Revoke access of a user", revoke_access);
}

/// A login that starts a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) at: Timestamp,
}

/// Begins a session as the tenant's settings want it; gives its id, which is the `sid` of ID tokens.
pub(crate) fn begin(
    change: Transaction,
    random: &Random,
    settings: &Value,
    login: &Login<'_>,
) -> (Transaction, String) {
    let id = random.url_safe(ID_BYTES);
    let now = to_wire(login.at);
    let until = |name: &str, default: f64| {
        let hours = settings[name].as_f64().unwrap_or(default);
        let lifetime =
            SignedDuration::try_from_secs_f64(hours * 3_600.0).unwrap_or(SignedDuration::MAX);
        to_wire(login.at.saturating_add(lifetime).unwrap_or(Timestamp::MAX))
    };
    let session = json!({
        "id": id,
        "user_id": login.user_id,
        "created_at": now,
        "updated_at": now,
        "authenticated_at": now,
        "idle_expires_at": until("idle_session_lifetime", IDLE_LIFETIME),
        "expires_at": until("session_lifetime", LIFETIME),
        "last_interacted_at": now,
        "device": {
            "initial_user_agent": login.user_agent,
            "initial_ip": login.ip,
            "last_user_agent": login.user_agent,
            "last_ip": login.ip,
        },
        "clients": [{"client_id": login.client_id}],
        "authentication": {"methods": [{"name": "pwd", "timestamp": now}]},
        "cookie": {"mode": settings["session_cookie"]["mode"].as_str().unwrap_or("persistent")},
    });
    let change = change.insert(KIND, id.as_str(), session, keys(login.user_id));
    (change, id)
}

fn keys(user: &str) -> Vec<Key> {
    vec![Key::shared(users::BY_USER, user)]
}

/// Neither expired nor idle for too long. Times of one form compare as texts.
fn is_live(session: &Value, now: &str) -> bool {
    let after_now = |name: &str| session[name].as_str().is_none_or(|until| until > now);
    after_now("expires_at") && after_now("idle_expires_at")
}

async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    let found = context.store().get(KIND, id).await?;
    let live = found.filter(|session| is_live(&session.body, &context.timestamp()));
    live.ok_or_else(|| Inexistent::Other("session").into())
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    Ok(Answer::ok(find(&context, request.id()).await?.body))
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let mut session = found.body;
    for (name, value) in request.into_fields() {
        session[name.as_str()] = value;
    }
    session["updated_at"] = context.timestamp().into();
    let user = session["user_id"].as_str().unwrap_or_default().to_owned();
    let answer = Answer::ok(session.clone());
    let change = Transaction::new().replace(KIND, found.id, found.version, session, keys(&user));
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(KIND, request.id());
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}

/// The session and the refresh tokens that it led to.
async fn revoke(context: Context, request: Request) -> Result<Answer, ApiError> {
    let session = find(&context, request.id()).await?;
    let change = refresh_tokens::of_session_removed(Transaction::new(), &session.id);
    let change = change.delete(KIND, session.id);
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}

async fn list_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.path("user_id")).await?;
    let paging = Paging::by_checkpoint(&request)?;
    let found =
        context.store().matching(KIND, users::BY_USER, &user.id, Span::page(0, u64::MAX)).await?;
    let now = context.timestamp();
    let live = found.into_iter().filter(|session| is_live(&session.body, &now)).collect();
    let page = super::listing::page_of(live, &paging);
    Ok(paging.answer("sessions", page.rows, page.total, Envelope::TotalFirst))
}

/// Refresh tokens live on.
async fn delete_of_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.path("user_id")).await?;
    let change = Transaction::new().delete_matching(KIND, users::BY_USER, user.id);
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}

/// One session or all of them, and unless they are to be kept the refresh tokens too.
async fn revoke_access(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let keeps_tokens = request.body["preserve_refresh_tokens"] == true;
    let mut change = Transaction::new();
    if let Some(id) = request.body["session_id"].as_str() {
        let session = find(&context, id).await?;
        if session.body["user_id"] == user.id.as_str() {
            change = change.delete(KIND, id);
            if !keeps_tokens {
                change = refresh_tokens::of_session_removed(change, id);
            }
        }
    } else {
        change = change.delete_matching(KIND, users::BY_USER, user.id.as_str());
        if !keeps_tokens {
            change = change.delete_matching(refresh_tokens::KIND, users::BY_USER, user.id);
        }
    }
    Ok(context.commit(change, Answer::accepted(json!({}))).await?)
}
