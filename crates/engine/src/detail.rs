//! A run as people read it: a fold over its journal, without the interpreter.

mod fold;
mod inheritance;
mod page;

use callboard_apps::Exchange;
use callboard_flow::{StepId, WorkflowError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approvals::{Approval, News, Outcome};
use crate::ids::RunId;
use crate::journal::{Ending, Fact, Heritage, How, Trigger};
use crate::run::{RunStatus, Verdict};
use crate::sealing::masked;

pub(crate) use fold::DetailFold;
pub use page::Steps;
pub(crate) use page::StepsFold;

/// A run with its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDetail {
    pub id: RunId,
    pub workflow: String,
    pub workflow_hash: String,
    pub status: RunStatus,
    pub trigger: Option<Trigger>,
    pub input: Value,
    pub output: Option<Value>,
    pub error: Option<WorkflowError>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// When something is due by itself, while it waits.
    pub next_at: Option<Timestamp>,
    /// In the order in which they began. Of a long loop only those under way and the first that failed.
    pub steps: Vec<StepDetail>,
    /// Loops of which not every step is told.
    pub loops: Vec<LoopDetail>,
    pub cancelled_by: Option<String>,
    /// Who halted it, while it is halted.
    pub paused_by: Option<String>,
    /// Why it has not begun, as a sentence.
    pub note: Option<String>,
    /// The earlier run that it goes back to.
    pub origin: Option<Heritage>,
    /// Runs that go back to it.
    pub heirs: Vec<RunId>,
    /// Events that the workflow announced.
    pub events: Vec<Value>,
}

/// How far a loop is that has had many steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopDetail {
    pub step: StepId,
    /// Items that have begun.
    pub items: u64,
    /// Steps of its items that have completed.
    pub completed: u64,
    /// Steps of its items that have failed, caught or not.
    pub failed: u64,
    /// Steps of its items that are under way.
    pub open: u64,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDetail {
    pub step: StepId,
    pub task: String,
    pub status: StepStatus,
    pub action: Option<String>,
    pub link: Option<String>,
    /// The run of another workflow that it began.
    pub run: Option<RunId>,
    /// Secrets masked.
    pub arguments: Option<Value>,
    pub output: Option<Value>,
    pub error: Option<WorkflowError>,
    pub attempts: u32,
    /// It is the earlier run's: its effect stands and was not made again.
    pub inherited: bool,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub how: Option<How>,
    pub next_at: Option<Timestamp>,
    /// Why it waits or asks, as a sentence.
    pub note: Option<String>,
    pub remedy: Option<String>,
    pub resolved_by: Option<String>,
    /// What it asks people.
    pub approval: Option<Box<Approval>>,
    /// Requests and answers of all attempts, redacted.
    pub exchanges: Vec<Exchange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Running,
    Waiting,
    Attention,
    Completed,
    Faulted,
    /// The run ended without it.
    Cancelled,
}

impl StepStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Attention => "attention",
            Self::Completed => "completed",
            Self::Faulted => "faulted",
            Self::Cancelled => "cancelled",
        }
    }
}

impl StepDetail {
    fn new(step: &StepId, at: Timestamp) -> Self {
        let last = step.as_str().rsplit('/').next().unwrap_or_default();
        Self {
            step: step.clone(),
            task: last.to_owned(),
            status: StepStatus::Running,
            action: None,
            link: None,
            run: None,
            arguments: None,
            output: None,
            error: None,
            attempts: 0,
            inherited: false,
            started_at: at,
            finished_at: None,
            how: None,
            next_at: None,
            note: None,
            remedy: None,
            resolved_by: None,
            approval: None,
            exchanges: Vec::new(),
        }
    }

    /// The run ended while this was under way.
    fn run_ended(&mut self, undetermined: bool) {
        self.next_at = None;
        if undetermined {
            self.status = StepStatus::Attention;
            let unknown = || "the run ended before it was known whether this took effect".into();
            self.note.get_or_insert_with(unknown);
        } else {
            self.status = StepStatus::Cancelled;
        }
    }

    /// Takes in what an entry of its run says about it.
    fn take_in(&mut self, run: &RunId, workflow: &str, fact: &Fact, at: Timestamp) {
        let Fact::Approval { step, task, news } = fact else { return self.read(fact, at) };
        if let News::Asked(question) = news {
            let (place, asked) = ((step, task.as_str()), (**question).clone());
            let asked = Approval::asked(run.clone(), workflow.to_owned(), place, asked, at);
            self.approval = Some(Box::new(asked));
        }
        self.ask(task, news, at);
    }

