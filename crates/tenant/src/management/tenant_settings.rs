//! The tenant's own settings: one document.

use serde_json::{Map, Value, json};

use crate::pipeline::{Answer, ApiError, Context, Projection, Request, Table};
use crate::store::{Document, Kind, Transaction};

pub(crate) const KIND: Kind = Kind("tenant_settings");
pub(crate) const ID: &str = "settings";

/// Shown by reads, but not in the answer to a change.
const ONLY_READ: &str = "sandbox_versions_available";

pub(super) fn behaviours(table: &mut Table) {
    table.read("tenant_settings_route", get);
    table.write("patch_settings", "Update tenant settings", update);
}

/// What a new tenant answers.
pub(crate) fn fresh() -> Value {
    json!({
        "enabled_locales": ["en"],
        "flags": {
            "allow_changing_enable_sso": false,
            "disable_impersonation": true,
            "enable_sso": true,
            "enable_public_signup_user_exists_error": true,
            "universal_login": true,
            "revoke_refresh_token_grant": false,
            "remove_alg_from_jwks": true,
            "mfa_show_factor_list_on_enrollment": false,
            "disable_clickjack_protection_headers": false,
            "new_universal_login_experience_enabled": true,
        },
        "idle_session_lifetime": 72,
        "session_lifetime": 168,
        "sandbox_version": "22",
        "sandbox_versions_available": ["22", "18"],
        "oidc_logout": {"rp_logout_end_session_endpoint_discovery": true},
        "session_cookie": {"mode": "persistent"},
        "sessions": {"oidc_logout_prompt_enabled": true},
        "allowed_logout_urls": [],
        "change_password": {"enabled": false, "html": ""},
        "guardian_mfa_page": {"enabled": false, "html": ""},
        "pushed_authorization_requests_supported": false,
        "customize_mfa_in_postlogin_action": false,
        "universal_login": {"passwordless": {"allow_magiclink_verify_without_session": true}},
        "resource_parameter_profile": "audience",
    })
}

async fn find(context: &Context) -> Result<Document, ApiError> {
    let found = context.store().get(KIND, ID).await?;
    found.ok_or_else(|| ApiError::internal("the tenant has no settings"))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let settings = find(&context).await?;
    Ok(Answer::ok(Projection::of(&request).apply(settings.body)))
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context).await?;
    let settings = merged(&found.body, request.into_fields());
    check_lifetimes(&settings)?;
    let answer = Answer::ok(shown_after_change(settings.clone()));
    let change = Transaction::new().replace(KIND, ID, found.version, settings, Vec::new());
    Ok(context.commit(change, answer).await?)
}

/// The answer to a change shows less than a read in one place and more in others.
fn shown_after_change(mut settings: Value) -> Value {
    if let Some(settings) = settings.as_object_mut() {
        settings.shift_remove(ONLY_READ);
    }
    for (part, more) in [
        (
            "flags",
            json!({
                "cannot_change_enforce_client_authentication_on_passwordless_start": true,
                "enforce_client_authentication_on_passwordless_start": true,
            }),
        ),
        (
            "universal_login",
            json!({
                "is_custom_template_set": false,
                "identifier_first": false,
                "webauthn_platform_first_factor": false,
            }),
        ),
    ] {
        for (name, value) in more.as_object().into_iter().flatten() {
            if settings[part][name].is_null() {
                settings[part][name] = value.clone();
            }
        }
    }
    settings
}

/// Root keys are replaced, flags one by one; `null` removes.
fn merged(settings: &Value, change: Map<String, Value>) -> Value {
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    for (name, value) in change {
        match (name.as_str(), value) {
            (_, Value::Null) => {
                settings.shift_remove(&name);
            }
            ("flags", Value::Object(change)) => {
                let flags = settings.entry("flags").or_insert_with(|| json!({}));
                for (flag, value) in change {
                    flags[flag.as_str()] = value;
                }
            }
            (_, value) => {
                settings.insert(name, value);
            }
        }
    }
    // Lifetimes may be given in minutes instead; both are hours with a fraction when read.
    for (minutes, hours) in [
        ("session_lifetime_in_minutes", "session_lifetime"),
        ("idle_session_lifetime_in_minutes", "idle_session_lifetime"),
    ] {
        if let Some(given) = settings.shift_remove(minutes).and_then(|value| value.as_f64()) {
            settings.insert(hours.into(), (given / 60.0).into());
        }
    }
    Value::Object(settings)
}

/// A session that idles longer than it lives makes no sense, and is refused.
fn check_lifetimes(settings: &Value) -> Result<(), ApiError> {
    let hours = |name: &str| settings[name].as_f64();
    match (hours("idle_session_lifetime"), hours("session_lifetime")) {
        (Some(idle), Some(whole)) if idle > whole => Err(ApiError::invalid_body(
            "idle_session_lifetime cannot be longer than session_lifetime",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_merged_and_nulls_removed() {
        let settings =
            json!({"friendly_name": "a", "flags": {"enable_sso": true}, "session_lifetime": 168});
        for (change, name, expected) in [
            (json!({"friendly_name": null}), "friendly_name", Value::Null),
            (json!({"flags": {"x": 1}}), "flags", json!({"enable_sso": true, "x": 1})),
            (json!({"session_lifetime_in_minutes": 181}), "session_lifetime", json!(181.0 / 60.0)),
        ] {
            let after = merged(&settings, change.as_object().unwrap().clone());
            assert_eq!(after[name], expected, "{change}");
        }
    }
}
