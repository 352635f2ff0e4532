//! Runs that runs begin: found in the library, begun with the parent's entry in one transaction, reported to it at the end.

use callboard_flow::{ErrorKind, StepId, WorkflowError};

use crate::budget::Priority;
use crate::engine::Shared;
use crate::fold::{RunState, SubWorkflow};
use crate::ids::RunId;
use crate::journal::{Ending, Entry, Fact, Trigger};
use crate::lanes::Lane;
use crate::sealing;
use crate::store::{Change, NewRun, Signal};

/// A run that begins itself without end is stopped here.
const DEEPEST: u32 = 100;

/// The run that a step wants. The same for every try of the step.
pub(crate) fn begin(
    shared: &Shared,
    parent: &RunState,
    step: &StepId,
    wanted: &SubWorkflow,
) -> Result<NewRun, WorkflowError> {
    let SubWorkflow { namespace, name, version, .. } = wanted;
    let cannot = |why: String| WorkflowError::new(ErrorKind::Configuration, why);
    if parent.depth >= DEEPEST {
        return Err(cannot(format!(
            "{DEEPEST} runs stand above this one; do they begin each other?"
        )));
    }
    let definition = shared
        .library
        .version(namespace, name, version)
        .map_err(|unknown| cannot(unknown.to_string()))?;
    let at = shared.time.now();
    let id = RunId::derived(at, &format!("{}:{step}", parent.run));
    let mut input = wanted.input.clone();
    sealing::hand_over(&shared.vault, &parent.run, &id, &mut input)
        .map_err(|error| cannot(error.to_string()))?;
    let trigger = Trigger::Workflow {
        run: parent.run.clone(),
        step: step.clone(),
        awaited: wanted.awaits,
        // A run that nobody awaits stands on nobody: one that begins its successor may do so for ever.
        depth: if wanted.awaits { parent.depth + 1 } else { 0 },
        chain: parent.trigger.chain(),
    };
    let mut new = shared.new_run_as(id, at, &definition, input, trigger);
    new.hand_down(Some(parent.priority).filter(|priority| *priority != Priority::default()));
    new.set_requesters(parent.requesters.as_ref());
    let same_lane = matches!(new.lane(), Some(Lane::Turns { .. }))
        && new.lane() == parent.lane.as_ref()
        && new.workflow == parent.definition.document.name;
    if wanted.awaits && same_lane {
        return Err(cannot(
            "it would wait for its own end: both have the same concurrency key".into(),
        ));
    }
    Ok(new)
}

/// What the run that awaits this one is told, once this one has ended.
pub(crate) fn report(shared: &Shared, state: &RunState, entry: &Entry) -> Option<(RunId, Change)> {
    let (parent, step) = state.parent.clone()?;
    let ending = match &entry.fact {
        Fact::Completed { output } => {
            let mut output = output.clone();
            match sealing::hand_over(&shared.vault, &state.run, &parent, &mut output) {
                Ok(()) => Ending::Completed { output },
                Err(error) => {
                    let error = WorkflowError::new(ErrorKind::Runtime, error.to_string());
                    Ending::Faulted { error }
                }
            }
        }
        Fact::Faulted { error } => Ending::Faulted { error: error.clone() },
        Fact::Cancelled { by, .. } => Ending::Cancelled { by: by.clone() },
        _ => return None,
    };
    let signal = Signal::WorkflowEnded { step, run: state.run.clone(), ending };
    Some((parent.clone(), Change::Tell { run: parent, signal, at: entry.at }))
}
