//! What the holder of a ticket does with it, once. The holder has shown nothing else.

use callboard_contract::timestamps::to_wire;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::subject::Subject;
use super::ticket::{self, Purpose, Ticket};
use crate::logs::LogEvent;
use crate::management::users;
use crate::management::users::credential::Credential;
use crate::management::users::profile;
use crate::passwords::{HashError, MAX_BYTES, Policy, Weakness};
use crate::store::{CommitError, Conflict, Store, StoreError, Transaction};
use crate::tenants::Tenant;

/// How often a use is tried again while others change the same user.
const ATTEMPTS: usize = 8;

/// A ticket that can be used now.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(crate) ticket: Ticket,
    pub(crate) subject: Subject,
}

/// Why a ticket was not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Unknown, expired, used, replaced, for something else: the holder does not learn which.
    #[error("the ticket cannot be used")]
    Unusable,
    #[error(transparent)]
    Weak(#[from] Weakness),
    #[error("the password has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the password could not be hashed")]
    Hash(#[from] HashError),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the change was not committed")]
    Commit(#[from] CommitError),
    #[error("others kept changing the user")]
    Busy,
}

/// The ticket with this code, if it can be used for this purpose now.
pub(crate) async fn find(
    store: &dyn Store,
    purpose: Purpose,
    code: &str,
    now: Timestamp,
) -> Result<Option<Usable>, StoreError> {
    let Some(kept) = store.get(ticket::KIND, &ticket::id(code)).await? else { return Ok(None) };
    let Ok(ticket) = serde_json::from_value::<Ticket>(kept.body) else { return Ok(None) };
    if ticket.purpose != purpose || ticket.expires_at <= now {
        return Ok(None);
    }
    let Some(user) = store.get(users::KIND, &ticket.user_id).await? else { return Ok(None) };
    let subject = Subject::of_identity(store, user, &ticket.identity).await?;
    let usable = subject.map(|subject| Usable { ticket, subject });
    Ok(usable.filter(Usable::is_for_the_same_person))
}

/// Sets the password and ends the ticket, or neither. `event` is filled in and logged.
pub(crate) async fn reset_password(
    tenant: &Tenant,
    code: &str,
    password: &str,
    event: &LogEvent,
) -> Result<Usable, Refusal> {
    if password.len() > MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    for _ in 0..ATTEMPTS {
        let now = tenant.now();
        let found = find(tenant.store(), Purpose::PasswordChange, code, now).await?;
        let usable = found.ok_or(Refusal::Unusable)?;
        let credential = usable.next_credential(tenant, password).await?;
        let change = credential.kept(usable.consumed(code), &usable.ticket.identity);
        let change = usable.user_changed(change, now, |body| {
            body["last_password_reset"] = to_wire(now).into();
            if usable.ticket.mark_email_as_verified {
                usable.verify_email(body);
            }
        });
        let event = usable
            .described(event, "Change Password")
            .described("You can now login to the application with the new password.");
        let change = change.log(Some(usable.subject.user.id.clone()), event.into_body());
        if committed(tenant.store(), change).await? {
            return Ok(usable);
        }
    }
    Err(Refusal::Busy)
}

/// Marks the address as verified and ends the ticket. `event` is filled in and logged.
pub(crate) async fn verify_email(
    tenant: &Tenant,
    code: &str,
    event: &LogEvent,
) -> Result<Usable, Refusal> {
    for _ in 0..ATTEMPTS {
        let now = tenant.now();
        let found = find(tenant.store(), Purpose::EmailVerification, code, now).await?;
        let usable = found.ok_or(Refusal::Unusable)?;
        let change =
            usable.user_changed(usable.consumed(code), now, |body| usable.verify_email(body));
        let event = usable
            .described(event, "Email Verification")
            .described("Your email was verified. You can continue using the application.");
        let change = change.log(Some(usable.subject.user.id.clone()), event.into_body());
        if committed(tenant.store(), change).await? {
            return Ok(usable);
        }
    }
    Err(Refusal::Busy)
}

impl Usable {
    /// What the connection asks of a password.
    pub(crate) fn policy(&self) -> Policy {
        Policy::of(&self.subject.connection.body["options"])
    }

    /// Not somebody created later under the same id, nor, where it matters, somebody with another address.
    fn is_for_the_same_person(&self) -> bool {
        let needs_address = self.ticket.mailed || self.ticket.purpose == Purpose::EmailVerification;
        self.subject.user.body["created_at"] == self.ticket.user_created_at
            && (!needs_address || self.has_the_same_address())
    }

    fn has_the_same_address(&self) -> bool {
        self.ticket.email.is_some() && self.ticket.email.as_deref() == self.subject.email()
    }

    async fn next_credential(
        &self,
        tenant: &Tenant,
        password: &str,
    ) -> Result<Credential, Refusal> {
        let policy = self.policy();
        policy.check(password, &self.subject.user.body)?;
        let hasher = tenant.hasher();
        let present = Credential::find(tenant.store(), &self.ticket.identity).await?;
        if let Some(present) = present.as_ref().filter(|_| policy.history > 0)
            && present.has_been(password, hasher).await?
        {
            return Err(Weakness::UsedBefore.into());
        }
        let hash = hasher.hash(password).await?;
        Ok(match present {
            Some(present) => present.followed_by(hash, policy.history),
            None => Credential::new(hash),
        })
    }

    /// Only if the ticket is still there; its siblings go with it.
    fn consumed(&self, code: &str) -> Transaction {
        self.ticket.all_removed(Transaction::new().require(ticket::KIND, ticket::id(code)))
    }

    fn user_changed(
        &self,
        change: Transaction,
        now: Timestamp,
        apply: impl FnOnce(&mut Value),
    ) -> Transaction {
        let user = &self.subject.user;
        let mut body = user.body.clone();
        apply(&mut body);
        body["updated_at"] = to_wire(now).into();
        let body = profile::arranged(body.as_object().cloned().unwrap_or_default());
        let keys = users::keys(&body);
        change.replace(users::KIND, user.id.as_str(), user.version, body, keys)
    }

    /// An address that has changed since the ticket was made stays as it is.
    fn verify_email(&self, body: &mut Value) {
        if !self.has_the_same_address() {
            return;
        }
        let place = match self.subject.position {
            0 => body,
            position => &mut body["identities"][position]["profileData"],
        };
        place["email_verified"] = true.into();
    }

    fn described(&self, event: &LogEvent, title: &str) -> LogEvent {
        let Subject { user, connection, .. } = &self.subject;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        event
            .clone()
            .about_user(&user.id, user.body["name"].as_str())
            .through(
                &text(&connection.body["name"]),
                &connection.id,
                &text(&connection.body["strategy"]),
            )
            .with("client_id", self.ticket.client_id.clone())
            .with_details(json!({
                "title": title, "email": self.subject.email(), "query": {}, "body": {"ticket": "*****"},
            }))
    }
}

/// False if the user has changed or the ticket has been used in the meantime; another look tells which.
async fn committed(store: &dyn Store, change: Transaction) -> Result<bool, Refusal> {
    match store.commit(change).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict(Conflict::Changed { .. })) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
