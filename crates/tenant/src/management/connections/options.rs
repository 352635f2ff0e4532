//! What the API adds to the options of a connection, by strategy.
//!
//! Options are replaced whole by a change, so the same rules run again then; a few defaults come only at creation.

use serde_json::{Map, Value, json};

use super::{attributes, okta};
use crate::certificates::Certificate;
use crate::pipeline::{ApiError, Origin};

/// When options are completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Creation,
    Change,
}

/// Switches of Google's strategies and the scopes they stand for; others are their own scope.
const GOOGLE_SCOPES: [(&str, &str); 24] = [
    ("email", "email"),
    ("profile", "profile"),
    ("contacts", "https://www.google.com/m8/feeds/"),
    ("blogger", "https://www.googleapis.com/auth/blogger"),
    ("calendar", "https://www.googleapis.com/auth/calendar"),
    ("calendar_addons_execute", "https://www.googleapis.com/auth/calendar.addons.execute"),
    ("calendar_events", "https://www.googleapis.com/auth/calendar.events"),
    ("calendar_events_readonly", "https://www.googleapis.com/auth/calendar.events.readonly"),
    ("calendar_settings_readonly", "https://www.googleapis.com/auth/calendar.settings.readonly"),
    ("chrome_web_store", "https://www.googleapis.com/auth/chromewebstore.readonly"),
    ("content_api_for_shopping", "https://www.googleapis.com/auth/content"),
    ("drive", "https://www.googleapis.com/auth/drive"),
    ("drive_activity", "https://www.googleapis.com/auth/drive.activity"),
    ("drive_activity_readonly", "https://www.googleapis.com/auth/drive.activity.readonly"),
    ("drive_file", "https://www.googleapis.com/auth/drive.file"),
    ("drive_metadata", "https://www.googleapis.com/auth/drive.metadata"),
    ("drive_metadata_readonly", "https://www.googleapis.com/auth/drive.metadata.readonly"),
    ("drive_readonly", "https://www.googleapis.com/auth/drive.readonly"),
    ("gmail", "https://mail.google.com/"),
    ("google_cloud_storage", "https://www.googleapis.com/auth/devstorage.read_write"),
    ("latitude_best", "https://www.googleapis.com/auth/latitude.all.best"),
    ("tasks", "https://www.googleapis.com/auth/tasks"),
    ("tasks_readonly", "https://www.googleapis.com/auth/tasks.readonly"),
    ("youtube", "https://www.googleapis.com/auth/youtube"),
];

/// The options of a database connection whose maker says nothing.
pub(super) fn of_new_database() -> Value {
    let mut options = Map::new();
    complete_database(&mut options, Occasion::Creation);
    Value::Object(options)
}

/// Options as they are stored, from those that were sent.
pub(super) fn complete(
    strategy: &str,
    sent: Option<Value>,
    occasion: Occasion,
    origin: &Origin,
) -> Result<Value, ApiError> {
    let mut options = match sent {
        Some(Value::Object(options)) => options,
        _ => Map::new(),
    };
    match strategy {
        "auth0" => {
            attributes::check(&Value::Object(options.clone()))?;
            complete_database(&mut options, occasion);
        }
        "email" | "sms" => {
            default(&mut options, "brute_force_protection", json!(true));
        }
        "ad" | "auth0-adldap" => {
            default(&mut options, "ips", Value::Null);
            if occasion == Occasion::Creation {
                default(&mut options, "brute_force_protection", json!(true));
            }
        }
        "adfs" => complete_adfs(&mut options),
        "samlp" | "pingfederate" => complete_saml(&mut options, strategy)?,
        "waad" => complete_azure(&mut options, origin),
        "oidc" | "okta" => complete_oidc(&mut options, strategy),
        "google-oauth2" => complete_google(&mut options),
        "google-apps" => {
            default(&mut options, "map_user_id_to_id", json!(false));
            if occasion == Occasion::Change {
                default(&mut options, "api_enable_users", json!(true));
            }
            default(&mut options, "email", json!(true));
            default(&mut options, "profile", json!(true));
            options.insert("scope".into(), json!(["email", "profile"]));
            default(&mut options, "handle_login_from_social", json!(true));
        }
        _ => complete_social(&mut options, strategy),
    }
    Ok(Value::Object(options))
}

