//! The steps of a run, some at a time.

use std::collections::{HashMap, HashSet};

use callboard_flow::StepId;

use super::StepDetail;
use super::inheritance::Inheritance;
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::store::RunRecord;

/// Steps in the order in which they began.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    pub steps: Vec<StepDetail>,
    /// After which the next page begins, where there may be one.
    pub next: Option<usize>,
}

/// Reads a journal for the steps after a number, from its first entry.
pub(crate) struct StepsFold {
    run: RunId,
    workflow: String,
    after: usize,
    limit: usize,
    passed_by: HashSet<StepId>,
    places: HashMap<StepId, usize>,
    steps: Vec<StepDetail>,
    more: bool,
    inheritance: Inheritance,
}

impl StepsFold {
    pub(crate) fn new(record: RunRecord, after: usize, limit: usize) -> Self {
        let (passed_by, places) = (HashSet::new(), HashMap::new());
        let RunRecord { id: run, workflow, .. } = record;
        let (steps, more, inheritance) = (Vec::new(), false, Inheritance::default());
        Self { run, workflow, after, limit, passed_by, places, steps, more, inheritance }
    }

    /// Whether what follows in the journal changes nothing any more.
    pub(crate) fn is_done(&self) -> bool {
        self.more && self.steps.iter().all(|step| step.finished_at.is_some())
    }

    pub(crate) fn read(&mut self, entry: &Entry) {
        self.inheritance.read(entry);
        let Some(name) = entry.fact.step() else { return self.read_end(entry) };
        if self.passed_by.contains(name) {
            return;
        }
        let place = match self.places.get(name) {
            Some(place) => *place,
            None if self.passed_by.len() < self.after => {
                self.passed_by.insert(name.clone());
                return;
            }
            None if self.steps.len() >= self.limit => {
                self.more = true;
                return;
            }
            None => {
                self.places.insert(name.clone(), self.steps.len());
                self.steps.push(StepDetail::new(name, entry.at));
                self.steps.len() - 1
            }
        };
        self.steps[place].inherited = self.inheritance.is_inherited();
        self.steps[place].take_in(&self.run, &self.workflow, &entry.fact, entry.at);
    }

    fn read_end(&mut self, entry: &Entry) {
        let undetermined: &[StepId] = match &entry.fact {
            Fact::Cancelled { undetermined, .. } => undetermined,
            Fact::Completed { .. } | Fact::Faulted { .. } => &[],
            _ => return,
        };
        for step in self.steps.iter_mut().filter(|step| step.finished_at.is_none()) {
            step.run_ended(undetermined.contains(&step.step));
        }
    }

    pub(crate) fn page(self) -> Steps {
        let next = self.more.then_some(self.after + self.steps.len());
        Steps { steps: self.steps, next }
    }
}
