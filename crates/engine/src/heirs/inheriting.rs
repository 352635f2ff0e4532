//! Which entries of a run another one inherits. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard_flow::{Definition, StepId};

use super::{AgainError, Earlier};
use crate::approvals::News;
use crate::fold::{Inconsistency, RunState};
use crate::ids::RunId;
use crate::journal::{Ending, Entry, Fact};
use crate::run::{RunStatus, Verdict};
use crate::store::Change;

/// What a run begins with beside its first entry.
pub(super) struct Inherited {
    pub(super) entries: Vec<Entry>,
    /// Subscriptions of steps that listen on.
    pub(super) changes: Vec<Change>,
}

/// The step that is done anew. A run that was cancelled goes on where it was.
pub(super) fn target(
    earlier: &Earlier,
    named: Option<StepId>,
) -> Result<Option<StepId>, AgainError> {
    let known = || {
        let mut steps: Vec<StepId> = Vec::new();
        for step in earlier.entries.iter().filter_map(|entry| entry.fact.step()) {
            if !steps.contains(step) {
                steps.push(step.clone());
            }
        }
        steps
    };
    if let Some(step) = named {
        let known = known();
        if known.contains(&step) {
            return Ok(Some(step));
        }
        return Err(AgainError::NoSuchStep { run: earlier.id.clone(), step, known });
    }
    if earlier.status == RunStatus::Cancelled {
        return Ok(None);
    }
    let failed = earlier.entries.iter().rev().find(|entry| has_failed(&entry.fact));
    let failed = failed.filter(|_| earlier.status == RunStatus::Faulted);
    match failed.and_then(|entry| entry.fact.step()) {
        Some(step) => Ok(Some(step.clone())),
        None => Err(AgainError::NothingFailed { run: earlier.id.clone(), known: known() }),
    }
}

fn has_failed(fact: &Fact) -> bool {
    match fact {
        Fact::Failed { .. } | Fact::Approval { news: News::Expired, .. } => true,
        Fact::WorkflowEnded { ending, .. } => !matches!(ending, Ending::Completed { .. }),
        _ => false,
    }
}

/// Every entry that does not follow from what is done anew.
pub(super) fn inherit(
    heir: &RunId,
    definition: &Arc<Definition>,
    entries: &[Entry],
    anew: Option<&StepId>,
) -> Result<Inherited, Inconsistency> {
    let no_beginning = || Inconsistency::NoBeginning { run: heir.clone() };
    let (first, rest) = entries.split_first().ok_or_else(no_beginning)?;
    let mut state = RunState::begin(heir, Arc::clone(definition), Some(first), false)?;
    let mut certain = certain(rest);
    if let Some(step) = anew {
        certain.remove(step);
    }
    let mut inherited = Vec::new();
    for entry in rest {
        let Some(step) = entry.fact.step() else { continue };
        if certain.contains(step) && state.find(step).is_some() {
            state.absorb(entry)?;
            inherited.push(entry.clone());
        }
    }
    let listening = state.listening().map(|(step, subscriptions)| Change::Subscribe {
        run: heir.clone(),
        step: step.clone(),
        subscriptions: subscriptions.to_vec(),
    });
    Ok(Inherited { entries: inherited, changes: listening.collect() })
}

/// Steps that have an outcome, or that were attempted: those must be found out about rather than done again. A timer, a
/// question or a run that was still waited for begins anew.
fn certain(entries: &[Entry]) -> BTreeSet<StepId> {
    let mut certain = BTreeSet::new();
    for entry in entries {
        let counts = match &entry.fact {
            Fact::Attempted { .. }
            | Fact::Succeeded { .. }
            | Fact::Failed { .. }
            | Fact::TimerFired { .. }
            | Fact::Emitted { .. }
            | Fact::Received { .. }
            | Fact::WorkflowEnded { .. } => true,
            Fact::Resolved { verdict, .. } => *verdict == Verdict::Happened,
            Fact::Approval { news, .. } => matches!(news, News::Expired),
            _ => false,
        };
        if let Some(step) = entry.fact.step().filter(|_| counts) {
            certain.insert(step.clone());
        }
    }
    certain.extend(decided(entries));
    certain
}

/// Questions whose answer ended them.
fn decided(entries: &[Entry]) -> BTreeSet<StepId> {
    let mut open: std::collections::BTreeMap<&StepId, (u32, u32)> =
        std::collections::BTreeMap::new();
    let mut decided = BTreeSet::new();
    for entry in entries {
        let Fact::Approval { step, news, .. } = &entry.fact else { continue };
        match news {
            News::Asked(question) => {
                open.insert(step, (question.count, 0));
            }
            News::Answered { approve, .. } => {
                let Some((needed, given)) = open.get_mut(step) else { continue };
                *given += 1;
                if !approve || given >= needed {
                    decided.insert(step.clone());
                }
            }
            News::Reminded | News::Expired | News::Stale { .. } => {}
        }
    }
    decided
}