fn default(options: &mut Map<String, Value>, name: &str, value: Value) {
    options.entry(name).or_insert(value);
}

/// The same, also where the caller has sent `null`.
fn fill(options: &mut Map<String, Value>, name: &str, value: &Value) {
    if options.get(name).is_none_or(Value::is_null) {
        options.insert(name.into(), value.clone());
    }
}

fn is(options: &Map<String, Value>, name: &str, value: impl Into<Value>) -> bool {
    options.get(name).is_some_and(|found| *found == value.into())
}

fn complete_database(options: &mut Map<String, Value>, occasion: Occasion) {
    if occasion == Occasion::Creation {
        default(options, "mfa", json!({"active": true, "return_enroll_settings": true}));
        if !options.contains_key("password_options") {
            default(options, "passwordPolicy", json!("good"));
        }
        default(options, "strategy_version", json!(2));
    }
    default(
        options,
        "authentication_methods",
        json!({
            "password": {"enabled": true, "api_behavior": "required", "signup_behavior": "allow"},
            "passkey": {"enabled": false},
        }),
    );
    default(
        options,
        "passkey_options",
        json!({"challenge_ui": "both", "progressive_enrollment_enabled": true, "local_enrollment_enabled": true}),
    );
    default(options, "brute_force_protection", json!(true));
    if let Some(Value::Object(email)) =
        options.get_mut("attributes").and_then(|all| all.get_mut("email"))
    {
        default(email, "unique", json!(true));
        default(email, "verification_method", json!("link"));
    }
}

/// Reads the sign-in address from the federation metadata.
fn complete_adfs(options: &mut Map<String, Value>) {
    let address = options.get("fedMetadataXml").and_then(Value::as_str).and_then(passive_address);
    default(options, "thumbprints", json!([]));
    if let Some(address) = address {
        default(options, "signInEndpoint", address.into());
    }
    default(
        options,
        "should_trust_email_verified_connection",
        json!("always_set_emails_as_verified"),
    );
}

/// The address of `PassiveRequestorEndpoint` in a federation metadata document.
fn passive_address(xml: &str) -> Option<String> {
    let (_, endpoint) = xml.split_once("PassiveRequestorEndpoint")?;
    let (_, address) = endpoint.split_once("Address>")?;
    let (address, _) = address.split_once('<')?;
    Some(address.trim().to_owned())
}

/// Shows what the signing certificate says.
fn complete_saml(options: &mut Map<String, Value>, strategy: &str) -> Result<(), ApiError> {
    let base = options.get("pingFederateBaseUrl").cloned();
    if let Some(base) = base.filter(|_| strategy == "pingfederate") {
        default(options, "signInEndpoint", base);
    }
    let Some(pem) = options.get("signingCert").and_then(Value::as_str).map(str::to_owned) else {
        return Ok(());
    };
    let certificate = Certificate::from_pem(&pem)
        .map_err(|_| ApiError::invalid_body("options.signingCert is not a readable certificate"))?;
    options.insert("expires".into(), certificate.expires_at.as_str().into());
    options.insert("subject".into(), certificate.subject().into());
    options.insert("thumbprints".into(), json!([certificate.thumbprint]));
    options.insert("cert".into(), pem.into());
    if strategy == "pingfederate" {
        options.shift_remove("signingCert");
    }
    Ok(())
}

/// The thumbprints that Microsoft publishes are not known here, since a tenant calls nobody.
fn complete_azure(options: &mut Map<String, Value>, origin: &Origin) {
    for (name, value) in [
        ("app_domain", json!(origin.host())),
        ("identity_api", json!("microsoft-identity-platform-v2.0")),
        ("thumbprints", json!([])),
        ("useCommonEndpoint", json!(false)),
        ("should_trust_email_verified_connection", json!("never_set_emails_as_verified")),
        ("waad_common_endpoint", json!(false)),
        ("use_wsfed", json!(false)),
        ("waad_protocol", json!("openid-connect")),
    ] {
        default(options, name, value);
    }
}

