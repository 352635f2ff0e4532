//! `PATCH /users/{id}`

use callboard_contract::metadata::merged;
use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Map, Value, json};

use super::create::{check_metadata, check_password, fold_identifiers, take_text};
use super::credential::Credential;
use super::{BY_USER, KIND, find, keys, profile, require_self_or};
use crate::management::{connections, sessions};
use crate::passwords::{Policy, Weakness};
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::{CommitError, Conflict, Document, Transaction};

/// How often a change is tried again while others change the same user.
const ATTEMPTS: usize = 50;

/// Attributes that do not go together in one change.
const SEPARATE: [(&str, &str); 5] = [
    ("password", "email"),
    ("password", "email_verified"),
    ("username", "password"),
    ("username", "email"),
    ("password", "phone_number"),
];

/// Changes of these end the user's sessions, as a change of the password does.
const ENDING_SESSIONS: [&str; 4] = ["email", "email_verified", "phone_number", "username"];

pub(super) async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let id = request.id().to_owned();
    let fields = request.into_fields();
    check_rights(&context, &id, &fields)?;
    check_combination(&fields)?;
    check_metadata(&fields)?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let user = find(&context, &id).await?;
        match apply(&context, user, fields.clone()).await {
            Err(Failure::Commit(CommitError::Conflict(Conflict::Changed { .. })))
                if attempts < ATTEMPTS => {}
            Err(Failure::Commit(CommitError::Conflict(Conflict::Taken { .. }))) => {
                return Err(taken(&fields));
            }
            Err(Failure::Commit(error)) => return Err(error.into()),
            Err(Failure::Refused(error)) => return Err(error),
            Ok(answer) => return Ok(answer),
        }
    }
}

enum Failure {
    Refused(ApiError),
    Commit(CommitError),
}

impl<E: Into<ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// `update:users` opens everything, the narrower scopes one kind of metadata each.
fn check_rights(context: &Context, id: &str, fields: &Map<String, Value>) -> Result<(), ApiError> {
    if context.caller.may("update:users") {
        return Ok(());
    }
    let allowed = if context.caller.may("update:users_app_metadata") {
        "app_metadata"
    } else {
        require_self_or(context, "update:users", id)?;
        "user_metadata"
    };
    if fields.keys().all(|name| name == allowed) {
        return Ok(());
    }
    let message = "Insufficient scope, expected any of: update:users";
    Err(ErrorBody::new(403, message).with_code("insufficient_scope").into())
}

fn check_combination(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let both =
        |(one, other): &&(&str, &str)| fields.contains_key(*one) && fields.contains_key(*other);
    match SEPARATE.iter().find(both) {
        Some((one, other)) => {
            Err(ApiError::invalid_body(format!("Cannot update {one} and {other} simultaneously")))
        }
        None => Ok(()),
    }
}

fn taken(fields: &Map<String, Value>) -> ApiError {
    let name = ["username", "phone_number"].into_iter().find(|name| fields.contains_key(*name));
    match name {
        Some(name) => {
            let message = format!("The specified new {} already exists", name.replace('_', " "));
            ApiError::bad_request("auth0_idp_error", message)
        }
        None => ErrorBody::email_exists().into(),
    }
}

/// One attempt on one version of the user.
async fn apply(
    context: &Context,
    user: Document,
    mut fields: Map<String, Value>,
) -> Result<Answer, Failure> {
    let position = identity_position(&user.body, &fields)?;
    let connection = connection(context, &user.body, position).await?;
    for directive in
        ["connection", "client_id", "verify_email", "verify_phone_number", "verify_password"]
    {
        fields.shift_remove(directive);
    }
    let password = take_text(&mut fields, "password");
    fields.shift_remove("password");
    if connection.body["strategy"] == "auth0" {
        fold_identifiers(&mut fields);
    }
    let body = changed(context, &user.body, position, fields.clone(), password.is_some());
    let mut change =
        Transaction::new().replace(KIND, user.id.as_str(), user.version, body.clone(), keys(&body));
    if let Some(password) = &password {
        let identity = profile::identity_id(&profile::identities(&user.body)[position]);
        change = set_password(context, change, &connection, &identity, password, &body).await?;
    }
    if password.is_some() || ENDING_SESSIONS.iter().any(|name| fields.contains_key(*name)) {
        change = change.delete_matching(sessions::KIND, BY_USER, user.id.as_str());
    }
    for (name, kind) in
        [("email", "sce"), ("username", "scu"), ("phone_number", "scpn"), ("password", "scp")]
    {
        let happened =
            if name == "password" { password.is_some() } else { fields.contains_key(name) };
        if happened {
            change =
                change.log(Some(user.id.clone()), changed_event(context, kind, &connection, &body));
        }
    }
    context.commit(change, Answer::ok(body)).await.map_err(Failure::Commit)
}

