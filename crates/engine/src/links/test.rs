//! Testing a link: who it is, until when, what it may, and what enabled workflows need beyond that.

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard_apps::{Action, Failed, Failure};
use callboard_flow::Definition;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{LinkDraft, LinkError, LinkSummary};
use crate::engine::Engine;
use crate::fold::Call;
use crate::gate::Gate;
use crate::library;

/// What testing a link found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    pub name: String,
    pub app: String,
    pub works: bool,
    /// Who the service takes us for.
    pub who: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub granted: Vec<String>,
    /// Scopes that enabled workflows need through this link and that it lacks, with the workflows.
    pub lacking: Vec<Lacking>,
    /// Why it does not work, and what would help.
    pub problem: Option<String>,
    pub remedy: Option<String>,
}

/// An operation that would be refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lacking {
    pub workflow: String,
    pub action: String,
    /// As the service names them: any one of these alternatives would do.
    pub scopes: String,
}

impl Engine {
    pub fn links(&self) -> &super::Links {
        &self.shared.links
    }

    /// Adds the link or replaces the one of its name. Runs that wait for its app try again at once.
    pub async fn put_link(&self, draft: LinkDraft) -> Result<LinkSummary, LinkError> {
        let link = self.shared.links.put(draft).await?;
        self.shared.wake.notify_one();
        self.shared.feeds.notify_one();
        Ok(link)
    }

    /// From now on this link stands for its app where several do and nothing names one.
    pub async fn make_default_link(&self, name: &str) -> Result<LinkSummary, LinkError> {
        let link = self.shared.links.make_default(name).await?;
        self.shared.wake.notify_one();
        Ok(link)
    }

    /// Makes the app's harmless call through the link.
    pub async fn test_link(&self, name: &str) -> Result<LinkReport, LinkError> {
        let open = self
            .shared
            .links
            .find(name)
            .ok_or_else(|| LinkError::NotFound { name: name.into() })?;
        let link = &open.link;
        let app = self.catalogue().app(&link.app);
        let app = app.ok_or_else(|| LinkError::UnknownApp {
            app: link.app.clone(),
            known: "others".into(),
        })?;
        let mut report = LinkReport {
            name: link.name.clone(),
            app: link.app.clone(),
            works: false,
            who: None,
            expires_at: None,
            granted: Vec::new(),
            lacking: Vec::new(),
            problem: None,
            remedy: None,
        };
        match self.shared.performer.test(app, link).await {
            Ok(tested) => {
                report.works = true;
                report.who = Some(tested.who);
                report.expires_at = tested.expires_at;
                // An opaque token tells neither its scopes nor its end.
                if !tested.scopes.is_empty() || tested.expires_at.is_some() {
                    report.lacking = self.lacking(name, &tested.scopes);
                }
                report.granted = tested.scopes;
            }
            Err(Failed { failure: Failure::Credentials { why, remedy }, .. }) => {
                (report.problem, report.remedy) = (Some(why), Some(remedy));
            }
            Err(failed) => {
                report.problem = Some(failed.failure.to_string());
                report.remedy = Some(format!("check the address {} and try again", link.base_url));
            }
        }
        Ok(report)
    }

    fn lacking(&self, link: &str, granted: &[String]) -> Vec<Lacking> {
        let mut lacking = BTreeSet::new();
        for workflow in self.library().list() {
            for action in self.actions_of(&workflow.definition, link) {
                let refused = action.operations().into_iter().filter(|operation| {
                    !operation
                        .permits(&|scope: &str| granted.iter().any(|granted| granted == scope))
                });
                lacking.extend(refused.map(|operation| Lacking {
                    workflow: workflow.definition.document.name.clone(),
                    action: action.id.clone(),
                    scopes: operation.expected_scopes(),
                }));
            }
        }
        lacking.into_iter().collect()
    }

    /// Actions that the workflow calls through this link.
    fn actions_of(&self, definition: &Definition, link: &str) -> Vec<Arc<Action>> {
        let gate = Gate { catalogue: self.catalogue(), links: &self.shared.links };
        let calls = library::calls(definition)
            .into_iter()
            .map(|function| Call { function, arguments: Value::Null });
        let admitted = calls.filter_map(|call| gate.admit(definition, &call, None, None).ok());
        admitted
            .filter(|admitted| admitted.link.link.name == link)
            .map(|admitted| admitted.action)
            .collect()
    }
}
