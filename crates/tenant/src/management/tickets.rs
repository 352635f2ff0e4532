//! `/tickets`: links with which their holder does one thing once, without logging in.
//!
//! These operations make links and send nothing. What a link does when it is opened is told by [`redemption`].

pub(crate) mod destination;
pub(crate) mod redemption;
pub(crate) mod reset_mail;
mod rules;
pub(crate) mod subject;
pub(crate) mod ticket;

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::{Map, Value, json};

use self::subject::Subject;
use self::ticket::{Purpose, Ticket};
use crate::management::{clients, organizations};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

pub(super) fn behaviours(table: &mut Table) {
    table.write("post_password-change", "Create a password change ticket", password_change);
    table.write("post_email-verification", "Create an email verification ticket", verification);
}

async fn password_change(context: Context, request: Request) -> Result<Answer, ApiError> {
    let fields = request.into_fields();
    rules::password_change(&fields)?;
    let subject = subject(&context, &fields).await?;
    if !subject.has_password() {
        return Err(ApiError::invalid_body(
            "The user's identity does not belong to a database connection, so it has no password",
        ));
    }
    answer(context, Purpose::PasswordChange, &subject, &fields).await
}

async fn verification(context: Context, request: Request) -> Result<Answer, ApiError> {
    let fields = request.into_fields();
    rules::email_verification(&fields)?;
    let subject = subject(&context, &fields).await?;
    if !subject.has_password() && !fields.contains_key("identity") {
        return Err(ApiError::invalid_body(
            "identity must be specified for a user whose primary identity does not belong to a database connection",
        ));
    }
    if subject.email().is_none() {
        return Err(ApiError::invalid_body("The user's identity does not have an email"));
    }
    answer(context, Purpose::EmailVerification, &subject, &fields).await
}

/// Whom the body names, by `user_id` and perhaps `identity`, or by `email` within `connection_id`.
async fn subject(context: &Context, fields: &Map<String, Value>) -> Result<Subject, ApiError> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let store = context.store();
    if fields.contains_key("user_id") {
        let user = super::users::find(context, text("user_id")).await?;
        return Subject::chosen(store, user, fields.get("identity")).await;
    }
    let connection = store.get(super::connections::KIND, text("connection_id")).await?;
    let connection = connection.ok_or_else(|| refused(Inexistent::Connection))?;
    let found = Subject::by_email(store, connection, text("email")).await?;
    found.ok_or_else(|| Inexistent::User.into())
}

/// Keeps the ticket and answers with the link.
async fn answer(
    context: Context,
    purpose: Purpose,
    subject: &Subject,
    fields: &Map<String, Value>,
) -> Result<Answer, ApiError> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let flag = |name: &str| fields.get(name) == Some(&Value::Bool(true));
    let (client_id, organization_id) = (text("client_id"), text("organization_id"));
    require_known(&context, clients::KIND, client_id.as_deref(), Inexistent::Client).await?;
    let organization = organization_id.as_deref();
    require_known(&context, organizations::KIND, organization, Inexistent::Organization).await?;
    let lifetime = fields.get("ttl_sec").and_then(Value::as_i64).filter(|seconds| *seconds != 0);
    let ticket = Ticket {
        mark_email_as_verified: flag("mark_email_as_verified"),
        include_email: flag("includeEmailInRedirect"),
        result_url: text("result_url"),
        client_id,
        organization_id,
        ..Ticket::new(purpose, subject, context.now, lifetime).ok_or_else(|| {
            ApiError::invalid_body("ttl_sec is too large: the ticket would outlive the calendar")
        })?
    };
    let code = context.tenant.random().alphanumeric(ticket::CODE_LENGTH);
    let url = context.origin.url(&ticket.path(&code));
    let change = ticket.kept(Transaction::new(), &code);
    Ok(context.commit(change, Answer::created(json!({"ticket": url}))).await?)
}

async fn require_known(
    context: &Context,
    kind: Kind,
    id: Option<&str>,
    thing: Inexistent<'_>,
) -> Result<(), ApiError> {
    let Some(id) = id else { return Ok(()) };
    if context.store().get(kind, id).await?.is_some() { Ok(()) } else { Err(refused(thing)) }
}

/// What is unknown in a body is a fault of the body: 400.
fn refused(thing: Inexistent<'_>) -> ApiError {
    let unknown = ErrorBody::from(thing);
    ApiError::bad_request(unknown.error_code.as_deref().unwrap_or("invalid_body"), unknown.message)
}