    fn read(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Held { task, tenant, bucket, until, .. } => {
                self.task.clone_from(task);
                self.status = StepStatus::Waiting;
                self.note = Some(format!("waits for the rate budget of {tenant}/{bucket}"));
                self.next_at = Some(*until);
            }
            Fact::Attempted { task, attempt, action, link, arguments, .. } => {
                self.task.clone_from(task);
                self.attempts = *attempt;
                self.action = Some(action.clone());
                self.link = Some(link.clone());
                self.arguments = Some(masked(arguments));
                self.go_on();
            }
            Fact::Succeeded { how, output, exchanges, .. } => {
                self.output = Some(masked(output));
                self.how = Some(*how);
                self.end(StepStatus::Completed, at, exchanges);
            }
            Fact::Failed { error, partial, exchanges, .. } => {
                self.error = Some(error.clone());
                self.end(StepStatus::Faulted, at, exchanges);
                self.note = partial.then(|| "a part of it happened before it failed".into());
            }
            Fact::Deferred { why, next_at, exchanges, .. } => {
                self.status = StepStatus::Waiting;
                self.note = Some(why.clone());
                self.next_at = Some(*next_at);
                self.exchanges.extend_from_slice(exchanges);
            }
            Fact::TimerSet { task, until, .. } => {
                self.task.clone_from(task);
                self.status = StepStatus::Waiting;
                self.next_at = Some(*until);
            }
            Fact::Listening { task, .. } => {
                self.task.clone_from(task);
                self.status = StepStatus::Waiting;
                self.note = Some("listens for events".into());
            }
            // It may listen on; the step ends with what follows.
            Fact::Received { event, .. } => {
                self.status = StepStatus::Completed;
                self.finished_at = Some(at);
                self.note = None;
                let heard = self.output.get_or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(heard) = heard {
                    heard.push(masked(event));
                }
            }
            Fact::WorkflowStarted { task, run, .. } => {
                self.task.clone_from(task);
                self.status = StepStatus::Waiting;
                self.run = Some(run.clone());
            }
            Fact::WorkflowEnded { ending, .. } => match ending {
                Ending::Completed { output } => {
                    self.output = Some(masked(output));
                    self.end(StepStatus::Completed, at, &[]);
                }
                Ending::Faulted { error } => {
                    self.error = Some(error.clone());
                    self.end(StepStatus::Faulted, at, &[]);
                }
                Ending::Cancelled { .. } => self.end(StepStatus::Cancelled, at, &[]),
            },
            Fact::AttentionRequired { known, remedy, exchanges, .. } => {
                self.status = StepStatus::Attention;
                self.note = Some(known.clone());
                self.remedy = Some(remedy.clone());
                self.next_at = None;
                self.exchanges.extend_from_slice(exchanges);
            }
            Fact::Resolved { verdict, by, output, .. } => {
                self.resolved_by = Some(by.clone());
                if *verdict == Verdict::Happened {
                    self.output = output.as_ref().map(masked);
                    self.end(StepStatus::Completed, at, &[]);
                } else {
                    self.go_on();
                }
            }
            Fact::Unblocked { .. } => self.go_on(),
            Fact::TimerFired { .. } | Fact::Emitted { .. } => {
                self.end(StepStatus::Completed, at, &[]);
            }
            Fact::Started { .. }
            | Fact::AwaitsTurn { .. }
            | Fact::TurnCame
            | Fact::Paused { .. }
            | Fact::Resumed { .. }
            | Fact::Approval { .. }
            | Fact::Completed { .. }
            | Fact::Faulted { .. }
            | Fact::Cancelled { .. } => {}
        }
    }

    /// Asks people, or takes in what they say.
    fn ask(&mut self, task: &str, news: &News, at: Timestamp) {
        task.clone_into(&mut self.task);
        let Some(approval) = &mut self.approval else { return };
        match approval.absorb(news, at) {
            Some(Outcome::Output(output)) => {
                self.output = Some(output);
                self.end(StepStatus::Completed, at, &[]);
            }
            Some(Outcome::Error(error)) => {
                self.error = Some(error);
                self.end(StepStatus::Faulted, at, &[]);
            }
            None => {
                let question = masked(&Value::String(approval.asked.question.clone()));
                let question = question.as_str().unwrap_or_default();
                self.note = Some(format!("asks ({}): {question}", approval.asked.id));
                self.next_at = approval.asked.deadline;
                self.status = StepStatus::Waiting;
            }
        }
    }

    fn go_on(&mut self) {
        self.status = StepStatus::Running;
        (self.note, self.remedy, self.next_at) = (None, None, None);
    }

    fn end(&mut self, status: StepStatus, at: Timestamp, exchanges: &[Exchange]) {
        self.go_on();
        self.status = status;
        self.finished_at = Some(at);
        self.exchanges.extend_from_slice(exchanges);
    }
}
