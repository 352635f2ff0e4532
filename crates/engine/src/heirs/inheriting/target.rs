//! Where a retry begins.

use std::sync::Arc;

use callboard_flow::{Change, Definition, StepId};

use super::super::{AgainError, Earlier};
use crate::approvals::News;
use crate::fold::{Inconsistency, RunState};
use crate::journal::{Ending, Entry, Fact};
use crate::run::RunStatus;

/// The step that is done anew.
pub(in super::super) enum Target {
    /// None: the run was cancelled and goes on where it was.
    Nothing,
    /// The one whose failure was the run's.
    Failed(StepId),
    /// The one that somebody chose.
    Named(StepId),
}

impl Target {
    pub(in super::super) fn step(&self) -> Option<&StepId> {
        match self {
            Self::Nothing => None,
            Self::Failed(step) | Self::Named(step) => Some(step),
        }
    }
}

pub(in super::super) fn target(
    earlier: &Earlier,
    definition: &Arc<Definition>,
    named: Option<StepId>,
) -> Result<Target, AgainError> {
    if let Some(step) = named {
        let known = known(&earlier.entries);
        if known.contains(&step) {
            return Ok(Target::Named(step));
        }
        return Err(AgainError::NoSuchStep { run: earlier.id.clone(), step, known });
    }
    let failed = match earlier.status {
        RunStatus::Cancelled => return Ok(Target::Nothing),
        RunStatus::Faulted => fatal(earlier, definition)?,
        _ => None,
    };
    let nothing =
        || AgainError::NothingFailed { run: earlier.id.clone(), known: known(&earlier.entries) };
    failed.map(Target::Failed).ok_or_else(nothing)
}

fn known(entries: &[Entry]) -> Vec<StepId> {
    let mut steps: Vec<StepId> = Vec::new();
    for step in entries.iter().filter_map(|entry| entry.fact.step()) {
        if !steps.contains(step) {
            steps.push(step.clone());
        }
    }
    steps
}

/// The step whose failure ended the run: not one that was caught, nor one before an error of the workflow itself.
fn fatal(earlier: &Earlier, definition: &Arc<Definition>) -> Result<Option<StepId>, Inconsistency> {
    let first = earlier.entries.first();
    let mut state = RunState::begin(&earlier.id, Arc::clone(definition), first, true)?;
    for entry in earlier.entries.iter().skip(1) {
        if state.has_faulted() {
            return Ok(None);
        }
        state.absorb(entry)?;
        let followed = state.take_trace();
        if state.has_faulted() {
            let step = entry.fact.step().filter(|_| has_failed(&entry.fact));
            return Ok(step.filter(|step| is_passed_on(step, &followed)).cloned());
        }
    }
    Ok(None)
}

/// Whether nothing but the failure of a step went on, up to the run: at most as the other error that the `catch` around
/// the step made of it.
fn is_passed_on(step: &StepId, followed: &[callboard_flow::Fact]) -> bool {
    let around =
        |part: &str| step.as_str().strip_prefix(part).is_some_and(|in_it| in_it.starts_with('/'));
    followed.iter().all(|fact| match fact.change {
        Change::Faulted { .. } | Change::Cancelled => true,
        _ => fact.step.as_str().rsplit_once(":catch/").is_some_and(|(part, _)| around(part)),
    })
}

pub(super) fn has_failed(fact: &Fact) -> bool {
    match fact {
        Fact::Failed { .. } | Fact::Approval { news: News::Expired, .. } => true,
        Fact::WorkflowEnded { ending, .. } => !matches!(ending, Ending::Completed { .. }),
        _ => false,
    }
}
