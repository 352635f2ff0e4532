//! A profile: what the server adds to it, and the order in which it is shown.

use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

/// The usual order of a profile's attributes; unknown ones follow.
const ORDER: [&str; 24] = [
    "blocked",
    "created_at",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "identities",
    "name",
    "nickname",
    "phone_number",
    "phone_verified",
    "picture",
    "updated_at",
    "user_id",
    "user_metadata",
    "username",
    "multifactor",
    "multifactor_last_modified",
    "last_password_reset",
    "app_metadata",
    "last_ip",
    "last_login",
    "logins_count",
    "last_password_set",
];

/// Attributes that an identity carries when it is linked to another user.
const OF_IDENTITY: [&str; 9] = [
    "email",
    "phone_number",
    "given_name",
    "family_name",
    "username",
    "nickname",
    "picture",
    "email_verified",
    "phone_verified",
];

/// The identities of a user, the primary one first.
pub(crate) fn identities(user: &Value) -> &[Value] {
    user["identities"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `auth0|5f…` of an identity.
pub(crate) fn identity_id(identity: &Value) -> String {
    let provider = identity["provider"].as_str().unwrap_or_default();
    match &identity["user_id"] {
        Value::String(id) => format!("{provider}|{id}"),
        other => format!("{provider}|{other}"),
    }
}

/// A user's only identity at first.
pub(super) fn identity(connection: &str, provider: &str, local_id: &str) -> Value {
    json!({"connection": connection, "user_id": local_id, "provider": provider, "isSocial": false})
}

/// Adds what nobody has said: verification flags, name, nickname, picture.
pub(super) fn complete(profile: &mut Map<String, Value>) {
    let text = |profile: &Map<String, Value>, name: &str| {
        profile.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let email = text(profile, "email");
    if email.is_some() {
        profile.entry("email_verified").or_insert(false.into());
    }
    if profile.contains_key("phone_number") {
        profile.entry("phone_verified").or_insert(false.into());
    }
    let shown = email
        .clone()
        .or_else(|| text(profile, "username"))
        .or_else(|| text(profile, "phone_number"));
    let Some(shown) = shown else { return };
    let local_part = shown.split('@').next().unwrap_or_default().to_owned();
    profile
        .entry("picture")
        .or_insert_with(|| default_picture(email.as_deref().unwrap_or(&shown)).into());
    profile.entry("nickname").or_insert(local_part.into());
    profile.entry("name").or_insert(shown.into());
}

/// A Gravatar, with the first two letters as fallback.
fn default_picture(email: &str) -> String {
    let hash = hex::encode(Md5::digest(email.to_lowercase().as_bytes()));
    let initials: String =
        email.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(2).collect();
    format!(
        "https://s.gravatar.com/avatar/{hash}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{initials}.png"
    )
}

/// The same attributes in the usual order.
pub(crate) fn arranged(mut profile: Map<String, Value>) -> Value {
    let mut arranged = Map::with_capacity(profile.len());
    for name in ORDER {
        if let Some(value) = profile.remove(name) {
            arranged.insert(name.into(), value);
        }
    }
    arranged.extend(profile);
    Value::Object(arranged)
}

/// What a linked identity shows of the user that it was.
pub(super) fn profile_data(user: &Value) -> Value {
    let mut data: Map<_, _> = OF_IDENTITY
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), user.get(name)?.clone())))
        .collect();
    if let Some(name) = user.get("name").filter(|name| Some(*name) != user.get("email")) {
        data.insert("name".into(), name.clone());
    }
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_completed_from_its_address() {
        let mut profile = json!({"email": "Jane.Doe@example.com", "given_name": "Jane"})
            .as_object()
            .unwrap()
            .clone();
        complete(&mut profile);
        assert_eq!(
            Value::Object(profile),
            json!({
                "email": "Jane.Doe@example.com", "given_name": "Jane", "email_verified": false,
                "picture": "https://s.gravatar.com/avatar/0cba00ca3da1b283a57287bcceb17e35?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fja.png",
                "nickname": "Jane.Doe", "name": "Jane.Doe@example.com",
            })
        );
    }

    #[test]
    fn what_was_said_stays() {
        let mut profile = json!({"phone_number": "+4930", "name": "N", "phone_verified": true})
            .as_object()
            .unwrap()
            .clone();
        complete(&mut profile);
        assert_eq!(
            (&profile["name"], &profile["nickname"], &profile["phone_verified"]),
            (&json!("N"), &json!("+4930"), &json!(true))
        );
    }
}
