//! `POST /dbconnections/change_password`: a person who has forgotten the password asks for a link by mail.
//!
//! The answer is the same for everybody, and so is the work: one transaction, whether the address is known or not.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::OAuthError;
use super::form::Form;
use crate::logs::LogEvent;
use crate::management::tickets::reset_mail;
use crate::management::tickets::subject::Subject;
use crate::management::{clients, connections, organizations};
use crate::pipeline::{Exchange, Origin};
use crate::store::{Document, Kind, Store, StoreError, Transaction};
use crate::tenants::Tenants;

const ANSWER: &str = "We've just sent you an email to reset your password.";

/// Why no mail could be asked for; never because of the address.
enum Refusal {
    Form(OAuthError),
    Missing(&'static str),
    Unknown(&'static str),
    NoDatabase,
}

pub(super) async fn change_password(
    State(tenants): State<Tenants>,
    request: Request<Body>,
) -> Response {
    match ask(&tenants, request).await {
        Ok(()) => ANSWER.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn ask(tenants: &Tenants, request: Request<Body>) -> Result<(), Refusal> {
    let (parts, body) = request.into_parts();
    let tenant = tenants.addressed_by(&parts.headers);
    let form = Form::read(&parts.headers, body).await?;
    let email = form.find("email").ok_or(Refusal::Missing("email"))?;
    let connection = form.find("connection").ok_or(Refusal::Missing("connection"))?;
    let (client_id, organization_id) = (form.find("client_id"), form.find("organization"));
    let store = tenant.store();
    require_known(store, clients::KIND, client_id, "client").await?;
    require_known(store, organizations::KIND, organization_id, "organization").await?;
    let found = store.find(connections::KIND, connections::BY_NAME, connection).await?;
    let connection = found.ok_or(Refusal::Unknown("connection"))?;
    if connection.body["strategy"] != "auth0" {
        return Err(Refusal::NoDatabase);
    }
    let subject = Subject::by_email(store, connection.clone(), email).await?;
    let now = tenant.now();
    let mail = subject.as_ref().and_then(|subject| {
        reset_mail::prepared(subject, client_id, organization_id, tenant.random(), now)
    });
    let exchange = Exchange::of(&parts);
    let event = LogEvent::new(if mail.is_some() { "scpr" } else { "fcpr" }, now)
        .at(&exchange.ip, &exchange.user_agent)
        .with("hostname", Origin::of(&parts.headers, tenants.scheme()).host())
        .with("client_id", client_id)
        .with_details(json!({"body": {"email": email, "connection": connection.body["name"]}}));
    let event = through(event, &connection);
    let user = subject.filter(|_| mail.is_some()).map(|subject| subject.user);
    let event = match &user {
        Some(user) => event.about_user(&user.id, user.body["name"].as_str()),
        None => event.with("user_name", email).described("The user does not exist."),
    };
    let change = mail.unwrap_or_else(Transaction::new);
    let change = change.log(user.map(|user| user.id), event.into_body());
    Ok(store.commit(change).await.map_err(OAuthError::from)?)
}

fn through(event: LogEvent, connection: &Document) -> LogEvent {
    let text = |name: &str| connection.body[name].as_str().unwrap_or_default();
    event.through(text("name"), &connection.id, text("strategy"))
}

async fn require_known(
    store: &dyn Store,
    kind: Kind,
    id: Option<&str>,
    name: &'static str,
) -> Result<(), Refusal> {
    let Some(id) = id else { return Ok(()) };
    let found = store.get(kind, id).await?;
    found.map(drop).ok_or(Refusal::Unknown(name))
}

impl Refusal {
    /// The shape of this family's errors.
    fn body(code: &str, description: &str) -> Value {
        json!({"name": "BadRequestError", "code": code, "description": description, "statusCode": 400})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = match self {
            Self::Form(error) => return error.into_response(),
            Self::Missing(name) => Self::body("invalid_request", &format!("{name} is required")),
            Self::Unknown(name) => {
                Self::body(&format!("inexistent_{name}"), &format!("The {name} does not exist"))
            }
            Self::NoDatabase => {
                Self::body("invalid_connection", "The connection is not a database connection")
            }
        };
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::Form(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Form(error.into())
    }
}
