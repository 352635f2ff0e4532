//! `DELETE /users/{id}`

use serde_json::{Value, json};

use super::credential::Credential;
use super::{BY_USER, KIND, USER_PERMISSION, authentication_methods, multifactor, profile};
use crate::logs::LogEvent;
use crate::management::roles::USER_ROLE;
use crate::management::{connections, organizations, refresh_tokens, sessions};
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::{Document, Kind, StoreError, Transaction};

/// Kinds of documents that belong to one user and go with it; each has the shared key [`BY_USER`].
const OWNED: [Kind; 6] = [
    authentication_methods::KIND,
    multifactor::ENROLLMENT,
    multifactor::RECOVERY_CODE,
    multifactor::REMEMBERED_BROWSER,
    refresh_tokens::KIND,
    sessions::KIND,
];

/// Unknown ids are fine: the outcome is the same.
pub(super) async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut change = Transaction::new();
    if let Some(user) = context.store().get(KIND, request.id()).await? {
        change = removal(change, &user.id, &user.body);
        change = organizations::without_user(context.store(), change, &user.id).await?;
        let event = farewell(&context, &user, json!({"user_id": user.id})).await?;
        change = change.log(Some(user.id), event.into_body());
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The log event of a deletion.
pub(crate) async fn farewell(
    context: &Context,
    user: &Document,
    body: Value,
) -> Result<LogEvent, StoreError> {
    let identity = &user.body["identities"][0];
    let text = |name: &str| identity[name].as_str().unwrap_or_default();
    let name = text("connection");
    let found = context.store().find(connections::KIND, connections::BY_NAME, name).await?;
    let id = found.map(|connection| connection.id).unwrap_or_default();
    Ok(context
        .log_event("sdu")
        .about_user(&user.id, user.body["name"].as_str())
        .through(name, &id, text("provider"))
        .with_details(json!({"body": body})))
}

/// Everything that goes with a user, linked identities included.
pub(crate) fn removal(change: Transaction, id: &str, user: &Value) -> Transaction {
    let change =
        change.delete(KIND, id).unrelate_source(USER_ROLE, id).unrelate_source(USER_PERMISSION, id);
    let change =
        OWNED.into_iter().fold(change, |change, kind| change.delete_matching(kind, BY_USER, id));
    profile::identities(user).iter().fold(change, |change, identity| {
        Credential::removed(change, &profile::identity_id(identity))
    })
}
