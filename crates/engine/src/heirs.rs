//! Runs that go back to one that is over: again with the same input, or from a step on.
//!
//! A retry inherits what the earlier run knows for certain, entry by entry: the effects of those steps stand and are not
//! made again. What was attempted without a known outcome is found out about with the key of that attempt.

mod inheriting;

use std::sync::Arc;

use callboard_apps::Risk;
use callboard_flow::StepId;
use serde_json::Value;

use crate::engine::Engine;
use crate::fold::Inconsistency;
use crate::ids::RunId;
use crate::journal::{Entry, Fact, Heritage};
use crate::look::LookError;
use crate::raw;
use crate::requesters;
use crate::run::{Mode, RunStatus};
use crate::sealing;
use crate::start::{StartError, Started};
use crate::store::{Change, Heir, NewRun, Refusal, StoreError};
use crate::vault::VaultError;

/// A wish for a run that goes back to another.
#[derive(Debug, Clone)]
pub struct AgainRequest {
    pub run: RunId,
    pub idempotency_key: Option<String>,
    /// Who asks.
    pub by: String,
}

/// Why there is no such run.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    #[error("the run {run} is {status}; only a run that is over can be tried again")]
    StillGoing { run: RunId, status: RunStatus },
    #[error("the run {run} has no step `{step}`; it has {}", listed(.known))]
    NoSuchStep { run: RunId, step: StepId, known: Vec<StepId> },
    #[error("no step of the run {run} made it fail; name the step to go on from; it has {}", listed(.known))]
    NothingFailed { run: RunId, known: Vec<StepId> },
    #[error(
        "a retry of {run} would not know what was done in {}, which may have changed or undone what it takes as standing: name a later step, or begin the run again with `rerun`",
        listed(.steps)
    )]
    WouldForget { run: RunId, steps: Vec<StepId> },
    #[error("{heir} goes back to {run} and is still going; wait for its end, or cancel it")]
    HeirGoesOn { run: RunId, heir: RunId },
    #[error("{0}")]
    Look(#[from] LookError),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Inconsistent(#[from] Inconsistency),
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

fn listed(steps: &[StepId]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("`{step}`")).collect();
    if steps.is_empty() { "none".into() } else { steps.join(", ") }
}

/// What is known of the earlier run.
struct Earlier {
    id: RunId,
    status: RunStatus,
    hash: String,
    entries: Vec<Entry>,
}

impl Engine {
    /// Starts the workflow as it is now with the input of an earlier run. One that stands in no library runs as it did.
    pub async fn rerun(&self, request: AgainRequest) -> Result<Started, AgainError> {
        let earlier = self.earlier(&request.run).await?;
        let Some(Fact::Started { workflow, input, trigger, .. }) =
            earlier.entries.first().map(|first| &first.fact)
        else {
            return Err(Inconsistency::NoBeginning { run: request.run }.into());
        };
        let definition = match self.library().find(workflow) {
            Some(found) => Arc::clone(&found.definition),
            None => self.library().by_hash(&earlier.hash).await?,
        };
        let at = self.shared.time.now();
        let id = RunId::generate(at, &self.shared.random);
        let mut input = input.clone();
        sealing::hand_over(&self.shared.vault, &earlier.id, &id, &mut input)?;
        let mut new = self.shared.new_run_as(id.clone(), at, &definition, input, trigger.clone());
        let asked = earlier.entries.first().and_then(|first| requesters::of_first(&first.fact));
        new.set_requesters(asked.as_ref());
        let (run, root, by) = (earlier.id, id, request.by.clone());
        set_origin(&mut new, Heritage { run, root, inherited: 0, from: None, by });
        let what = ["rerun", request.run.as_str()];
        self.begin_heir(new, Vec::new(), Vec::new(), request.idempotency_key, &what).await
    }

