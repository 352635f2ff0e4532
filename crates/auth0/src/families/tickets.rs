//! Tickets: links that let a user do one thing once.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::fixed;
use crate::Typed;

/// A ticket.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// The link; who has it can use it.
    pub ticket: SecretString,
}

/// `POST /tickets/password-change`: a link to choose a new password. Sends no mail.
pub fn password_change(request: Value) -> Typed<Ticket> {
    Typed::new(fixed("post_password-change").with_body(request))
}