/// Which identity a change of identifiers or password is for.
fn identity_position(user: &Value, fields: &Map<String, Value>) -> Result<usize, ApiError> {
    let Some(name) = fields.get("connection").and_then(Value::as_str) else { return Ok(0) };
    profile::identities(user).iter().position(|identity| identity["connection"] == name).ok_or_else(
        || {
            let unknown = ErrorBody::from(Inexistent::Connection);
            ApiError::bad_request("inexistent_connection", unknown.message)
        },
    )
}

async fn connection(
    context: &Context,
    user: &Value,
    position: usize,
) -> Result<Document, ApiError> {
    let identity = profile::identities(user).get(position);
    let name = identity.and_then(|identity| identity["connection"].as_str()).unwrap_or_default();
    let found = context.store().find(connections::KIND, connections::BY_NAME, name).await?;
    found.ok_or_else(|| Inexistent::Connection.into())
}

/// The profile after the change. Metadata is merged, everything else replaced, `null` unset.
fn changed(
    context: &Context,
    user: &Value,
    position: usize,
    mut fields: Map<String, Value>,
    has_password: bool,
) -> Value {
    let mut body = user.as_object().cloned().unwrap_or_default();
    for name in ["user_metadata", "app_metadata"] {
        if let Some(change) = fields.shift_remove(name) {
            let stored = body.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            let merged = merged(&stored, &change);
            if merged.is_empty() && name == "app_metadata" {
                body.shift_remove(name);
            } else {
                body.insert(name.into(), Value::Object(merged));
            }
        }
    }
    // A new address or number is not verified unless the change says so.
    for (name, flag) in [("email", "email_verified"), ("phone_number", "phone_verified")] {
        let is_new = fields.get(name).is_some_and(|value| user.get(name) != Some(value));
        if is_new && !fields.contains_key(flag) {
            let unset = fields[name].is_null();
            fields.insert(flag.into(), if unset { Value::Null } else { false.into() });
        }
    }
    let at_identity = ["email", "email_verified", "phone_number", "phone_verified", "username"];
    for (name, value) in fields {
        let is_of_secondary = position > 0 && at_identity.contains(&name.as_str());
        let target =
            if is_of_secondary { secondary_data(&mut body, position) } else { Some(&mut body) };
        match target {
            Some(target) if value.is_null() => drop(target.shift_remove(&name)),
            Some(target) => drop(target.insert(name, value)),
            None => {}
        }
    }
    if has_password {
        body.insert("last_password_reset".into(), context.timestamp().into());
        // Setting a password lifts an administrator's block.
        if body.get("blocked") == Some(&Value::Bool(true)) {
            body.insert("blocked".into(), false.into());
        }
    }
    body.insert("updated_at".into(), context.timestamp().into());
    profile::arranged(body)
}

fn secondary_data(
    body: &mut Map<String, Value>,
    position: usize,
) -> Option<&mut Map<String, Value>> {
    let identity = body.get_mut("identities")?.get_mut(position)?.as_object_mut()?;
    identity.entry("profileData").or_insert_with(|| json!({})).as_object_mut()
}

async fn set_password(
    context: &Context,
    change: Transaction,
    connection: &Document,
    identity: &str,
    password: &str,
    user: &Value,
) -> Result<Transaction, ApiError> {
    check_password(connection, password, user)?;
    let history = Policy::of(&connection.body["options"]).history;
    let hasher = context.tenant.hasher();
    let present = Credential::find(context.store(), identity).await?;
    if let Some(present) = present.as_ref().filter(|_| history > 0)
        && present.has_been(password, hasher).await?
    {
        return Err(ApiError::new(http::StatusCode::BAD_REQUEST, Weakness::UsedBefore.to_string()));
    }
    let hash = hasher.hash(password).await?;
    let next = match present {
        Some(present) => present.followed_by(hash, history),
        None => Credential::new(hash),
    };
    Ok(next.kept(change, identity))
}

fn changed_event(
    context: &Context,
    kind: &'static str,
    connection: &Document,
    user: &Value,
) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    context
        .log_event(kind)
        .about_user(&text(&user["user_id"]), user["name"].as_str())
        .through(
            &text(&connection.body["name"]),
            &connection.id,
            &text(&connection.body["strategy"]),
        )
        .with_details(json!({"body": {"user_id": user["user_id"], "email": user["email"]}}))
        .into_body()
}
