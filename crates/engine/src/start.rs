//! Starting a run: by name, or a definition of the moment. One key starts one run.

use std::sync::Arc;

use callboard_flow::Definition;
use callboard_flow::profile::Concurrency;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::budget::Priority;
use crate::engine::{Engine, Shared};
use crate::ids::RunId;
use crate::journal::{Entry, Fact, Trigger};
use crate::lanes::Lane;
use crate::library::{Source, Workflow};
use crate::nearest::nearest;
use crate::run::Mode;
use crate::store::{Change, NewRun, Refusal, StartKey, StoreError, WorkflowRecord};

/// A wish for a run of a workflow of the library.
#[derive(Debug, Clone)]
pub struct StartRequest {
    pub workflow: String,
    pub input: Value,
    pub idempotency_key: Option<String>,
    /// As urgent as this, or as the workflow says if that is more urgent.
    pub priority: Option<Priority>,
    /// Who asks.
    pub by: String,
}

/// A run that was started, now or by an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub run: RunId,
    pub earlier: bool,
}

/// Why no run was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("there is no workflow `{name}`{}", suggestion(.nearest.as_deref()))]
    UnknownWorkflow { name: String, nearest: Option<String> },
    #[error("there is no action `{name}`{}", suggestion(.nearest.as_deref()))]
    UnknownAction { name: String, nearest: Option<String> },
    #[error("the arguments do not fit `{action}`: {why}")]
    InvalidArguments { action: String, why: String },
    #[error(
        "the idempotency key `{key}` belongs to {run}, which was asked for something else; use another key"
    )]
    KeyUsedDifferently { key: String, run: RunId },
    #[error("the idempotency key must be 1 to 255 characters")]
    InvalidKey,
    #[error("no run begins without a concurrency key: {why}")]
    NoConcurrencyKey { why: String },
    #[error("{0}")]
    Definition(#[from] callboard_flow::Problems),
    #[error("{0}")]
    Store(#[from] StoreError),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

const LONGEST_KEY: usize = 255;

impl Engine {
    /// Starts the current version of a workflow. It is durable when this answers.
    pub async fn start_run(&self, request: StartRequest) -> Result<Started, StartError> {
        let StartRequest { workflow: name, input, idempotency_key, priority, by } = request;
        let workflow = self.workflow(&name)?;
        let mut asked = vec!["workflow", &name];
        asked.extend(priority.map(Priority::name));
        let fingerprint = fingerprint(&asked, &input);
        let key = idempotency_key.map(|key| (key, fingerprint));
        let mut new = self.new_run(&workflow.definition, input, Trigger::Request { by });
        new.hand_down(priority);
        self.begin(new, Vec::new(), key).await
    }

    /// The current version of a workflow.
    pub fn workflow(&self, name: &str) -> Result<Arc<Workflow>, StartError> {
        self.library().find(name).ok_or_else(|| self.unknown_workflow(name))
    }

    /// Starts a definition that stands in no library. It is kept with the run.
    pub async fn start_definition(
        &self,
        source: Source,
        input: Value,
        by: &str,
    ) -> Result<Started, StartError> {
        let definition = self.library().check(&source)?;
        let keep = self.keep(&definition, source);
        self.start(&definition, vec![keep], input, Trigger::Request { by: by.into() }, None).await
    }

    pub(crate) fn keep(&self, definition: &Arc<Definition>, source: Source) -> Change {
        self.library().remember(definition);
        Change::KeepWorkflow(WorkflowRecord {
            hash: definition.hash.clone(),
            name: definition.document.name.clone(),
            version: definition.document.version.clone(),
            source_name: source.file,
            text: source.text,
            at: self.shared.time.now(),
        })
    }

    pub(crate) async fn start(
        &self,
        definition: &Definition,
        changes: Vec<Change>,
        input: Value,
        trigger: Trigger,
        key: Option<(String, String)>,
    ) -> Result<Started, StartError> {
        self.begin(self.new_run(definition, input, trigger), changes, key).await
    }

    pub(crate) async fn begin(
        &self,
        new: NewRun,
        changes: Vec<Change>,
        key: Option<(String, String)>,
    ) -> Result<Started, StartError> {
        new.check()?;
        let (run, at) = (new.id.clone(), new.at);
        let creating = vec![Change::CreateRun(Box::new(new))];
        self.begin_by(run, at, creating, changes, key).await
    }

    /// Begins a run by these changes, once for a key. Others come before.
    pub(crate) async fn begin_by(
        &self,
        run: RunId,
        at: Timestamp,
        creating: Vec<Change>,
        mut changes: Vec<Change>,
        key: Option<(String, String)>,
    ) -> Result<Started, StartError> {
        if let Some((key, fingerprint)) = &key {
            if key.is_empty() || key.chars().count() > LONGEST_KEY {
                return Err(StartError::InvalidKey);
            }
            let (key, fingerprint, run) = (key.clone(), fingerprint.clone(), run.clone());
            changes.push(Change::TakeStartKey(StartKey { key, fingerprint, run, at }));
        }
        changes.extend(creating);
        match self.shared.journal.commit(changes).await {
            Ok(()) => {
                self.shared.wake.notify_one();
                Ok(Started { run, earlier: false })
            }
            Err(StoreError::Refused(Refusal::StartKeyTaken {
                key: taken,
                fingerprint: first,
                run,
            })) => {
                if key.is_some_and(|(_, fingerprint)| fingerprint == first) {
                    Ok(Started { run, earlier: true })
                } else {
                    Err(StartError::KeyUsedDifferently { key: taken, run })
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn new_run(
        &self,
        definition: &Definition,
        input: Value,
        trigger: Trigger,
    ) -> NewRun {
        self.shared.new_run(definition, input, trigger)
    }

    fn unknown_workflow(&self, name: &str) -> StartError {
        let workflows = self.library().list();
        let names = workflows.iter().map(|workflow| workflow.definition.document.name.as_str());
        let nearest = nearest(name, names);
        StartError::UnknownWorkflow { name: name.into(), nearest }
    }
}

impl NewRun {
    /// Says how urgent what begins it is.
    pub(crate) fn hand_down(&mut self, urgency: Option<Priority>) {
        if let Fact::Started { priority, .. } = &mut self.first.fact {
            *priority = urgency;
        }
    }
}

impl Shared {
    pub(crate) fn new_run(
        &self,
        definition: &Definition,
        input: Value,
        trigger: Trigger,
    ) -> NewRun {
        let at = self.time.now();
        self.new_run_as(RunId::generate(at, &self.random), at, definition, input, trigger)
    }

    pub(crate) fn new_run_as(
        &self,
        id: RunId,
        at: Timestamp,
        definition: &Definition,
        input: Value,
        trigger: Trigger,
    ) -> NewRun {
        let (workflow, hash) = (definition.document.name.clone(), definition.hash.clone());
        let fact = Fact::Started {
            workflow: workflow.clone(),
            hash: hash.clone(),
            lane: Lane::of(Concurrency::of(definition).as_ref(), &input),
            input,
            trigger,
            mode: Mode::Live,
            secrets: self.secrets.for_run(&definition.secrets, &id),
            requesters: None,
            origin: None,
            priority: None,
        };
        NewRun {
            id,
            workflow,
            workflow_hash: hash,
            mode: Mode::Live,
            first: Entry { at, fact },
            at,
        }
    }
}

impl NewRun {
    /// Whoever asks for a run is told at once that its input gives no concurrency key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        match self.lane() {
            Some(Lane::Failed { why }) => Err(StartError::NoConcurrencyKey { why: why.clone() }),
            _ => Ok(()),
        }
    }
}

/// The same for the same wish, whatever the order of the input's keys.
pub(crate) fn fingerprint(what: &[&str], input: &Value) -> String {
    let mut hash = Sha256::new();
    for part in what {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(canonical(input).as_bytes());
    hex::encode(hash.finalize())
}

pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}
