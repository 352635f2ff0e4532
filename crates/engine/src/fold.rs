//! The state of a run: a fold over its journal. Pure; the same entries give the same state on any machine.

mod apply;
mod approvals;
mod moves;
mod pending;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callboard_flow::{
    Command, Definition, Execution, Fact as TaskFact, Runtime, Start, StepId, Subscription,
    WorkflowError,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::approvals::Approval;
use crate::budget::{self, Priority};
use crate::ids::RunId;
use crate::journal::{Entry, Fact, Trigger};
use crate::lanes::Lane;
use crate::requesters;
use crate::run::RunStatus;

pub(crate) use moves::{Move, Pace};
pub(crate) use pending::{Call, Pending, Phase, SubWorkflow, Wish};
use wishes::Wishes;

/// A journal that does not fit its workflow, or itself.
#[derive(Debug, thiserror::Error)]
pub enum Inconsistency {
    #[error("the journal of {run} does not begin with `started`")]
    NoBeginning { run: RunId },
    #[error("entry {seq} of {run} (`{kind}`) does not follow from those before it: {why}")]
    Unexpected { run: RunId, seq: i64, kind: &'static str, why: String },
}

/// How the interpreter wants the run to end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Completed(Value),
    Faulted(WorkflowError),
}

/// What is to be undone because nobody waits for it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dropped {
    Subscription(StepId),
    Child(RunId),
    Approval(StepId),
}

/// One run as its journal tells it.
pub(crate) struct RunState {
    pub(crate) run: RunId,
    pub(crate) definition: Arc<Definition>,
    pub(crate) trigger: Trigger,
    execution: Execution,
    /// Steps that the interpreter waits for, and attempts it has forgotten that still lack an outcome.
    pending: Wishes,
    /// Who awaits this run.
    pub(crate) parent: Option<(RunId, StepId)>,
    /// How many runs stand above it.
    pub(crate) depth: u32,
    /// How urgent its calls are.
    pub(crate) priority: Priority,
    /// Values of `$secrets`, sealed.
    pub(crate) secrets: Map<String, Value>,
    /// Nothing begins.
    pub(crate) paused: bool,
    /// Among which other runs it takes turns.
    pub(crate) lane: Option<Lane>,
    /// Nothing begins yet.
    awaits_turn: bool,
    /// With what it begins once it is its turn: time counts from then on.
    unbegun: Option<Start>,
    /// The run that the interpreter takes this one for, where that is another.
    pub(crate) root: Option<RunId>,
    /// Who wanted it to go back to an earlier one.
    pub(crate) again_by: Option<String>,
    /// Everybody who asked for it, where its beginning knows.
    pub(crate) requesters: Option<BTreeSet<String>>,
    /// What people were asked, by step.
    approvals: BTreeMap<StepId, Approval>,
    /// What the interpreter has lost interest in since somebody asked.
    dropped: Vec<Dropped>,
    end: Option<End>,
    status: Option<RunStatus>,
    entries: i64,
    /// What tasks went through, where somebody wants to know.
    trace: Option<Vec<TaskFact>>,
}

impl RunState {
    /// A run at its beginning, as the first entry of its journal tells it.
    pub(crate) fn begin(
        run: &RunId,
        definition: Arc<Definition>,
        first: Option<&Entry>,
        traced: bool,
    ) -> Result<Self, Inconsistency> {
        let no_beginning = || Inconsistency::NoBeginning { run: run.clone() };
        let first = first.ok_or_else(no_beginning)?;
        let Fact::Started { input, trigger, secrets, origin, priority, lane, .. } = &first.fact
        else {
            return Err(no_beginning());
        };
        let (parent, depth) = match trigger {
            Trigger::Workflow { run, step, awaited, depth, .. } => {
                // Whoever awaited the earlier run has had its answer.
                let awaits = *awaited && origin.is_none();
                (awaits.then(|| (run.clone(), step.clone())), *depth)
            }
            _ => (None, 0),
        };
        let start = Start {
            input: input.clone(),
            run_id: origin.as_ref().map_or(run, |origin| &origin.root).to_string(),
            started_at: first.at,
            secrets: secrets.clone(),
            // No version here: the same history must give the same commands after an upgrade.
            runtime: Runtime { name: "callboard".into(), ..Runtime::default() },
        };
        let priority = budget::of_run(&definition, *priority);
        let unbegun = lane.is_some().then(|| start.clone());
        let (execution, commands) = Execution::start(Arc::clone(&definition), start);
        let (pending, run) = (Wishes::default(), run.clone());
        let run_id = run.clone();
        let mut state = Self {
            run,
            definition,
            trigger: trigger.clone(),
            execution,
            pending,
            parent,
            depth,
            priority,
            secrets: secrets.clone(),
            paused: false,
            lane: lane.clone(),
            awaits_turn: false,
            unbegun,
            root: origin.as_ref().map(|origin| origin.root.clone()).filter(|root| *root != run_id),
            requesters: requesters::of_first(&first.fact),
            again_by: origin.as_ref().map(|origin| origin.by.clone()),
            approvals: BTreeMap::new(),
            dropped: Vec::new(),
            end: None,
            status: None,
            entries: 1,
            trace: traced.then(Vec::new),
        };
        match lane.as_ref().and_then(Lane::failure) {
            Some(error) => state.end = Some(End::Faulted(error)),
            None => state.take(commands),
        }
        Ok(state)
    }

