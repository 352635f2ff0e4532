//! Secrets of a link by name: what an app wants, and how they are kept inside the seal.

use std::collections::BTreeMap;

use callboard_apps::{App, AuthScheme, LinkCredentials};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::LinkError;

/// A secret that a link may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretName {
    pub name: &'static str,
    /// A short phrase for whoever is asked for it.
    pub title: &'static str,
}

const CLIENT_ID: &str = "client_id";
const CLIENT_SECRET: &str = "client_secret";
const TOKEN: &str = "token";
const SECRET: &str = "secret";
const WEBHOOK_SECRET: &str = "webhook_secret";

/// What stands inside the seal.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    credentials: KeptCredentials,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook_secret: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum KeptCredentials {
    Open,
    Secret { secret: String },
    ClientCredentials { client_id: String, client_secret: String },
}

pub(super) fn names(app: &App) -> Vec<SecretName> {
    let mut names = match app.service.auth {
        AuthScheme::Auth0 => vec![
            SecretName { name: CLIENT_ID, title: "client id of a machine-to-machine application" },
            SecretName { name: CLIENT_SECRET, title: "its client secret" },
            SecretName { name: TOKEN, title: "or a Management API token instead of both" },
        ],
        AuthScheme::Open => Vec::new(),
        _ => vec![SecretName { name: SECRET, title: "token, key or password" }],
    };
    if app.triggers.iter().any(|trigger| trigger.needs_secret()) {
        names.push(SecretName { name: WEBHOOK_SECRET, title: "secret that signs its webhooks" });
    }
    names
}

pub(super) fn from_secrets(
    app: &App,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<(LinkCredentials, Option<SecretString>), LinkError> {
    let known = names(app);
    let wrong = |wrong: String| {
        let known: Vec<String> =
            known.iter().map(|secret| format!("`{}` ({})", secret.name, secret.title)).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        LinkError::Secrets { app: app.name.clone(), wrong, known }
    };
    if let Some(unknown) =
        secrets.keys().find(|name| !known.iter().any(|secret| secret.name == name.as_str()))
    {
        return Err(wrong(format!("has no secret `{unknown}`")));
    }
    let get =
        |name: &str| secrets.get(name).filter(|secret| !secret.expose_secret().is_empty()).cloned();
    let credentials =
        match (&app.service.auth, get(CLIENT_ID), get(CLIENT_SECRET), get(TOKEN), get(SECRET)) {
            (AuthScheme::Open, ..) => LinkCredentials::Open,
            (AuthScheme::Auth0, Some(client_id), Some(client_secret), None, _) => {
                LinkCredentials::ClientCredentials {
                    client_id: client_id.expose_secret().into(),
                    client_secret,
                }
            }
            (AuthScheme::Auth0, None, None, Some(token), _) => LinkCredentials::Secret(token),
            (AuthScheme::Auth0, ..) => {
                return Err(wrong("needs both halves of a client, or else a token".into()));
            }
            (_, _, _, _, Some(secret)) => LinkCredentials::Secret(secret),
            // A link that only receives webhooks sends nothing.
            _ if secrets.contains_key(WEBHOOK_SECRET) => LinkCredentials::Open,
            _ => return Err(wrong(format!("needs `{SECRET}`"))),
        };
    Ok((credentials, get(WEBHOOK_SECRET)))
}

/// Names of what a link holds.
pub(super) fn held(
    credentials: &LinkCredentials,
    webhook_secret: Option<&SecretString>,
) -> Vec<String> {
    let mut held = match credentials {
        LinkCredentials::Open => Vec::new(),
        LinkCredentials::Secret(_) => vec![SECRET.to_owned()],
        LinkCredentials::ClientCredentials { .. } => {
            vec![CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned()]
        }
    };
    held.extend(webhook_secret.map(|_| WEBHOOK_SECRET.to_owned()));
    held
}

pub(super) fn to_text(
    credentials: &LinkCredentials,
    webhook_secret: Option<&SecretString>,
) -> String {
    let expose = |secret: &SecretString| secret.expose_secret().to_owned();
    let credentials = match credentials {
        LinkCredentials::Open => KeptCredentials::Open,
        LinkCredentials::Secret(secret) => KeptCredentials::Secret { secret: expose(secret) },
        LinkCredentials::ClientCredentials { client_id, client_secret } => {
            KeptCredentials::ClientCredentials {
                client_id: client_id.clone(),
                client_secret: expose(client_secret),
            }
        }
    };
    let kept = Kept { credentials, webhook_secret: webhook_secret.map(expose) };
    serde_json::to_string(&kept).expect("texts become JSON")
}

/// The error never quotes what stands inside.
pub(super) fn from_text(
    text: &SecretString,
) -> Result<(LinkCredentials, Option<SecretString>), String> {
    let unreadable = |_| "what stands inside the seal is not a link's credentials".to_owned();
    let kept: Kept = serde_json::from_str(text.expose_secret()).map_err(unreadable)?;
    let credentials = match kept.credentials {
        KeptCredentials::Open => LinkCredentials::Open,
        KeptCredentials::Secret { secret } => LinkCredentials::Secret(secret.into()),
        KeptCredentials::ClientCredentials { client_id, client_secret } => {
            LinkCredentials::ClientCredentials { client_id, client_secret: client_secret.into() }
        }
    };
    Ok((credentials, kept.webhook_secret.map(Into::into)))
}
