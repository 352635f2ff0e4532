//! `POST /jobs/users-imports`: a file of users into a database connection.

use http::StatusCode;
use serde_json::{Value, json};

use super::{connection, finish};
use crate::management::generic::{Fields, fields_of};
use crate::management::users::{self, create, credential::Credential};
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::{CommitError, Document, Transaction};

/// Bytes of the file.
const LARGEST: usize = 512_000;
/// What an import may change about somebody who is there already.
const UPSERTED: [&str; 9] = [
    "app_metadata",
    "user_metadata",
    "email_verified",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "blocked",
];
/// Members of a row that are no part of a profile.
const APART: [&str; 4] = ["password_hash", "custom_password_hash", "mfa_factors", "user_id"];

/// What became of a row.
enum Imported {
    Inserted,
    Updated,
}

/// Why a row was not taken.
struct Refused {
    code: &'static str,
    message: String,
}

pub(super) async fn import(context: Context, request: Request) -> Result<Answer, ApiError> {
    let file = request.body["users"].as_str().unwrap_or_default();
    if file.len() > LARGEST {
        let message = format!("Payload content length greater than maximum allowed: {LARGEST}");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    let id = request.body["connection_id"].as_str().unwrap_or_default();
    let connection = connection(&context, id).await?;
    if connection.body["strategy"] != "auth0" {
        return Err(ApiError::invalid_body("Users can be imported into database connections only"));
    }
    let Ok(Value::Array(rows)) = serde_json::from_str(file) else {
        return Err(ApiError::invalid_body(
            "Failed to parse users file JSON when importing users. Make sure it is valid JSON.",
        ));
    };
    let upsert = request.body["upsert"] == true;
    let (mut inserted, mut updated, mut errors) = (0_u64, 0_u64, Vec::new());
    let total = rows.len();
    for row in rows {
        let row = fields_of(row);
        match one(&context, &connection, row.clone(), upsert).await? {
            Ok(Imported::Inserted) => inserted += 1,
            Ok(Imported::Updated) => updated += 1,
            Err(refused) => errors.push(json!({
                "user": masked(row), "errors": [{"code": refused.code, "message": refused.message}],
            })),
        }
    }
    let mut waiting = fields_of(json!({
        "type": "users_import", "connection_id": connection.id, "connection": connection.body["name"],
    }));
    if let Some(external) = request.body.get("external_id").filter(|external| **external != "") {
        waiting.insert("external_id".into(), external.clone());
    }
    let done = fields_of(json!({
        "summary": {"failed": errors.len(), "updated": updated, "inserted": inserted, "total": total},
        "percentage_done": 100, "errors": errors,
    }));
    finish(&context, StatusCode::ACCEPTED, Transaction::new(), waiting, done).await
}

/// One row. The store's failures end the job; a bad row does not.
async fn one(
    context: &Context,
    connection: &Document,
    mut row: Fields,
    upsert: bool,
) -> Result<Result<Imported, Refused>, ApiError> {
    let name = connection.body["name"].as_str().unwrap_or_default();
    let Some(email) = row.get("email").and_then(Value::as_str).map(str::to_lowercase) else {
        let message = "Missing required property: email".to_owned();
        return Ok(Err(Refused { code: "OBJECT_REQUIRED", message }));
    };
    let hash = match password_hash(&row) {
        Ok(hash) => hash,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some(known) = users::identified_by(context.store(), name, &email).await? {
        if !upsert {
            let message = "The user already exist and upsert parameter is false".to_owned();
            return Ok(Err(Refused { code: "DUPLICATED_USER", message }));
        }
        return update(context, known, row).await;
    }
    let local_id = row.get("user_id").and_then(Value::as_str).map(str::to_owned);
    let local_id = local_id.unwrap_or_else(|| context.tenant.random().hex(24));
    row.retain(|name, _| !APART.contains(&name.as_str()));
    row.entry("email_verified").or_insert(false.into());
    let user = match create::imported(context, connection, &local_id, row) {
        Ok(user) => user,
        Err(error) => {
            let message = error.message().to_owned();
            return Ok(Err(Refused { code: "NOT_PASSED", message }));
        }
    };
    let id = user["user_id"].as_str().unwrap_or_default().to_owned();
    let keys = users::keys(&user);
    let mut change = Transaction::new().insert(users::KIND, id.as_str(), user, keys);
    if let Some(hash) = hash {
        change = Credential::new(hash).kept(change, &id);
    }
    match context.store().commit(change.caused_by(context.cause())).await {
        Ok(()) => Ok(Ok(Imported::Inserted)),
        Err(CommitError::Conflict(_)) => {
            let message = "Another user has this id, user name or phone number".to_owned();
            Ok(Err(Refused { code: "CONFLICT", message }))
        }
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Metadata is overwritten, not merged.
async fn update(
    context: &Context,
    known: Document,
    mut row: Fields,
) -> Result<Result<Imported, Refused>, ApiError> {
    row.retain(|name, _| UPSERTED.contains(&name.as_str()));
    let mut user = fields_of(known.body);
    user.extend(row);
    user.insert("updated_at".into(), context.timestamp().into());
    let user = Value::Object(user);
    let keys = users::keys(&user);
    let change = Transaction::new().replace(users::KIND, known.id, known.version, user, keys);
    context.store().commit(change.caused_by(context.cause())).await?;
    Ok(Ok(Imported::Updated))
}

/// Hashes that logins can be checked against: bcrypt in either of its places.
fn password_hash(row: &Fields) -> Result<Option<String>, Refused> {
    let custom = row.get("custom_password_hash");
    let algorithm = custom.and_then(|custom| custom["algorithm"].as_str());
    let hash = match (row.get("password_hash"), custom) {
        (Some(hash), _) => hash,
        (None, Some(custom)) if algorithm == Some("bcrypt") => &custom["hash"]["value"],
        (None, Some(_)) => {
            let message = format!(
                "Passwords hashed with {} cannot be checked by this tenant yet; bcrypt can",
                algorithm.unwrap_or("an unnamed algorithm")
            );
            return Err(Refused { code: "ENUM_MISMATCH", message });
        }
        (None, None) => return Ok(None),
    };
    match hash.as_str() {
        Some(text) if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(Refused {
            code: "PATTERN",
            message: "A bcrypt hash begins with $2a$, $2b$ or $2y$".into(),
        }),
    }
}

fn masked(mut row: Fields) -> Fields {
    for name in ["password_hash", "custom_password_hash", "mfa_factors"] {
        if let Some(value) = row.get_mut(name) {
            *value = "*****".into();
        }
    }
    row
}