    /// What its tasks went through, where that was to be traced.
    pub(crate) fn into_trace(self) -> Vec<TaskFact> {
        self.trace.unwrap_or_default()
    }

    /// The same since this was last asked.
    pub(crate) fn take_trace(&mut self) -> Vec<TaskFact> {
        self.trace.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Place of the next entry in the journal, from 1.
    pub(crate) fn next_seq(&self) -> i64 {
        self.entries + 1
    }

    /// Takes in one entry, whether just made or read back.
    pub(crate) fn absorb(&mut self, entry: &Entry) -> Result<(), Inconsistency> {
        let seq = self.next_seq();
        self.apply(entry).map_err(|why| Inconsistency::Unexpected {
            run: self.run.clone(),
            seq,
            kind: entry.fact.name(),
            why,
        })?;
        self.entries = seq;
        if !self.awaits_turn {
            self.unbegun = None;
        }
        Ok(())
    }

    /// Others go first. A run that inherits what an earlier one knows goes on as of then.
    fn await_turn(&mut self) {
        self.awaits_turn = true;
        if self.entries > 1 {
            self.unbegun = None;
        }
    }

    /// It begins now rather than when it was made.
    fn take_turn(&mut self, at: Timestamp) {
        self.awaits_turn = false;
        let Some(start) = self.unbegun.take() else { return };
        let start = Start { started_at: at, ..start };
        let (execution, commands) = Execution::start(Arc::clone(&self.definition), start);
        self.execution = execution;
        (self.pending, self.end) = (Wishes::default(), None);
        self.trace = self.trace.take().map(|_| Vec::new());
        self.take(commands);
    }

    /// The run was woken: what waits for a rate budget asks again, whatever instant it waits for.
    pub(crate) fn ask_again(&mut self) {
        for pending in self.pending.all_mut() {
            if let Phase::Held { asks, .. } = &mut pending.phase {
                *asks = true;
            }
        }
    }

    /// Nothing begins until somebody says so.
    pub(crate) fn is_halted(&self) -> bool {
        self.paused || self.awaits_turn
    }

    /// Somebody said that others go first.
    pub(crate) fn awaits_turn(&self) -> bool {
        self.awaits_turn
    }

    /// Nothing follows any more.
    pub(crate) fn is_over(&self) -> bool {
        self.status.is_some()
    }

    /// The interpreter has given up.
    pub(crate) fn has_faulted(&self) -> bool {
        matches!(self.end, Some(End::Faulted(_)))
    }

    fn take(&mut self, commands: Vec<Command>) {
        let facts = self.execution.take_facts();
        if let Some(trace) = &mut self.trace {
            trace.extend(facts);
        }
        for command in commands {
            match command {
                Command::Complete { output } => self.end = Some(End::Completed(output)),
                Command::Fault { error } => self.end = Some(End::Faulted(error)),
                Command::Cancel => {}
                Command::Forget { step } => self.forget(&step),
                command => {
                    if let Some((step, pending)) = Pending::new(command) {
                        self.pending.push(step, pending);
                    }
                }
            }
        }
    }

    fn forget(&mut self, step: &StepId) {
        if let Ok(pending) = self.pending_mut(step) {
            pending.forgotten = true;
            if pending.is_surely_without_effect() {
                self.give_up_asking(step);
                let gone = self.remove(step);
                self.dropped.extend(gone.and_then(|gone| match gone.phase {
                    Phase::Listening => Some(Dropped::Subscription(step.clone())),
                    Phase::AwaitsRun => gone.child.map(Dropped::Child),
                    _ => None,
                }));
            }
        }
    }

    fn remove(&mut self, step: &StepId) -> Option<Pending> {
        self.pending.remove(step)
    }

    fn pending_mut(&mut self, step: &StepId) -> Result<&mut Pending, String> {
        self.pending.get_mut(step).ok_or_else(|| format!("nobody waits for {step}"))
    }

    /// What nobody waits for any more since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped)
    }

