//! Messages that a tenant would send. It has no way to send; whoever runs it looks here.
//!
//! A message holds the path of its link, not the whole address: many messages are asked for by strangers, whose `Host`
//! header must not decide where the link leads.

use callboard_contract::timestamps::to_wire;
use jiff::Timestamp;
use serde_json::json;

use crate::management::users;
use crate::random::Random;
use crate::store::{Key, Kind, Transaction};

pub(crate) const KIND: Kind = Kind("outbox");

/// Shared: which message to whom.
const BY_SUBJECT: &str = "subject";

/// One message to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// As e-mail templates are named: `reset_email`.
    pub(crate) template: &'static str,
    pub(crate) user_id: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    /// What stands above the link.
    pub(crate) text: String,
    /// Path and query below the tenant's address. It may hold a ticket.
    pub(crate) link: String,
}

impl Message {
    /// Keeps the message in place of an older one of the same kind to the same user, whose link has ended.
    pub(crate) fn kept(&self, change: Transaction, random: &Random, now: Timestamp) -> Transaction {
        let id = format!("msg_{}", random.alphanumeric(16));
        let of = format!("{} {}", self.template, self.user_id);
        let body = json!({
            "id": id, "created_at": to_wire(now), "template": self.template, "user_id": self.user_id, "to": self.to,
            "subject": self.subject, "text": self.text, "link": self.link,
        });
        let keys =
            vec![Key::shared(BY_SUBJECT, of.clone()), Key::shared(users::BY_USER, &self.user_id)];
        change.delete_matching(KIND, BY_SUBJECT, of).insert(KIND, id, body, keys)
    }
}
