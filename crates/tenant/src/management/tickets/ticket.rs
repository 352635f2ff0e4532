//! A ticket as it is kept: what it permits, to whom and until when. Its code is kept as a hash only.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::subject::Subject;
use crate::management::users;
use crate::store::{Key, Kind, Transaction};

pub(crate) const KIND: Kind = Kind("ticket");
/// Letters and digits of a code.
pub(crate) const CODE_LENGTH: usize = 32;

/// Shared: what a ticket is for and whose.
const BY_SUBJECT: &str = "subject";
/// Seconds that a ticket is valid unless its maker says otherwise: five days.
const LIFETIME: i64 = 432_000;

/// What the holder of a ticket may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    PasswordChange,
    EmailVerification,
}

/// One permission, good for one use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) purpose: Purpose,
    pub(crate) user_id: String,
    /// Who is created again under the same id is somebody else.
    pub(super) user_created_at: Value,
    /// `auth0|…` of the identity that it is about.
    pub(crate) identity: String,
    pub(crate) expires_at: Timestamp,
    /// The address at the time of making; a later one is not verified by this ticket.
    pub(crate) email: Option<String>,
    /// It was sent to that address, so it ends when the address changes.
    pub(crate) mailed: bool,
    pub(crate) mark_email_as_verified: bool,
    pub(crate) include_email: bool,
    pub(crate) result_url: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) organization_id: Option<String>,
}

impl Purpose {
    /// The page that such tickets open.
    fn page(self) -> &'static str {
        match self {
            Self::PasswordChange => "/u/reset-password",
            Self::EmailVerification => "/u/email-verification",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::PasswordChange => "password_change",
            Self::EmailVerification => "email_verification",
        }
    }
}

impl Ticket {
    /// A plain ticket; `lifetime` is in seconds. None if it would end after the last moment of the calendar.
    pub(crate) fn new(
        purpose: Purpose,
        subject: &Subject,
        now: Timestamp,
        lifetime: Option<i64>,
    ) -> Option<Self> {
        let lifetime = SignedDuration::from_secs(lifetime.unwrap_or(LIFETIME));
        Some(Self {
            purpose,
            user_id: subject.user.id.clone(),
            user_created_at: subject.user.body["created_at"].clone(),
            identity: subject.identity_id(),
            expires_at: now.checked_add(lifetime).ok()?,
            email: subject.email().map(str::to_owned),
            mailed: false,
            mark_email_as_verified: false,
            include_email: false,
            result_url: None,
            client_id: None,
            organization_id: None,
        })
    }

    /// The link's path; the `#` keeps what mail programs append out of the code.
    pub(crate) fn path(&self, code: &str) -> String {
        format!("{}?ticket={code}#", self.purpose.page())
    }

    /// Keeps the ticket. A new one for a password ends the user's older ones.
    pub(crate) fn kept(&self, change: Transaction, code: &str) -> Transaction {
        let change = match self.purpose {
            Purpose::PasswordChange => self.all_removed(change),
            Purpose::EmailVerification => change,
        };
        let keys = vec![
            Key::shared(BY_SUBJECT, self.subject()),
            Key::shared(users::BY_USER, &self.user_id),
        ];
        change.insert(KIND, id(code), json!(self), keys)
    }

    /// Without this and every other ticket for the same purpose and identity.
    pub(super) fn all_removed(&self, change: Transaction) -> Transaction {
        change.delete_matching(KIND, BY_SUBJECT, self.subject())
    }

    fn subject(&self) -> String {
        format!("{} {}", self.purpose.name(), self.identity)
    }
}

/// The id under which a ticket is kept: SHA-256 of its code. Codes have 190 bits, so they need no salt.
pub(super) fn id(code: &str) -> String {
    hex::encode(Sha256::digest(code.as_bytes()))
}
