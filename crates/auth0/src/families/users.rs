//! Users, their roles and sessions.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{PER_PAGE, by_id, fixed, roles::Role};
use crate::{Call, Done, InvalidCall, Listing, Paging, Typed};

/// A user.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Connection strategy, bar, id at that connection. Example: `auth0|507f1f77bcf86cd799439020`.
    pub user_id: String,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether an administrator blocked the user; absent means no.
    #[serde(default)]
    pub blocked: bool,
    /// What the user may change.
    #[serde(default)]
    pub user_metadata: Map<String, Value>,
    /// What only administrators may change.
    #[serde(default)]
    pub app_metadata: Map<String, Value>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The id, equal to the claim `sid`.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// When it ends at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Prints the id only: the rest is personal data.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// `GET /users`: all users, or those that match a search in Auth0's query syntax.
///
/// The search index lags behind writes by seconds, and shows 1,000 users at most.
pub fn list(search: Option<&str>) -> Listing<User> {
    let listing = Listing::new(fixed("get_users"), "users", Paging::Offset { per_page: 100 });
    match search {
        Some(search) => listing.with_query("q", search).with_query("search_engine", "v3"),
        None => listing,
    }
}

/// `GET /users/{id}`
///
/// # Errors
/// When the id cannot be part of a path.
pub fn get(id: &str) -> Result<Typed<User>, InvalidCall> {
    Ok(Typed::new(by_id("get_users_by_id", id)?))
}

/// `GET /users-by-email`: exact and case-sensitive. Database connections store addresses in lower case.
pub fn by_email(email: &str) -> Typed<Vec<User>> {
    Typed::new(fixed("get_users-by-email").with_query("email", email))
}

/// `POST /users`. A second user of the same connection and address is refused with 409.
pub fn create(user: Value) -> Typed<User> {
    Typed::new(fixed("post_users").with_body(user))
}

/// `PATCH /users/{id}`. First-level keys of metadata are merged, nested objects replaced.
///
/// Harmless to repeat unless it changes credentials or sends mail.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn update(id: &str, change: Value) -> Result<Typed<User>, InvalidCall> {
    let plain = [
        "blocked",
        "user_metadata",
        "app_metadata",
        "name",
        "given_name",
        "family_name",
        "nickname",
        "picture",
    ];
    let harmless = change
        .as_object()
        .is_some_and(|change| change.keys().all(|key| plain.contains(&key.as_str())));
    let call = by_id("patch_users_by_id", id)?.with_body(change);
    Ok(Typed::new(if harmless { call.harmless_to_repeat() } else { call }))
}

/// `PATCH /users/{id}` with `blocked: true`: ends new logins and token renewals, not sessions of applications.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn block(id: &str) -> Result<Typed<User>, InvalidCall> {
    update(id, json!({"blocked": true}))
}

/// `PATCH /users/{id}` with `blocked: false`: lifts the administrator's block, not those against brute force.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn unblock(id: &str) -> Result<Typed<User>, InvalidCall> {
    update(id, json!({"blocked": false}))
}

/// `DELETE /users/{id}`: cannot be undone; succeeds for unknown users too.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn delete(id: &str) -> Result<Typed<Done>, InvalidCall> {
    Ok(Typed::new(by_id("delete_users_by_id", id)?.harmless_to_repeat()))
}

/// `GET /users/{id}/roles`
///
/// # Errors
/// When the id cannot be part of a path.
pub fn roles(id: &str) -> Result<Listing<Role>, InvalidCall> {
    let call = by_id("get_user_roles", id)?;
    Ok(Listing::new(call, "roles", Paging::Offset { per_page: PER_PAGE }))
}

/// `POST /users/{id}/roles`: assigns roles by id; those assigned already stay.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn assign_roles(id: &str, roles: &[String]) -> Result<Typed<Done>, InvalidCall> {
    let call = by_id("post_user_roles", id)?;
    Ok(Typed::new(call.with_body(json!({"roles": roles})).harmless_to_repeat()))
}

/// `DELETE /users/{id}/roles`: removes roles by id.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn remove_roles(id: &str, roles: &[String]) -> Result<Typed<Done>, InvalidCall> {
    let call = by_id("delete_user_roles", id)?;
    Ok(Typed::new(call.with_body(json!({"roles": roles})).harmless_to_repeat()))
}

/// `GET /users/{id}/sessions`
///
/// # Errors
/// When the id cannot be part of a path.
pub fn sessions(id: &str) -> Result<Listing<Session>, InvalidCall> {
    let call = by_id("get_sessions_for_user", id)?;
    Ok(Listing::new(call, "sessions", Paging::Checkpoint { take: PER_PAGE, from: None }))
}

/// `DELETE /users/{id}/sessions`: ends sessions some time after the answer; refresh tokens live on.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn delete_sessions(id: &str) -> Result<Typed<Done>, InvalidCall> {
    let call = by_id("delete_sessions_for_user", id)?;
    Ok(Typed::new(call.harmless_to_repeat()))
}

/// `POST /users/{id}/revoke-access`: ends sessions and refresh tokens some time after the answer.
///
/// # Errors
/// When the id cannot be part of a path.
pub fn revoke_access(id: &str) -> Result<Typed<Done>, InvalidCall> {
    let call = by_id("user_revoke_access", id)?;
    Ok(Typed::new(call.with_body(json!({})).harmless_to_repeat()))
}

/// The cheapest read that proves a link: one user.
pub(crate) fn probe() -> Call {
    fixed("get_users").with_query("per_page", "1")
}
