//! `POST /jobs/verification-email`

use http::StatusCode;
use serde_json::json;

use super::finish;
use crate::management::generic::{Fields, fields_of};
use crate::management::outbox::Message;
use crate::management::tickets::subject::Subject;
use crate::management::tickets::ticket::{CODE_LENGTH, Purpose, Ticket};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request};
use crate::store::Transaction;

/// The mail goes to the outbox.
pub(super) async fn send(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.body["user_id"].as_str().unwrap_or_default()).await?;
    let subject = Subject::chosen(context.store(), user, request.body.get("identity")).await?;
    let Some(email) = subject.email() else {
        return Err(ApiError::invalid_body("The user's identity does not have an email"));
    };
    let mut ticket = Ticket::new(Purpose::EmailVerification, &subject, context.now, None)
        .ok_or_else(|| ApiError::internal("the calendar ends"))?;
    ticket.mailed = true;
    ticket.client_id = request.body["client_id"].as_str().map(str::to_owned);
    let code = context.tenant.random().alphanumeric(CODE_LENGTH);
    let message = Message {
        template: "verify_email",
        user_id: subject.user.id.clone(),
        to: email.to_owned(),
        subject: "Verify your email".into(),
        text: "Confirm that this address is yours:".into(),
        link: ticket.path(&code),
    };
    let change = ticket.kept(Transaction::new(), &code);
    let change = message.kept(change, context.tenant.random(), context.now);
    let waiting = fields_of(json!({"type": "verification_email"}));
    finish(&context, StatusCode::CREATED, change, waiting, Fields::new()).await
}
