//! The gate before every call: which action, through which link, and may it. Policies will stand here.

use std::sync::Arc;

use callboard_apps::{Action, AuthScheme, Catalogue, LinkCredentials};
use callboard_flow::{Definition, ErrorKind, WorkflowError};
use serde_json::Value;

use crate::fold::Call;
use crate::journal::Trigger;
use crate::links::{Links, OpenLink};

/// A call that may be made.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) action: Arc<Action>,
    pub(crate) link: OpenLink,
    pub(crate) arguments: Value,
}

/// Why a call is not made now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refused {
    /// It never can be: the workflow gets the error.
    Never(WorkflowError),
    /// A link must be added or named.
    NoLink { known: String, remedy: String },
}

/// Key of `document.metadata` that says which link stands for an app: `links: {auth0: production}`.
const LINKS: &str = "links";

pub(crate) struct Gate<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) links: &'a Links,
}

impl Gate<'_> {
    /// `used` is the link of an earlier attempt of the same step; it stays with that one. `trigger` started the run.
    pub(crate) fn admit(
        &self,
        definition: &Definition,
        call: &Call,
        trigger: Option<&Trigger>,
        used: Option<&str>,
    ) -> Result<Admitted, Refused> {
        let action = self.catalogue.action(&call.function).ok_or_else(|| {
            let detail = format!("the catalogue has no action `{}` (any more)", call.function);
            Refused::Never(WorkflowError::new(ErrorKind::Configuration, detail))
        })?;
        let link = self.choose(definition, action.app(), trigger, used)?;
        Ok(Admitted { action: Arc::clone(action), link, arguments: call.arguments.clone() })
    }

    /// The link that was used before, else the one that the workflow names, else the one whose event started the run,
    /// else the app's default, else the one called like the app, else the only one there is.
    fn choose(
        &self,
        definition: &Definition,
        app: &str,
        trigger: Option<&Trigger>,
        used: Option<&str>,
    ) -> Result<OpenLink, Refused> {
        let named = definition
            .document
            .metadata
            .get(LINKS)
            .and_then(|links| links.get(app))
            .and_then(Value::as_str);
        let signer = || self.signer(app, trigger?);
        if let Some(name) = used.or(named).or_else(signer) {
            return match self.links.find(name) {
                Some(open) if open.link.app == app => Ok(open),
                _ => Err(no_link(app, format!("there is no link `{name}` to {app}"), name)),
            };
        }
        let mut all = self.links.of_app(app);
        let chosen = all.iter().position(|open| open.is_default);
        let chosen = chosen.or_else(|| all.iter().position(|open| open.link.name == app));
        if let Some(place) = chosen {
            return Ok(all.swap_remove(place));
        }
        match all.len() {
            0 => Err(no_link(app, format!("no link leads to {app}"), app)),
            1 => Ok(all.swap_remove(0)),
            _ => {
                let choices: Vec<&str> = all.iter().map(|open| open.link.name.as_str()).collect();
                let known = format!("several links lead to {app}: {}", choices.join(", "));
                let remedy = format!(
                    "choose one with `callboard link default {first}`, or name one in the workflow: `metadata: {{links: {{{app}: {first}}}}}`",
                    first = choices[0]
                );
                Err(Refused::NoLink { known, remedy })
            }
        }
    }

    /// The link that an event of this app came through: what it tells of stands there. One that only receives cannot
    /// be asked.
    fn signer<'t>(&self, app: &str, trigger: &'t Trigger) -> Option<&'t str> {
        let Trigger::Event { app: of, link: Some(name), .. } = trigger else { return None };
        if of != app {
            return None;
        }
        let needs_none =
            self.catalogue.app(app).is_some_and(|app| matches!(app.service.auth, AuthScheme::Open));
        let only_receives = self.links.find(name).is_some_and(|open| {
            !needs_none && matches!(open.link.credentials, LinkCredentials::Open)
        });
        (!only_receives).then_some(name)
    }
}

fn no_link(app: &str, known: String, name: &str) -> Refused {
    Refused::NoLink {
        known,
        remedy: format!("add it with `callboard link add {name} --app {app}`"),
    }
}