    /// Whether a step listens and takes this event.
    pub(crate) fn consumes(&self, step: &StepId, event: &Value) -> bool {
        let listens = self.find(step).is_some_and(|found| found.phase == Phase::Listening);
        listens && self.execution.consumes(step, event)
    }

    /// Steps that listen, with what they listen for.
    pub(crate) fn listening(&self) -> impl Iterator<Item = (&StepId, &[Subscription])> {
        self.pending.iter().filter_map(|(step, pending)| match (&pending.wish, pending.phase) {
            (Wish::Listen { subscriptions }, Phase::Listening) => {
                Some((step, subscriptions.as_slice()))
            }
            _ => None,
        })
    }

    pub(crate) fn listens(&self) -> bool {
        self.all().any(|pending| pending.phase == Phase::Listening)
    }

    /// Runs that are awaited.
    pub(crate) fn children(&self) -> impl Iterator<Item = &RunId> {
        self.all().filter_map(|pending| pending.child.as_ref())
    }

    pub(crate) fn find(&self, step: &StepId) -> Option<&Pending> {
        self.pending.get(step)
    }

    /// Steps that it waits for, in the order in which they were wished for.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &StepId> {
        self.pending.iter().map(|(step, _)| step)
    }

    fn all(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter().map(|(_, pending)| pending)
    }

    /// Where the run stands, given which steps are being performed right now.
    pub(crate) fn status(&self, anything_in_flight: bool) -> RunStatus {
        if let Some(status) = self.status {
            return status;
        }
        let asks = |pending: &Pending| matches!(pending.phase, Phase::Attention { .. });
        match () {
            () if self.paused && !anything_in_flight => RunStatus::Paused,
            () if self.awaits_turn => RunStatus::Waiting,
            () if self.all().any(asks) => RunStatus::Attention,
            () if anything_in_flight => RunStatus::Running,
            () if self.all().all(Pending::rests) => RunStatus::Waiting,
            () => RunStatus::Running,
        }
    }

    /// When something of the run is due by itself.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.all().filter_map(Pending::next_at).min().filter(|_| !self.is_halted())
    }

    /// Steps that may have taken effect and whose outcome is not known.
    pub(crate) fn undetermined(&self) -> Vec<StepId> {
        let open = self.pending.iter().filter(|(_, pending)| pending.may_have_happened());
        open.map(|(step, _)| step.clone()).collect()
    }

    /// Steps that wait for a link, or for a better one.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = (&StepId, &Pending)> {
        let blocked = self.pending.iter().filter(|(_, pending)| pending.blocked_on().is_some());
        blocked.map(|(step, pending)| (step, pending))
    }

    /// The apps whose links they wait for.
    pub(crate) fn blocked_on(&self) -> BTreeSet<String> {
        self.all().filter_map(Pending::blocked_on).map(str::to_owned).collect()
    }

    /// The rate budget that calls the run in; where several would, that of the step that would come first by itself.
    pub(crate) fn on_leave(&self) -> Option<String> {
        let steps = self.all().filter(|pending| pending.on_leave.is_some());
        let first = steps.min_by_key(|pending| pending.next_at())?;
        first.on_leave.clone()
    }

    /// Steps that need a (better) link to this app.
    pub(crate) fn blocked_steps(&self, app: &str) -> Vec<StepId> {
        let blocked = self.pending.iter().filter(|(_, pending)| pending.blocked_on() == Some(app));
        blocked.map(|(step, _)| step.clone()).collect()
    }
}
