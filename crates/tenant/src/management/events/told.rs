//! Which changes are told, as which event.
//!
//! What goes with something that is deleted (memberships of a user, roles of a member) is not told by itself. Neither is a
//! login, though it is written into the profile.

use callboard_contract::timestamps::to_wire;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::object;
use crate::management::{clients, groups, organizations, roles, users};
use crate::random::Random;
use crate::store::{Cause, Glance, Happened, Kind, Relation, StoreError, Told, Witness};

/// What a login writes into a profile.
const OF_LOGIN: [&str; 4] = ["last_ip", "last_login", "logins_count", "updated_at"];

/// Tells of users, organizations and groups of one tenant.
pub(crate) struct Teller {
    tenant: String,
    random: Random,
}

/// An event without its envelope.
struct Event {
    name: &'static str,
    object: Value,
    previous: Option<Value>,
}

impl Event {
    fn new(name: &'static str, object: Value) -> Self {
        Self { name, object, previous: None }
    }

    fn instead_of(self, previous: Value) -> Self {
        Self { previous: Some(previous), ..self }
    }
}

impl Witness for Teller {
    fn cares_for(&self, kind: Kind) -> bool {
        [users::KIND, organizations::KIND, organizations::ENABLED_CONNECTION, groups::KIND]
            .contains(&kind)
    }

    fn cares_for_relation(&self, relation: Relation) -> bool {
        [
            organizations::MEMBER,
            organizations::MEMBER_ROLE,
            organizations::GROUP_ROLE,
            groups::MEMBER,
            groups::GROUP_ROLE,
        ]
        .contains(&relation)
    }

    fn tell(
        &self,
        happened: Happened<'_>,
        cause: Option<&Cause>,
        now: Timestamp,
        store: &dyn Glance,
    ) -> Result<Option<Told>, StoreError> {
        let at = to_wire(now);
        let event = match happened {
            Happened::Document { kind, before, after, .. } => {
                of_document(kind, before, after, &at, store)?
            }
            Happened::Related { relation, source, target } => {
                of_pair(relation, source, target, Pair::Made(&at), store)?
            }
            Happened::Unrelated { relation, source, target } => {
                of_pair(relation, source, target, Pair::Parted(&at), store)?
            }
        };
        let Some(event) = event else { return Ok(None) };
        let context = self.context(cause, store)?;
        Ok(Some(Told { name: event.name, body: self.envelope(event, &at, &context) }))
    }
}

impl Teller {
    pub(crate) fn new(tenant: &str, random: Random) -> Self {
        Self { tenant: tenant.to_owned(), random }
    }

    fn envelope(&self, event: Event, at: &str, context: &Value) -> Value {
        let mut data = json!({"object": event.object});
        if let Some(previous) = event.previous {
            data["previous_object"] = previous;
        }
        data["context"] = context.clone();
        let id = format!("evt_{}", self.random.alphanumeric(22));
        envelope(&self.tenant, &id, event.name, at, &data)
    }

    /// Who did it, with which request. Where nobody is known there is the tenant alone.
    fn context(&self, cause: Option<&Cause>, store: &dyn Glance) -> Result<Value, StoreError> {
        let mut context = json!({});
        if let Some(cause) = cause {
            if let Some(client) = store.glance(clients::KIND, &cause.client_id)? {
                context["client"] = json!({
                    "id": cause.client_id,
                    "name": client["name"].as_str().unwrap_or_default(),
                    "metadata": client.get("client_metadata").cloned().unwrap_or_else(|| json!({})),
                });
            }
            context["request"] = json!({
                "geo": {}, "hostname": cause.hostname, "ip": cause.ip, "method": cause.method,
                "user_agent": cause.user_agent,
            });
        }
        context["tenant"] =
            json!({"tenant_id": format!("ten_{}", derived(&self.tenant, "tenant", 16))});
        Ok(context)
    }
}

/// A whole event. The stream in it is that of `GET /events`; other streams put their own id in its place.
pub(in crate::management) fn envelope(
    tenant: &str,
    id: &str,
    name: &str,
    at: &str,
    data: &Value,
) -> Value {
    json!({
        "specversion": "1.0",
        "type": name,
        "source": format!("urn:auth0:{tenant}.localhost"),
        "id": id,
        "time": at,
        "data": data,
        "a0tenant": tenant,
        "a0stream": format!("est_{}", derived(tenant, "events", 22)),
    })
}

/// Letters and digits that are always the same for the same tenant and purpose.
fn derived(tenant: &str, purpose: &str, length: usize) -> String {
    hex::encode(Sha256::digest(format!("{purpose} {tenant}"))).chars().take(length).collect()
}

fn of_document(
    kind: Kind,
    before: Option<&Value>,
    after: Option<&Value>,
    at: &str,
    store: &dyn Glance,
) -> Result<Option<Event>, StoreError> {
    Ok(match kind {
        users::KIND => of_user(before, after, at),
        organizations::KIND => of_organization(before, after),
        groups::KIND => of_group(before, after, at),
        _ => of_enabled_connection(before, after, store)?,
    })
}

fn of_user(before: Option<&Value>, after: Option<&Value>, at: &str) -> Option<Event> {
    Some(match (before, after) {
        (None, Some(user)) => Event::new("user.created", object::user(user)),
        (Some(user), None) => Event::new("user.deleted", object::deleted_user(user, at)),
        (Some(before), Some(after)) if !is_login(before, after) => {
            Event::new("user.updated", object::user(after)).instead_of(object::user(before))
        }
        _ => return None,
    })
}

