//! A person has forgotten the password and asks for a link by mail.

use jiff::Timestamp;

use super::subject::Subject;
use super::ticket::{CODE_LENGTH, Purpose, Ticket};
use crate::management::outbox::Message;
use crate::random::Random;
use crate::store::Transaction;

/// A ticket and the message that carries it. None for somebody without address.
pub(crate) fn prepared(
    subject: &Subject,
    client_id: Option<&str>,
    organization_id: Option<&str>,
    random: &Random,
    now: Timestamp,
) -> Option<Transaction> {
    let to = subject.email()?.to_owned();
    let ticket = Ticket {
        mailed: true,
        client_id: client_id.map(str::to_owned),
        organization_id: organization_id.map(str::to_owned),
        ..Ticket::new(Purpose::PasswordChange, subject, now, None)?
    };
    let code = random.alphanumeric(CODE_LENGTH);
    let message = Message {
        template: "reset_email",
        user_id: subject.user.id.clone(),
        text: format!(
            "Somebody, probably you, asked to change the password of the account {to}. \
             The link below lets you choose a new one. It works once, and for five days. \
             If it was not you, ignore this message: nothing has changed."
        ),
        to,
        subject: "Change your password".into(),
        link: ticket.path(&code),
    };
    Some(message.kept(ticket.kept(Transaction::new(), &code), random, now))
}
