//! `DELETE /users/{id}`

use serde_json::{Value, json};

use super::credential::Credential;
use super::{BY_USER, KIND, USER_PERMISSION, authentication_methods, multifactor, profile};
use crate::management::roles::USER_ROLE;
use crate::management::{organizations, refresh_tokens, sessions};
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::{Kind, Transaction};

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
        let event = context
            .log_event("sdu")
            .about_user(&user.id, user.body["name"].as_str())
            .with_details(json!({"body": {"user_id": user.id}}));
        change = change.log(Some(user.id), event.into_body());
    }
    Ok(context.commit(change, Answer::no_content()).await?)
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