    /// Goes on from a step of an earlier run, the one that failed unless one is named, with the definition of that run.
    pub async fn retry(
        &self,
        request: AgainRequest,
        from: Option<StepId>,
    ) -> Result<Started, AgainError> {
        let earlier = self.earlier(&request.run).await?;
        let definition = self.library().by_hash(&earlier.hash).await?;
        let target = inheriting::target(&earlier, &definition, from)?;
        let from = target.step().cloned();
        let at = self.shared.time.now();
        let id = RunId::generate(at, &self.shared.random);
        let Earlier { id: run, hash: workflow_hash, entries, .. } = earlier;
        let entries = self.sealed_for(&run, entries, &id)?;
        let first = entries.first().cloned();
        let first = first.ok_or_else(|| Inconsistency::NoBeginning { run: run.clone() })?;
        let inherited = inheriting::inherit(&id, &definition, entries, from.as_ref())?;
        let reads = |action: &str, arguments: &Value| self.reads(action, arguments);
        let steps = inheriting::taken_back_or_repeated(&inherited.left, &target, reads);
        if !steps.is_empty() {
            return Err(AgainError::WouldForget { run, steps });
        }
        let root = match &first.fact {
            Fact::Started { origin: Some(origin), .. } => origin.root.clone(),
            _ => run.clone(),
        };
        // It begins at the instant of the earlier run: what derives from it stays the same.
        let workflow = definition.document.name.clone();
        let asked = requesters::of_first(&first.fact);
        let mut new = NewRun { id, workflow, workflow_hash, mode: Mode::Live, first, at };
        new.set_requesters(asked.as_ref());
        let heritage = Heritage {
            run,
            root,
            inherited: i64::try_from(inherited.entries.len()).unwrap_or(i64::MAX),
            from: from.clone(),
            by: request.by.clone(),
        };
        set_origin(&mut new, heritage);
        let step = from.map(|step| step.to_string()).unwrap_or_default();
        let what = ["retry", request.run.as_str(), step.as_str()];
        let key = request.idempotency_key;
        self.begin_heir(new, inherited.entries, inherited.changes, key, &what).await
    }

    /// Whether an attempt changed nothing.
    fn reads(&self, action: &str, arguments: &Value) -> bool {
        let action = self.shared.catalogue.action(action);
        action.map_or_else(|| raw::shown_only_reads(arguments), |action| action.risk == Risk::Read)
    }

    async fn earlier(&self, run: &RunId) -> Result<Earlier, AgainError> {
        let store = self.shared.journal.store();
        let record = self.record(run).await?;
        if !record.status.is_final() {
            return Err(AgainError::StillGoing { run: run.clone(), status: record.status });
        }
        let entries = store.journal(run).await?;
        Ok(Earlier { id: record.id, status: record.status, hash: record.workflow_hash, entries })
    }

    /// The entries with every secret sealed for the heir.
    fn sealed_for(
        &self,
        earlier: &RunId,
        entries: Vec<Entry>,
        heir: &RunId,
    ) -> Result<Vec<Entry>, AgainError> {
        let unreadable = |error: serde_json::Error| StoreError::Inconsistent {
            table: "journal",
            id: earlier.to_string(),
            why: error.to_string(),
        };
        let handed_over = entries.into_iter().map(|entry| {
            let mut value: Value = serde_json::to_value(entry).map_err(unreadable)?;
            sealing::hand_over(&self.shared.vault, earlier, heir, &mut value)?;
            Ok(serde_json::from_value(value).map_err(unreadable)?)
        });
        handed_over.collect()
    }

    async fn begin_heir(
        &self,
        new: NewRun,
        entries: Vec<Entry>,
        more: Vec<Change>,
        key: Option<String>,
        what: &[&str],
    ) -> Result<Started, AgainError> {
        new.check()?;
        let origin = match &new.first.fact {
            Fact::Started { origin: Some(origin), .. } => origin.run.clone(),
            _ => new.id.clone(),
        };
        let key = key.map(|key| (key, crate::start::fingerprint(what, &Value::Null)));
        let (run, at) = (new.id.clone(), new.at);
        let mut creating = vec![Change::CreateHeir(Box::new(Heir { new, origin, entries }))];
        creating.extend(more);
        match self.begin_by(run, at, creating, Vec::new(), key).await {
            Err(StartError::Store(StoreError::Refused(Refusal::HeirGoesOn { run, heir }))) => {
                Err(AgainError::HeirGoesOn { run, heir })
            }
            begun => Ok(begun?),
        }
    }
}

fn set_origin(new: &mut NewRun, heritage: Heritage) {
    if let Fact::Started { origin, .. } = &mut new.first.fact {
        *origin = Some(Box::new(heritage));
    }
}