/// Okta's endpoints follow from its domain; other providers' would have to be fetched, which a tenant does not do.
fn complete_oidc(options: &mut Map<String, Value>, strategy: &str) {
    let domain = options
        .get("domain")
        .and_then(Value::as_str)
        .filter(|_| strategy == "okta")
        .map(str::to_owned);
    if let Some(domain) = domain {
        let metadata = okta::metadata(&domain);
        for name in
            ["issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]
        {
            fill(options, name, &metadata[name]);
        }
        default(options, "oidc_metadata", metadata);
    }
    let mapping = if strategy == "okta" { "basic_profile" } else { "bind_all" };
    default(options, "schema_version", json!("oidc-V4"));
    default(options, "type", json!("back_channel"));
    default(options, "attribute_map", json!({"mapping_mode": mapping}));
    default(options, "connection_settings", json!({"pkce": "auto"}));
}

/// The scopes that the switched-on options stand for.
fn complete_google(options: &mut Map<String, Value>) {
    default(options, "profile", json!(true));
    options.insert("email".into(), json!(true));
    let names = options.iter().filter(|(_, value)| **value == true).map(|(name, _)| name.as_str());
    let scopes: Vec<_> = names
        .filter_map(|name| {
            GOOGLE_SCOPES.iter().find(|(switch, _)| *switch == name).map(|(_, scope)| *scope)
        })
        .collect();
    options.insert("scope".into(), json!(scopes));
}

fn complete_social(options: &mut Map<String, Value>, strategy: &str) {
    let is_second = is(options, "strategy_version", 2);
    let scope = match strategy {
        "facebook" => json!(""),
        "github" | "salesforce" | "salesforce-sandbox" | "salesforce-community" => json!([]),
        "linkedin" => {
            default(options, "profile", json!(true));
            json!([if is_second { "r_liteprofile" } else { "r_basicprofile" }])
        }
        "windowslive" => {
            default(options, "signin", json!(true));
            if is_second { json!([]) } else { json!(["wl.signin"]) }
        }
        "wordpress" => {
            default(options, "profile", json!(true));
            // What was sent is not asked for: WordPress knows only this one.
            options.insert("scope".into(), json!(["profile"]));
            return;
        }
        _ => return,
    };
    default(options, "scope", scope);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(strategy: &str, sent: Value, occasion: Occasion) -> Value {
        complete(strategy, Some(sent), occasion, &Origin::of(&http::HeaderMap::new(), "https"))
            .unwrap()
    }

    #[test]
    fn a_change_of_a_database_connection_forgets_what_it_does_not_repeat() {
        let new = completed("auth0", json!({}), Occasion::Creation);
        assert_eq!(new["passwordPolicy"], "good");
        assert_eq!(new["strategy_version"], 2);
        let changed = completed("auth0", json!({"disable_signup": true}), Occasion::Change);
        assert_eq!(changed.get("mfa"), None);
        assert_eq!(changed.get("passwordPolicy"), None);
        assert_eq!(changed["brute_force_protection"], true);
    }

    #[test]
    fn scopes_of_google_follow_its_switches() {
        for (sent, scope) in [
            (json!({}), json!(["profile", "email"])),
            (
                json!({"profile": true, "calendar": true, "youtube": false}),
                json!(["profile", "https://www.googleapis.com/auth/calendar", "email"]),
            ),
        ] {
            assert_eq!(completed("google-oauth2", sent, Occasion::Creation)["scope"], scope);
        }
    }

    #[test]
    fn okta_is_known_by_its_domain() {
        let sent =
            json!({"domain": "acme.okta.com", "token_endpoint": null, "issuer": "https://mine"});
        let options = completed("okta", sent, Occasion::Creation);
        assert_eq!(options["token_endpoint"], "https://acme.okta.com/oauth2/v1/token");
        assert_eq!(options["issuer"], "https://mine");
    }

    #[test]
    fn the_sign_in_address_is_read_from_federation_metadata() {
        let xml = "<fed:PassiveRequestorEndpoint><wsa:Address>https://adfs/wsfed</wsa:Address>";
        assert_eq!(passive_address(xml).as_deref(), Some("https://adfs/wsfed"));
        assert_eq!(passive_address("<x/>"), None);
    }
}
