//! A person shows a password: who is it, may they log in, and what is remembered of it.

use serde_json::{Value, json};

use super::OAuthError;
use super::client_authentication::{Client, TokenRequest};
use crate::logs::LogEvent;
use crate::management::users::credential::Credential;
use crate::management::users::{self};
use crate::store::{CommitError, Conflict, Document, Transaction};
use callboard_contract::timestamps::to_wire;

/// A refused login, and what the log says of it.
enum Refusal {
    UnknownUser,
    WrongPassword,
    Blocked,
}

/// Attempts to count a login while others change the same user.
const ATTEMPTS: usize = 50;

/// Checks the password. A success is counted and logged, a failure logged.
pub(super) async fn with_password(
    request: &TokenRequest,
    client: &Client,
    connection: &Document,
    identifier: &str,
    password: &str,
) -> Result<Value, OAuthError> {
    let store = request.tenant.store();
    let connection_name = connection.body["name"].as_str().unwrap_or_default();
    let found = users::identified_by(store, connection_name, identifier).await?;
    let event = |kind| {
        let strategy = connection.body["strategy"].as_str().unwrap_or_default();
        request.log_event(kind, client).through(connection_name, &connection.id, strategy)
    };
    let Some(user) = found else {
        // The same time as for a known user, so that nobody learns which addresses exist.
        request.tenant.hasher().hash(password).await?;
        return Err(refuse(
            request,
            event("fu").with("user_name", identifier),
            Refusal::UnknownUser,
        )
        .await?);
    };
    let identity = identity_in(&user.body, connection_name);
    let credential = Credential::find(store, &identity).await?;
    let matches = match &credential {
        Some(credential) => request.tenant.hasher().matches(password, &credential.hash).await?,
        None => false,
    };
    if !matches {
        let event = event("fp").about_user(&user.id, Some(identifier));
        return Err(refuse(request, event, Refusal::WrongPassword).await?);
    }
    let user = count(request, user, |user| {
        event("s")
            .about_user(&user.id, user.body["name"].as_str())
            .described("Successful login")
            .with_details(json!({"completedAt": request.now.as_millisecond()}))
    })
    .await?;
    if user["blocked"] == true {
        let id = user["user_id"].as_str().unwrap_or_default();
        return Err(
            refuse(request, event("f").about_user(id, Some(identifier)), Refusal::Blocked).await?
        );
    }
    Ok(user)
}

/// `auth0|…` of the identity that belongs to the connection.
fn identity_in(user: &Value, connection: &str) -> String {
    let identities = user["identities"].as_array().map(Vec::as_slice).unwrap_or_default();
    let identity = identities.iter().find(|identity| identity["connection"] == connection);
    let text =
        |name: &str| identity.and_then(|identity| identity[name].as_str()).unwrap_or_default();
    format!("{}|{}", text("provider"), text("user_id"))
}

/// Counts the login. A blocked user's attempt counts too, but is not logged as a success.
async fn count(
    request: &TokenRequest,
    mut user: Document,
    success: impl Fn(&Document) -> LogEvent,
) -> Result<Value, OAuthError> {
    let store = request.tenant.store();
    for _ in 0..ATTEMPTS {
        let mut body = user.body.clone();
        body["last_ip"] = request.exchange.ip.as_str().into();
        body["last_login"] = to_wire(request.now).into();
        body["logins_count"] = (body["logins_count"].as_u64().unwrap_or(0) + 1).into();
        body["updated_at"] = to_wire(request.now).into();
        let mut change = Transaction::new().replace(
            users::KIND,
            &*user.id,
            user.version,
            body.clone(),
            users::keys(&body),
        );
        if body["blocked"] != true {
            change = change.log(Some(user.id.clone()), success(&user).into_body());
        }
        match store.commit(change).await {
            Ok(()) => return Ok(body),
            Err(CommitError::Conflict(Conflict::Changed { .. })) => {
                let gone = || OAuthError::forbidden("invalid_grant", "Wrong email or password.");
                user = store.get(users::KIND, &user.id).await?.ok_or_else(gone)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(OAuthError::forbidden("invalid_grant", "Wrong email or password."))
}

async fn refuse(
    request: &TokenRequest,
    event: LogEvent,
    refusal: Refusal,
) -> Result<OAuthError, OAuthError> {
    let (error, logged) = match refusal {
        Refusal::Blocked => {
            (OAuthError::unauthorized("unauthorized", "user is blocked"), "user is blocked")
        }
        Refusal::UnknownUser | Refusal::WrongPassword => (
            OAuthError::forbidden("invalid_grant", "Wrong email or password."),
            "Wrong email or password.",
        ),
    };
    let event =
        event.described(logged).with_details(json!({"error": {"message": logged}})).into_body();
    let user = event["user_id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    request.tenant.store().commit(Transaction::new().log(user, event)).await?;
    Ok(error)
}
