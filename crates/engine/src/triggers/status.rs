//! Triggers as people look at them: where events come in, how far they were read, and what was lost.

use callboard_apps::{Catalogue, Feed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::conditions::sentence;
use super::feeds::reads_by_itself;
use super::place::{Gap, Kept, Trouble, key_of, scope_of, word};
use super::wants::{Wants, filters_of, takes_everything};
use crate::engine::Engine;
use crate::library::Workflow;
use crate::store::StoreError;

/// Everything that starts runs but a schedule or a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triggers {
    pub triggers: Vec<TriggerStatus>,
    /// Workflows that begin with several events.
    pub conditions: Vec<ConditionStatus>,
}

/// A trigger of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerStatus {
    pub app: String,
    pub trigger: String,
    pub title: String,
    /// Where the app sends its webhook.
    pub webhook: String,
    /// Links that hold the secret which its webhooks are signed with.
    pub signed_by: Vec<String>,
    /// Workflows that its events may start.
    pub starts: Vec<String>,
    /// When an event came last, by whichever way.
    pub last_event_at: Option<Timestamp>,
    /// What is read without a webhook.
    pub feeds: Vec<FeedStatus>,
}

/// A feed of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// `log` or `events`.
    pub kind: String,
    pub tenant: String,
    pub links: Vec<String>,
    /// Somebody wants its events, and it may be read.
    pub wanted: bool,
    pub position: Option<String>,
    /// When what stands there happened.
    pub position_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    /// How long ago it was read.
    pub lag_seconds: Option<i64>,
    pub last_event_at: Option<Timestamp>,
    /// How many events somebody wanted.
    pub events: u64,
    pub gap: Option<Gap>,
    pub trouble: Option<Trouble>,
}

/// A workflow that begins with several events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionStatus {
    pub workflow: String,
    pub says: String,
    /// For so many keys events are gathered now.
    pub keys: i64,
    pub last_run: Option<String>,
}

impl Engine {
    /// All triggers, by app and name.
    pub async fn triggers(&self) -> Result<Triggers, StoreError> {
        let store = self.shared.journal.store();
        let kept = Kept::all(store).await?;
        let catalogue: &Catalogue = self.catalogue();
        let mut triggers = Vec::new();
        for trigger in catalogue.apps().flat_map(|app| &app.triggers) {
            let workflows = self.library().list();
            let starts = |workflow: &Workflow| {
                trigger.event_types.iter().any(|kind| may_start(workflow, kind))
            };
            let starts = workflows.iter().filter(|workflow| starts(workflow));
            let links = self.shared.links.of_app(&trigger.app);
            let mut status = TriggerStatus {
                app: trigger.app.clone(),
                trigger: trigger.name.clone(),
                title: trigger.title.clone(),
                webhook: format!("/v1/hooks/{}/{}", trigger.app, trigger.name),
                signed_by: links
                    .iter()
                    .filter(|open| open.webhook_secret.is_some())
                    .map(|open| open.link.name.clone())
                    .collect(),
                starts: starts.map(|found| found.definition.document.name.clone()).collect(),
                last_event_at: store.last_event_at(&trigger.app, &trigger.name).await?,
                feeds: Vec::new(),
            };
            if let Some(feed) = trigger.feed {
                let wanted = Wants::of(&self.shared, trigger).await?.any_of(trigger);
                for open in &links {
                    self.add_feed(&mut status, feed, &open.link, wanted, &kept);
                }
            }
            triggers.push(status);
        }
        let mut conditions = Vec::new();
        for workflow in self.library().list() {
            let Some(says) = sentence(&workflow.definition) else { continue };
            let workflow = workflow.definition.document.name.clone();
            let (keys, last_run) = store.gathering(&workflow).await?;
            conditions.push(ConditionStatus { workflow, says, keys, last_run });
        }
        Ok(Triggers { triggers, conditions })
    }

    fn add_feed(
        &self,
        status: &mut TriggerStatus,
        feed: Feed,
        link: &callboard_apps::Link,
        wanted: bool,
        kept: &[Kept],
    ) {
        let tenant = scope_of(link);
        if let Some(known) = status.feeds.iter_mut().find(|known| known.tenant == tenant) {
            known.links.push(link.name.clone());
            known.wanted |= wanted && reads_by_itself(link);
            return;
        }
        let key = key_of(feed, link);
        let place = kept.iter().find(|kept| kept.key == key).map(|kept| kept.place.clone());
        let place = place.unwrap_or_default();
        let now = self.shared.time.now();
        status.feeds.push(FeedStatus {
            kind: word(feed).to_owned(),
            tenant,
            links: vec![link.name.clone()],
            wanted: wanted && reads_by_itself(link),
            position: place.position,
            position_at: place.position_at,
            lag_seconds: place.read_at.map(|read_at| now.duration_since(read_at).as_secs()),
            read_at: place.read_at,
            last_event_at: place.last_event_at,
            events: place.events,
            gap: place.gap,
            trouble: place.trouble,
        });
    }
}

fn may_start(workflow: &Workflow, event_type: &str) -> bool {
    let on = workflow.definition.schedule.as_ref().and_then(|schedule| schedule.on.as_ref());
    on.is_some_and(|on| {
        takes_everything(on) || filters_of(on).iter().any(|filter| filter.admits_type(event_type))
    })
}
