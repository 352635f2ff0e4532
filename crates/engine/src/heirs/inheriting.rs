//! Which entries of a run another one inherits. Pure.

mod certain;
mod left;
mod target;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use callboard_flow::{Definition, StepId};

use crate::fold::{Inconsistency, RunState, Wish};
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::store::Change;

pub(super) use left::{Left, taken_back_or_repeated};
pub(super) use target::target;

/// What a run begins with beside its first entry.
pub(super) struct Inherited {
    pub(super) entries: Vec<Entry>,
    /// Subscriptions of steps that listen on.
    pub(super) changes: Vec<Change>,
    /// What the earlier run knows and this one does not.
    pub(super) left: Left,
}

/// Every entry that does not follow from what is done anew, in an order in which they follow from each other.
pub(super) fn inherit(
    heir: &RunId,
    definition: &Arc<Definition>,
    entries: Vec<Entry>,
    anew: Option<&StepId>,
) -> Result<Inherited, Inconsistency> {
    let state = RunState::begin(heir, Arc::clone(definition), entries.first(), false)?;
    let mut certain = certain::certain(&entries);
    if let Some(step) = anew {
        certain.remove(step);
    }
    let mut walk = Walk { state, certain, inherited: Vec::new(), later: BTreeMap::new() };
    let mut done_anew = Vec::new();
    for (place, entry) in entries.into_iter().enumerate().skip(1) {
        match entry.fact.step() {
            Some(step) if Some(step) == anew => done_anew.push((place, entry)),
            Some(step) if walk.concerns(step, &entry) => walk.take(step.clone(), place, entry)?,
            _ => {}
        }
    }
    let listening = walk.state.listening().map(|(step, subscriptions)| Change::Subscribe {
        run: heir.clone(),
        step: step.clone(),
        subscriptions: subscriptions.to_vec(),
    });
    let changes = listening.collect();
    Ok(Inherited { entries: walk.inherited, changes, left: Left { done_anew, later: walk.later } })
}

/// Entries of a step with their places in the earlier journal.
type Places = VecDeque<(usize, Entry)>;

struct Walk {
    state: RunState,
    certain: BTreeSet<StepId>,
    inherited: Vec<Entry>,
    /// Of steps that the heir does not want yet: it may have begun the items of a loop in another order.
    later: BTreeMap<StepId, Places>,
}

impl Walk {
    /// A run that began counts where nobody awaits it, which only the state can tell.
    fn concerns(&self, step: &StepId, entry: &Entry) -> bool {
        self.certain.contains(step) || matches!(entry.fact, Fact::WorkflowStarted { .. })
    }

    fn take(&mut self, step: StepId, place: usize, entry: Entry) -> Result<(), Inconsistency> {
        if self.state.find(&step).is_none() {
            self.later.entry(step).or_default().push_back((place, entry));
            return Ok(());
        }
        self.absorb(&step, entry)?;
        while !self.later.is_empty() {
            let wanted = self.state.steps().find(|step| self.later.contains_key(*step)).cloned();
            let Some(step) = wanted else { break };
            let mut entries = self.later.remove(&step).unwrap_or_default();
            while let Some((place, entry)) = entries.pop_front() {
                if self.state.find(&step).is_none() {
                    entries.push_front((place, entry));
                    self.later.insert(step, entries);
                    break;
                }
                self.absorb(&step, entry)?;
            }
        }
        Ok(())
    }

    fn absorb(&mut self, step: &StepId, entry: Entry) -> Result<(), Inconsistency> {
        let awaits = |wish: &Wish| matches!(wish, Wish::Workflow(wanted) if wanted.awaits);
        let begins_anew = !self.certain.contains(step)
            && self.state.find(step).is_some_and(|pending| awaits(&pending.wish));
        if !begins_anew {
            self.state.absorb(&entry)?;
            self.inherited.push(entry);
        }
        Ok(())
    }
}
