//! `POST /users`

use callboard_contract::metadata::{Metadata, refused_key};
use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Map, Value, json};

use super::credential::Credential;
use super::{KIND, keys, profile};
use crate::management::connections;
use crate::passwords::Policy;
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::{CommitError, Conflict, Document, Transaction};

pub(super) async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut fields = request.into_fields();
    let connection = connection(&context, &mut fields).await?;
    let strategy = Strategy::of(&connection)?;
    let password = take_text(&mut fields, "password");
    require_identifiers(&strategy, &connection, &fields, password.as_deref())?;
    let local_id =
        take_text(&mut fields, "user_id").unwrap_or_else(|| context.tenant.random().hex(24));
    let id = format!("{}|{local_id}", strategy.provider());
    let user = new_profile(&context, &connection, &strategy, &local_id, fields)?;
    let mut change = Transaction::new().insert(KIND, id.as_str(), user.clone(), keys(&user));
    if let Some(password) = password {
        check_password(&connection, &password, &user)?;
        let hash = context.tenant.hasher().hash(&password).await?;
        change = Credential::new(hash).kept(change, &id);
    }
    change = change.log(Some(id.clone()), signup(&context, &connection, &user));
    context.commit(change, Answer::created(user)).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Exists { .. } | Conflict::Taken { .. }) => {
            ErrorBody::user_exists().into()
        }
        other => other.into(),
    })
}

/// The profile of somebody who is imported into a database.
pub(in crate::management) fn imported(
    context: &Context,
    connection: &Document,
    local_id: &str,
    fields: Map<String, Value>,
) -> Result<Value, ApiError> {
    new_profile(context, connection, &Strategy::Database, local_id, fields)
}

async fn connection(
    context: &Context,
    fields: &mut Map<String, Value>,
) -> Result<Document, ApiError> {
    let name = take_text(fields, "connection").unwrap_or_default();
    let found = context.store().find(connections::KIND, connections::BY_NAME, &name).await?;
    found.ok_or_else(|| {
        let unknown = ErrorBody::from(Inexistent::Connection);
        ApiError::bad_request("inexistent_connection", unknown.message)
    })
}

/// The kinds of connections in which users can be created.
enum Strategy {
    Database,
    PasswordlessEmail,
    PasswordlessSms,
}

impl Strategy {
    fn of(connection: &Document) -> Result<Self, ApiError> {
        match connection.body["strategy"].as_str().unwrap_or_default() {
            "auth0" => Ok(Self::Database),
            "email" => Ok(Self::PasswordlessEmail),
            "sms" => Ok(Self::PasswordlessSms),
            other => Err(ApiError::invalid_body(format!(
                "Users cannot be created in a connection with the strategy {other}"
            ))),
        }
    }

    fn provider(&self) -> &'static str {
        match self {
            Self::Database => "auth0",
            Self::PasswordlessEmail => "email",
            Self::PasswordlessSms => "sms",
        }
    }
}

/// Which attributes a user needs, and which it must not have, depends on the connection.
fn require_identifiers(
    strategy: &Strategy,
    connection: &Document,
    fields: &Map<String, Value>,
    password: Option<&str>,
) -> Result<(), ApiError> {
    let missing = |name: &str| {
        ApiError::invalid_body(format!(
            "Payload validation error: 'Missing required property: {name}'."
        ))
    };
    let options = &connection.body["options"];
    let needed: Vec<&str> = match strategy {
        Strategy::PasswordlessEmail => vec!["email"],
        Strategy::PasswordlessSms => {
            for refused in ["password", "username"] {
                if fields.contains_key(refused) || (refused == "password" && password.is_some()) {
                    return Err(ApiError::invalid_body(format!(
                        "Cannot set {refused} for a sms connection"
                    )));
                }
            }
            vec!["phone_number"]
        }
        Strategy::Database => database_identifiers(options, fields),
    };
    if let Some(name) = needed.into_iter().find(|name| !fields.contains_key(*name)) {
        return Err(missing(name));
    }
    let optional = options["authentication_methods"]["password"]["api_behavior"] == "optional";
    if matches!(strategy, Strategy::Database) && password.is_none() && !optional {
        return Err(missing("password"));
    }
    Ok(())
}

fn database_identifiers(options: &Value, fields: &Map<String, Value>) -> Vec<&'static str> {
    let Some(attributes) = options["attributes"].as_object() else {
        return if options["requires_username"] == true {
            vec!["email", "username"]
        } else {
            vec!["email"]
        };
    };
    let required = |name: &&str| {
        attributes.get(*name).is_some_and(|attribute| {
            attribute["profile_required"] == true || attribute["signup"]["status"] == "required"
        })
    };
    let all = ["email", "username", "phone_number"];
    let needed: Vec<_> = all.into_iter().filter(required).collect();
    let has_one = all.iter().any(|name| fields.contains_key(*name));
    if needed.is_empty() && !has_one { vec!["email"] } else { needed }
}

fn new_profile(
    context: &Context,
    connection: &Document,
    strategy: &Strategy,
    local_id: &str,
    mut fields: Map<String, Value>,
) -> Result<Value, ApiError> {
    fields.shift_remove("verify_email");
    check_metadata(&fields)?;
    fields.retain(|_, value| !value.is_null());
    if matches!(strategy, Strategy::Database) {
        fold_identifiers(&mut fields);
    }
    if fields.get("app_metadata").and_then(Value::as_object).is_some_and(Map::is_empty) {
        fields.shift_remove("app_metadata");
    }
    let name = connection.body["name"].as_str().unwrap_or_default();
    let provider = strategy.provider();
    fields.insert("user_id".into(), format!("{provider}|{local_id}").into());
    fields.insert("identities".into(), json!([profile::identity(name, provider, local_id)]));
    fields.insert("created_at".into(), context.timestamp().into());
    fields.insert("updated_at".into(), context.timestamp().into());
    profile::complete(&mut fields);
    Ok(profile::arranged(fields))
}

/// Databases keep addresses and user names in lower case.
pub(super) fn fold_identifiers(fields: &mut Map<String, Value>) {
    for name in ["email", "username"] {
        if let Some(Value::String(text)) = fields.get_mut(name) {
            *text = text.to_lowercase();
        }
    }
}

pub(super) fn check_metadata(fields: &Map<String, Value>) -> Result<(), ApiError> {
    for (name, kind) in [("user_metadata", Metadata::User), ("app_metadata", Metadata::App)] {
        if let Some(key) =
            fields.get(name).and_then(Value::as_object).and_then(|change| refused_key(kind, change))
        {
            return Err(ApiError::invalid_body(format!("{name} must not have the property {key}")));
        }
    }
    Ok(())
}

pub(super) fn check_password(
    connection: &Document,
    password: &str,
    user: &Value,
) -> Result<(), ApiError> {
    let policy = Policy::of(&connection.body["options"]);
    policy
        .check(password, user)
        .map_err(|weakness| ApiError::new(http::StatusCode::BAD_REQUEST, weakness.to_string()))
}

/// A created user looks like one who has signed up.
fn signup(context: &Context, connection: &Document, user: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let body = json!({
        "connection": connection.body["name"], "email": user["email"], "username": user["username"],
        "password": "*****", "tenant": context.tenant.name(), "client_id": context.caller.client_id,
    });
    context
        .log_event("ss")
        .with("hostname", context.origin.host())
        .about_user(&text(&user["user_id"]), user["name"].as_str())
        .through(
            &text(&connection.body["name"]),
            &connection.id,
            &text(&connection.body["strategy"]),
        )
        .with_details(json!({"body": body}))
        .into_body()
}

pub(super) fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