/// Whether nothing has changed but what a login changes.
fn is_login(before: &Value, after: &Value) -> bool {
    let rest = |user: &Value| {
        let mut rest = user.as_object().cloned().unwrap_or_default();
        rest.retain(|name, _| !OF_LOGIN.contains(&name.as_str()));
        rest
    };
    before["logins_count"] != after["logins_count"] && rest(before) == rest(after)
}

fn of_organization(before: Option<&Value>, after: Option<&Value>) -> Option<Event> {
    Some(match (before, after) {
        (None, Some(made)) => Event::new("organization.created", object::organization(made)),
        (Some(gone), None) => {
            Event::new("organization.deleted", object::deleted_organization(gone))
        }
        (Some(before), Some(after)) => {
            Event::new("organization.updated", object::organization(after))
                .instead_of(object::organization(before))
        }
        (None, None) => return None,
    })
}

fn of_group(before: Option<&Value>, after: Option<&Value>, at: &str) -> Option<Event> {
    Some(match (before, after) {
        (None, Some(made)) => Event::new("group.created", object::group(made, None)),
        (Some(gone), None) => Event::new("group.deleted", object::group(gone, Some(at))),
        (Some(before), Some(after)) => Event::new("group.updated", object::group(after, Some(at)))
            .instead_of(object::group(before, Some(at))),
        (None, None) => return None,
    })
}

/// Connections that go with their organization are not told: it is gone by then.
fn of_enabled_connection(
    before: Option<&Value>,
    after: Option<&Value>,
    store: &dyn Glance,
) -> Result<Option<Event>, StoreError> {
    let Some(enabled) = after.or(before) else { return Ok(None) };
    let id = enabled["organization_id"].as_str().unwrap_or_default();
    let found = store.glance(organizations::KIND, id)?;
    let organization = object::named_organization(id, found.as_ref());
    Ok(match (before, after) {
        (None, Some(made)) => Some(Event::new(
            "organization.connection.added",
            object::enabled_connection(made, &organization),
        )),
        (Some(before), Some(after)) => Some(
            Event::new(
                "organization.connection.updated",
                object::enabled_connection(after, &organization),
            )
            .instead_of(object::enabled_connection(before, &organization)),
        ),
        (Some(gone), None) if found.is_some() => Some(Event::new(
            "organization.connection.removed",
            object::removed_connection(gone, &organization),
        )),
        _ => None,
    })
}

/// What became of a pair, and when.
#[derive(Clone, Copy)]
enum Pair<'a> {
    Made(&'a str),
    Parted(&'a str),
}

impl Pair<'_> {
    fn named(self, made: &'static str, parted: &'static str) -> &'static str {
        match self {
            Self::Made(_) => made,
            Self::Parted(_) => parted,
        }
    }

    /// Adds the moment under the name that it has in the events of roles of groups.
    fn dated(self, mut object: Value) -> Value {
        match self {
            Self::Made(at) => object["created_at"] = at.into(),
            Self::Parted(at) => object["deleted_at"] = at.into(),
        }
        object
    }
}

fn of_pair(
    relation: Relation,
    source: &str,
    target: &str,
    pair: Pair<'_>,
    store: &dyn Glance,
) -> Result<Option<Event>, StoreError> {
    let role = |id: &str| -> Result<Value, StoreError> {
        Ok(object::named_role(id, store.glance(roles::KIND, id)?.as_ref()))
    };
    let group = |id: &str| -> Result<Value, StoreError> {
        Ok(object::named_group(id, store.glance(groups::KIND, id)?.as_ref()))
    };
    // Both relations of roles start at an organization together with somebody in it.
    let (organization, inside) = source.split_once('/').unwrap_or((source, ""));
    Ok(Some(match relation {
        organizations::MEMBER => {
            let found = store.glance(organizations::KIND, source)?;
            Event::new(
                pair.named("organization.member.added", "organization.member.deleted"),
                json!({
                    "organization": object::named_organization(source, found.as_ref()),
                    "user": {"user_id": target},
                }),
            )
        }
        organizations::MEMBER_ROLE => Event::new(
            pair.named("organization.member.role.assigned", "organization.member.role.deleted"),
            json!({
                "organization": {"id": organization}, "user": {"user_id": inside}, "role": role(target)?,
            }),
        ),
        organizations::GROUP_ROLE => Event::new(
            pair.named("organization.group.role.assigned", "organization.group.role.deleted"),
            pair.dated(json!({
                "organization": {"id": organization}, "role": of_group_role(pair, role(target)?),
                "group": group(inside)?,
            })),
        ),
        groups::MEMBER => Event::new(
            pair.named("group.member.added", "group.member.deleted"),
            json!({"group": group(source)?, "member": {"member_type": "user", "id": target}}),
        ),
        groups::GROUP_ROLE => Event::new(
            pair.named("group.role.assigned", "group.role.deleted"),
            pair.dated(
                json!({"group": group(source)?, "role": of_group_role(pair, role(target)?)}),
            ),
        ),
        _ => return Ok(None),
    }))
}

/// A role that is taken from a group is told by its id alone.
fn of_group_role(pair: Pair<'_>, role: Value) -> Value {
    match pair {
        Pair::Made(_) => role,
        Pair::Parted(_) => json!({"id": role["id"]}),
    }
}
