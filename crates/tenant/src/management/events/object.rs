//! What an event shows of the things that it is about.

use serde_json::{Map, Value, json};

/// What an identity shows; tokens of its provider are not for everybody.
const OF_IDENTITY: [&str; 5] = ["connection", "user_id", "profileData", "provider", "isSocial"];
const OF_ORGANIZATION: [&str; 5] = ["name", "id", "display_name", "metadata", "branding"];
const OF_GROUP: [&str; 7] =
    ["id", "name", "external_id", "created_at", "type", "connection_id", "organization_id"];
const OF_GROUP_NAMED: [&str; 5] = ["id", "external_id", "type", "connection_id", "organization_id"];
const OF_ENABLED_CONNECTION: [&str; 3] =
    ["assign_membership_on_login", "show_as_button", "is_signup_enabled"];

/// A whole profile.
pub(super) fn user(user: &Value) -> Value {
    let mut shown = user.clone();
    if let Some(identities) = shown["identities"].as_array_mut() {
        for identity in identities {
            *identity = only(identity, &OF_IDENTITY);
        }
    }
    shown
}

pub(super) fn deleted_user(gone: &Value, at: &str) -> Value {
    let mut shown = user(gone);
    shown["deleted_at"] = at.into();
    shown
}

pub(super) fn organization(organization: &Value) -> Value {
    only(organization, &OF_ORGANIZATION)
}

/// Without its branding.
pub(super) fn deleted_organization(organization: &Value) -> Value {
    only(organization, &OF_ORGANIZATION[..4])
}

/// A group, with the time of its last change where that is shown.
pub(super) fn group(group: &Value, changed_at: Option<&str>) -> Value {
    let mut shown = only(group, &OF_GROUP);
    shown["type"] = group_type(group).into();
    if let Some(at) = changed_at {
        shown["updated_at"] = group.get("updated_at").cloned().unwrap_or_else(|| at.into());
    }
    shown
}

/// A group in the events of its members and roles.
pub(super) fn named_group(id: &str, group: Option<&Value>) -> Value {
    let Some(group) = group else { return json!({"id": id, "type": "tenant"}) };
    let mut shown = only(group, &OF_GROUP_NAMED);
    shown["type"] = group_type(group).into();
    shown
}

/// Whether a group comes from a connection, belongs to an organization or to the tenant.
fn group_type(group: &Value) -> &str {
    match group["type"].as_str() {
        Some(known) => known,
        None if group.get("connection_id").is_some() => "connection",
        None if group.get("organization_id").is_some() => "organization",
        None => "tenant",
    }
}

/// `{"name", "id"}`, without the name once it is gone.
pub(super) fn named_organization(id: &str, organization: Option<&Value>) -> Value {
    match organization.and_then(|organization| organization.get("name")) {
        Some(name) => json!({"name": name, "id": id}),
        None => json!({"id": id}),
    }
}

/// `{"id", "name"}`; a role that is gone is named by its id.
pub(super) fn named_role(id: &str, role: Option<&Value>) -> Value {
    let name = role.and_then(|role| role["name"].as_str()).unwrap_or(id);
    json!({"id": id, "name": name})
}

/// A connection through which members of an organization log in.
pub(super) fn enabled_connection(enabled: &Value, organization: &Value) -> Value {
    let mut shown = removed_connection(enabled, organization);
    if let (Value::Object(shown), Value::Object(settings)) =
        (&mut shown, only(enabled, &OF_ENABLED_CONNECTION))
    {
        shown.extend(settings);
    }
    shown
}

pub(super) fn removed_connection(enabled: &Value, organization: &Value) -> Value {
    json!({"organization": organization, "connection": {"id": enabled["connection_id"]}})
}

fn only(thing: &Value, names: &[&str]) -> Value {
    let shown = names.iter().filter_map(|name| {
        let value = thing.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    Value::Object(shown.collect::<Map<_, _>>())
}
