//! One app of the catalogue: who it is, how it is spoken to, what it can do and what it announces.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use crate::action::Action;
use crate::executor::request::Request;
use crate::manifest::sandbox::Sandbox;
use crate::rates::Limits;
use crate::schema::Schema;
use crate::template::Template;
use crate::trigger::Trigger;

/// An app as its manifest declares it.
#[derive(Debug, Clone)]
pub struct App {
    /// `slack`; the first part of its actions' ids.
    pub name: String,
    pub title: String,
    pub summary: String,
    /// What a link to this app must be told besides its credentials.
    pub settings: Schema,
    /// What personal data flows to this app and where it stays, in words for the register.
    pub personal_data: String,
    pub service: Arc<Service>,
    pub actions: Vec<Arc<Action>>,
    pub triggers: Vec<Arc<Trigger>>,
    /// How the local stand-in plays this app.
    pub sandbox: Option<Arc<Sandbox>>,
    pub(crate) health: Option<Health>,
}

/// The harmless call that tells whether a link works, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    pub(crate) request: Request,
    pub(crate) who: Template,
}

/// How the app is spoken to: the same for all its actions.
#[derive(Debug, Clone)]
pub struct Service {
    pub app: String,
    pub title: String,
    pub auth: AuthScheme,
    /// Where to get a new credential, as one sentence for the person whose link stopped working.
    pub remedy: String,
    pub(crate) base_url: String,
    pub(crate) errors: Errors,
    pub(crate) rate_limit: RateLimit,
    pub(crate) redact: Redact,
}

/// How a link's secret is sent. `{secret}` and `{name of a setting}` are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthScheme {
    /// Tokens of an Auth0 tenant, fetched and renewed by `callboard_auth0`.
    Auth0,
    /// `Authorization: Bearer {secret}`.
    Bearer,
    /// HTTP Basic.
    Basic { username: String, password: String },
    /// Any header.
    Header { name: String, value: String },
    /// The app asks for nothing.
    Open,
}

/// How this app says "no". Expressions see `{status, headers, body}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Errors {
    /// The status it means, where that is not the one it sends.
    pub(crate) status: Option<Template>,
    /// A short sentence for a person.
    pub(crate) title: Option<Template>,
}

/// Headers that tell when to come back.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateLimit {
    /// Seconds or an HTTP date.
    pub(crate) retry_after: Option<String>,
    pub(crate) reset: Option<Reset>,
    /// Assumed when a limited answer does not say.
    pub(crate) pause_seconds: Option<u32>,
    /// Headers of every answer: how many calls a bucket holds, and how many are left.
    pub(crate) limit: Option<String>,
    pub(crate) remaining: Option<String>,
    /// By bucket, where no answer tells.
    pub(crate) declared: BTreeMap<String, Limits>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reset {
    pub(crate) header: String,
    pub(crate) unit: ResetUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResetUnit {
    /// Seconds since 1970.
    EpochSeconds,
    /// Seconds from now.
    Seconds,
}

/// Names of fields, at any depth of a request or an answer, that history must not show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redact {
    pub(crate) secret: Vec<String>,
    pub(crate) personal: Vec<String>,
}

/// Why an app has no address for these settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBaseUrl {
    #[error("the address of {app} needs the setting `{setting}`")]
    MissingSetting { app: String, setting: String },
    #[error("`{url}` is not the address of a server")]
    Invalid { url: String },
}

impl App {
    /// The address of the service for a link with these settings.
    pub fn base_url(&self, settings: &Map<String, Value>) -> Result<Url, NoBaseUrl> {
        let filled =
            fill(&self.service.base_url, &|name| setting(settings, name)).map_err(|setting| {
                NoBaseUrl::MissingSetting { app: self.service.title.clone(), setting }
            })?;
        Url::parse(&filled).map_err(|_| NoBaseUrl::Invalid { url: filled })
    }

    pub fn action(&self, id: &str) -> Option<&Arc<Action>> {
        self.actions.iter().find(|action| action.id == id)
    }

    pub fn trigger(&self, name: &str) -> Option<&Arc<Trigger>> {
        self.triggers.iter().find(|trigger| trigger.name == name)
    }
}

/// A setting as text, if it has one.
pub(crate) fn setting(settings: &Map<String, Value>, name: &str) -> Option<String> {
    match settings.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Fills `{name}` placeholders; fails with the name that has no value.
pub(crate) fn fill(pattern: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&find(name).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}
