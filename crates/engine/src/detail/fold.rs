//! Entry by entry to a run as people read it. Bounded for loops of any length, so that it can be kept while a run goes on.

use std::collections::{BTreeMap, HashMap};

use callboard_flow::StepId;
use jiff::Timestamp;
use serde_json::Value;

use super::inheritance::Inheritance;
use super::{LoopDetail, RunDetail, StepDetail, StepStatus};
use crate::journal::{Entry, Fact};
use crate::run::RunStatus;
use crate::sealing::masked;
use crate::store::RunRecord;

/// A loop with more completed steps than this is told as a summary.
const COMPLETED_TOLD: usize = 100;
/// Of a loop told as a summary, so many steps that failed are told.
const FAILED_TOLD: usize = 20;

/// A run as far as its journal has been read.
pub(crate) struct DetailFold {
    head: RunDetail,
    /// In the order in which they began.
    steps: BTreeMap<u64, StepDetail>,
    places: HashMap<StepId, u64>,
    began: u64,
    loops: BTreeMap<String, Loop>,
    inheritance: Inheritance,
}

/// The steps of the items of one outermost loop.
struct Loop {
    detail: LoopDetail,
    /// Places of completed steps, until there are too many.
    completed: Vec<u64>,
    /// How many of those that failed are told.
    failed_told: usize,
}

impl DetailFold {
    pub(crate) fn of(record: &RunRecord) -> Self {
        let head = RunDetail {
            id: record.id.clone(),
            workflow: record.workflow.clone(),
            workflow_hash: record.workflow_hash.clone(),
            status: record.status,
            trigger: None,
            input: Value::Null,
            output: None,
            error: None,
            created_at: record.created_at,
            finished_at: None,
            next_at: None,
            steps: Vec::new(),
            loops: Vec::new(),
            cancelled_by: None,
            paused_by: None,
            note: None,
            origin: None,
            heirs: Vec::new(),
            events: Vec::new(),
        };
        let (steps, places, loops) = (BTreeMap::new(), HashMap::new(), BTreeMap::new());
        Self { head, steps, places, began: 0, loops, inheritance: Inheritance::default() }
    }

    /// The record of the run, read *before* entries that are read next: the journal may be a moment ahead of it.
    pub(crate) fn stands(&mut self, record: &RunRecord) {
        self.head.status = record.status;
        self.head.next_at = record.wake_at.filter(|_| record.status != RunStatus::Running);
    }

    pub(crate) fn detail(&self) -> RunDetail {
        let mut detail = self.head.clone();
        detail.steps = self.steps.values().cloned().collect();
        let summarised = self.loops.values().filter(|of| of.is_summarised());
        detail.loops = summarised.map(|of| self.summary(of)).collect();
        detail
    }

    fn summary(&self, of: &Loop) -> LoopDetail {
        let inside = |step: &&StepDetail| {
            loop_of(&step.step).is_some_and(|(name, _)| name == of.detail.step.as_str())
        };
        let open =
            self.steps.values().filter(inside).filter(|step| step.finished_at.is_none()).count();
        LoopDetail { open: count(open), ..of.detail.clone() }
    }

    pub(crate) fn read(&mut self, entry: &Entry) {
        self.inheritance.read(entry);
        match &entry.fact {
            Fact::Started { input, trigger, origin, .. } => {
                self.head.origin = origin.as_deref().cloned();
                self.head.input = masked(input);
                self.head.trigger = Some(trigger.clone());
            }
            Fact::Completed { output } => {
                self.head.output = Some(masked(output));
                self.finish(RunStatus::Completed, entry.at, &[]);
            }
            Fact::Faulted { error } => {
                self.head.error = Some(error.clone());
                self.finish(RunStatus::Faulted, entry.at, &[]);
            }
            Fact::AwaitsTurn { behind } => {
                self.head.note = Some(format!("waits for its turn behind {behind}"));
            }
            Fact::TurnCame => self.head.note = None,
            Fact::Paused { by } => self.head.paused_by = Some(by.clone()),
            Fact::Resumed { .. } => self.head.paused_by = None,
            Fact::Cancelled { by, undetermined } => {
                self.head.cancelled_by = Some(by.clone());
                self.finish(RunStatus::Cancelled, entry.at, undetermined);
            }
            fact => {
                if let Fact::Emitted { event, .. } = fact {
                    self.head.events.push(masked(event));
                }
                if let Some(step) = fact.step() {
                    self.read_step(step, fact, entry.at);
                }
            }
        }
    }

    fn finish(&mut self, status: RunStatus, at: Timestamp, undetermined: &[StepId]) {
        self.head.status = status;
        self.head.finished_at = Some(at);
        (self.head.next_at, self.head.paused_by, self.head.note) = (None, None, None);
        for step in self.steps.values_mut().filter(|step| step.finished_at.is_none()) {
            step.run_ended(undetermined.contains(&step.step));
        }
    }

    fn read_step(&mut self, name: &StepId, fact: &Fact, at: Timestamp) {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => self.begin(name, at),
        };
        let Some(step) = self.steps.get_mut(&place) else { return };
        let was_open = step.finished_at.is_none();
        step.inherited = self.inheritance.is_inherited();
        step.take_in(&self.head.id, &self.head.workflow, fact, at);
        // A step that listens may hear more.
        let ended =
            was_open && step.finished_at.is_some() && !matches!(fact, Fact::Received { .. });
        let failed = step.status == StepStatus::Faulted;
        if ended {
            self.ended(name, place, failed);
        }
    }

    fn begin(&mut self, name: &StepId, at: Timestamp) -> u64 {
        let place = self.began;
        self.began += 1;
        self.steps.insert(place, StepDetail::new(name, at));
        self.places.insert(name.clone(), place);
        if let Some((outer, item)) = loop_of(name) {
            let of = self.loops.entry(outer.to_owned()).or_insert_with(|| Loop::new(outer));
            of.detail.items = of.detail.items.max(item + 1);
        }
        place
    }

    fn ended(&mut self, name: &StepId, place: u64, failed: bool) {
        let Some(of) = loop_of(name).and_then(|(outer, _)| self.loops.get_mut(outer)) else {
            return;
        };
        let mut told = Vec::new();
        if failed {
            of.detail.failed += 1;
            if of.failed_told < FAILED_TOLD {
                of.failed_told += 1;
            } else {
                told.push(place);
            }
        } else {
            of.detail.completed += 1;
            of.completed.push(place);
        }
        if of.is_summarised() {
            told.append(&mut of.completed);
        }
        for place in told {
            if let Some(step) = self.steps.remove(&place) {
                self.places.remove(&step.step);
            }
        }
    }
}

impl Loop {
    fn new(step: &str) -> Self {
        let step = StepId::new(step);
        let detail = LoopDetail { step, items: 0, completed: 0, failed: 0, open: 0 };
        Self { detail, completed: Vec::new(), failed_told: 0 }
    }

    fn is_summarised(&self) -> bool {
        self.detail.completed > count(COMPLETED_TOLD) || self.detail.failed > count(FAILED_TOLD)
    }
}

/// The outermost loop that a step is in, and the index of its item: `do/all` and 3 of `do/all[3]/notify`.
fn loop_of(step: &StepId) -> Option<(&str, u64)> {
    let (outer, rest) = step.as_str().split_once('[')?;
    let (item, _) = rest.split_once(']')?;
    Some((outer, item.parse().ok()?))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
