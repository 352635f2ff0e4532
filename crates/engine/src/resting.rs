//! States of runs that rest, for when they go on soon: a long journal is not folded again at every wait.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fold::RunState;
use crate::store::ClaimedRun;

/// So many are kept; the oldest makes room.
const MOST: usize = 32;
/// A shorter journal is folded again at once.
const LONG: i64 = 64;

#[derive(Default)]
pub(crate) struct Resting {
    kept: Mutex<VecDeque<(i64, RunState)>>,
}

impl Resting {
    /// Keeps the state in which the owner with this epoch let go of a run.
    pub(crate) fn keep(&self, epoch: i64, state: RunState) {
        if state.is_over() || state.next_seq() <= LONG {
            return;
        }
        let mut kept = self.kept();
        kept.retain(|(_, other)| other.run != state.run);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((epoch, state));
    }

    /// The state of a run that was claimed, if nobody owned it in between: only an owner writes to its journal.
    pub(crate) fn take(&self, claimed: &ClaimedRun) -> Option<RunState> {
        let mut kept = self.kept();
        let place = kept.iter().position(|(_, state)| state.run == claimed.id)?;
        let (epoch, state) = kept.remove(place)?;
        (epoch + 1 == claimed.epoch).then_some(state)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(i64, RunState)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use callboard_flow::{StepId, parse};
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Map, json};

    use super::*;
    use crate::ids::RunId;
    use crate::journal::{Entry, Fact, Trigger};
    use crate::run::Mode;

    /// A run that has waited so often.
    fn rested(run: &RunId, times: usize) -> RunState {
        let text = "document: {dsl: 1.0.3, namespace: t, name: t, version: 1.0.0}\n\
                    do: [{all: {for: {in: '[range(500)]'}, do: [{nap: {wait: PT1S}}]}}]";
        let definition = Arc::new(parse("t.yaml", text).unwrap());
        let mut at = Timestamp::UNIX_EPOCH;
        let first = Fact::Started {
            workflow: "t".into(),
            hash: definition.hash.clone(),
            input: json!({}),
            trigger: Trigger::Request { by: "test".into() },
            mode: Mode::Live,
            secrets: Map::new(),
            requesters: None,
            origin: None,
            priority: None,
            lane: None,
        };
        let first = Entry { at, fact: first };
        let mut state = RunState::begin(run, definition, Some(&first), false).unwrap();
        for item in 0..times {
            let step = StepId::new(format!("do/all[{item}]/nap"));
            let until = at + SignedDuration::from_secs(1);
            let set = Fact::TimerSet { step: step.clone(), task: "nap".into(), until };
            state.absorb(&Entry { at, fact: set }).unwrap();
            at = until;
            state.absorb(&Entry { at, fact: Fact::TimerFired { step } }).unwrap();
        }
        state
    }

    fn claimed(run: &RunId, epoch: i64) -> ClaimedRun {
        ClaimedRun { id: run.clone(), workflow_hash: String::new(), epoch }
    }

    fn run_id(letter: char) -> RunId {
        format!("run_{}", letter.to_string().repeat(26)).parse().unwrap()
    }

    #[test]
    fn a_state_is_taken_only_by_the_next_owner_after_the_one_who_left_it() {
        let (resting, run) = (Resting::default(), run_id('a'));
        resting.keep(3, rested(&run, 50));
        assert!(resting.take(&claimed(&run_id('b'), 4)).is_none(), "it is another's");
        assert_eq!(resting.take(&claimed(&run, 4)).unwrap().next_seq(), 102);
        assert!(resting.take(&claimed(&run, 4)).is_none(), "it is taken");
        resting.keep(4, rested(&run, 50));
        assert!(resting.take(&claimed(&run, 6)).is_none(), "somebody owned it in between");
        resting.keep(6, rested(&run, 5));
        assert!(resting.take(&claimed(&run, 7)).is_none(), "a short one is not kept");
    }

    #[test]
    fn only_the_latest_are_kept() {
        let resting = Resting::default();
        let runs: Vec<RunId> =
            (0..=MOST).map(|number| format!("run_{number:026}").parse().unwrap()).collect();
        for run in &runs {
            resting.keep(1, rested(run, 40));
        }
        assert!(resting.take(&claimed(&runs[0], 2)).is_none(), "the oldest made room");
        assert!(resting.take(&claimed(&runs[1], 2)).is_some());
    }
}
