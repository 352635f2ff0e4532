//! Changes as data. A backend may put many transactions into one sync of the disk; each keeps its own preconditions.

use std::collections::BTreeSet;
use std::fmt;

use callboard_flow::{StepId, Subscription};
use jiff::Timestamp;
use serde_json::Value;

use super::documents::DocumentRecord;
use super::gathering::Gather;
use super::records::{
    ApiKeyRecord, BudgetRecord, EventRecord, LinkRecord, SecretRecord, Signal, WorkflowRecord,
};
use super::schedules::{Occurrence, ScheduleRecord, SettledOccurrence};
use crate::approvals::Approval;
use crate::ids::RunId;
use crate::journal::Entry;
use crate::run::{Mode, RunStatus};

/// One change and, in its description, what must hold for it.
#[derive(Debug, Clone)]
pub enum Change {
    /// Keeps a definition for as long as runs refer to it. Known hashes stay as they are.
    KeepWorkflow(WorkflowRecord),
    /// This file of the library stands for that definition from now on.
    MakeCurrent {
        file: String,
        hash: String,
        at: Timestamp,
    },
    /// The file is gone from the library, and with it what was gathered for a workflow that no other file holds.
    Retire {
        file: String,
    },
    /// Remembers the key of a start. Refused with `StartKeyTaken` if the key is known.
    TakeStartKey(StartKey),
    /// Stores an event once. Refused with `EventSeen` if its key is known.
    StoreEvent(EventRecord),
    /// A new run with its first entry, due at once and owned by nobody.
    CreateRun(Box<NewRun>),
    /// The same for a run that goes back to an earlier one and inherits these entries of it. Refused with `HeirGoesOn`
    /// while another that goes back to it, also through others, is not over.
    CreateHeir(Box<Heir>),
    /// Removes a run that is over, with all that belongs to it, and remembers which file holds it. Refused with
    /// `NoSuchRun` if there is none that is over.
    RemoveRun {
        run: RunId,
        file: String,
    },
    /// The next entries of a run, from its owner only. Refused with `NotOwner` if the epoch has moved on.
    Advance(Box<Advance>),
    /// A run has ended: if it took turns with others, the next of them goes.
    LeaveLane {
        run: RunId,
        at: Timestamp,
    },
    /// Says something to a run that is not final and makes it due. Refused with `NoSuchRun` or `RunIsFinal`.
    Signal {
        run: RunId,
        signal: Signal,
        at: Timestamp,
    },
    /// Says something to a run, if it is still there and not over.
    Tell {
        run: RunId,
        signal: Signal,
        at: Timestamp,
    },
    /// Events with these attributes are for that step from now on.
    Subscribe {
        run: RunId,
        step: StepId,
        subscriptions: Vec<Subscription>,
    },
    Unsubscribe {
        run: RunId,
        step: StepId,
    },
    /// Hands an event to every step that has subscribed to one like it.
    Deliver {
        event: Value,
        at: Timestamp,
    },
    /// Stores an event, begins the runs that it starts and hands it to who listens; nothing if it is known already.
    Publish(Box<Publication>),
    /// Says something to every run that is blocked on this.
    SignalBlocked {
        on: String,
        signal: Signal,
        at: Timestamp,
    },
    /// Keeps what holds for all nodes on the data; what was kept first stays.
    KeepSetting {
        name: &'static str,
        value: String,
    },
    PutLink(LinkRecord),
    /// Of the links to an app this one is the default and no other. Refused with `NoSuchLink`.
    MakeDefaultLink {
        app: String,
        name: String,
    },
    /// Refused with `NoSuchLink`.
    DeleteLink {
        name: String,
    },
    /// How an approval stands now. Those of a run that is over are closed with it.
    PutApproval(Box<Approval>),
    PutApiKey(ApiKeyRecord),
    /// Refused with `NoSuchApiKey`.
    DeleteApiKey {
        id: String,
    },
    PutSecret(SecretRecord),
    /// Refused with `NoSuchSecret`.
    DeleteSecret {
        name: String,
    },
    /// Refused with `BudgetMoved` if the stored revision is not the one before.
    PutBudget(BudgetRecord),
    /// Runs that rest and are on leave for this are due, those first that would be first by themselves, at most so many.
    CallIn {
        on: String,
        limit: usize,
        at: Timestamp,
    },
    /// Refused with `ScheduleMoved` if the revision is not the stored one any more (0: it is new).
    PutSchedule(Box<ScheduleRecord>),
    /// Its id is given by the store. Refused with `OccurrenceTaken` if one with the same key was begun or waits.
    AddOccurrence(Box<Occurrence>),
    /// What becomes of one that waits. Refused with `ScheduleMoved` if it does not wait any more.
    SettleOccurrence(Box<SettledOccurrence>),
    /// Refused with `DocumentMoved` if the revision is not the stored one any more (0: it is new).
    PutDocument(Box<DocumentRecord>),
    /// Adds an event to those that a run needs, and begins it if that is enough.
    Gather(Box<Gather>),
}

/// A run as it begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub id: RunId,
    pub workflow: String,
    pub workflow_hash: String,
    pub mode: Mode,
    pub first: Entry,
    pub at: Timestamp,
}

/// A run that goes back to an earlier one.
#[derive(Debug, Clone)]
pub struct Heir {
    pub new: NewRun,
    pub origin: RunId,
    /// After the first.
    pub entries: Vec<Entry>,
}

/// An event that a run announces, with what follows from it.
#[derive(Debug, Clone)]
pub struct Publication {
    pub record: EventRecord,
    /// Whole, as listeners get it.
    pub event: Value,
    pub starts: Vec<NewRun>,
    /// What it is to runs that need several events.
    pub gathers: Vec<Gather>,
}

/// Starting twice with one key starts once.
#[derive(Debug, Clone)]
pub struct StartKey {
    pub key: String,
    /// Hash of what was asked for, to tell a repetition from a mix-up.
    pub fingerprint: String,
    pub run: RunId,
    pub at: Timestamp,
}

/// A step forward of a run: entries, status and next wake time in one.
#[derive(Debug, Clone)]
pub struct Advance {
    pub run: RunId,
    pub epoch: i64,
    /// Place of the first entry in the run's journal.
    pub first_seq: i64,
    pub entries: Vec<Entry>,
    /// Signals that these entries take up, up to and including this one.
    pub signals_up_to: Option<i64>,
    pub status: RunStatus,
    pub handover: Handover,
    pub at: Timestamp,
    /// It was sent before, and nobody knows what became of it.
    pub again: bool,
}

/// What becomes of the ownership of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// The owner goes on; its lease is renewed until then.
    Keep { lease_until: Timestamp },
    /// Nobody owns it until it is due (at once, if something was said to it meanwhile).
    Release {
        wake_at: Option<Timestamp>,
        blocked_on: BTreeSet<String>,
        /// What it can be called in by before.
        on_leave: Option<String>,
    },
    /// Nobody owns it until then, or until something is said to it after the signal `heard`.
    SetAside { wake_at: Option<Timestamp>, heard: i64 },
}

/// A request for work.
#[derive(Debug, Clone)]
pub struct Claim {
    pub node: String,
    /// Names one life of the node's process.
    pub boot: String,
    /// Runs due by then.
    pub now: Timestamp,
    /// Leases count on a clock of their own: a jump of the business clock must not expire them.
    pub lease_now: Timestamp,
    pub lease_until: Timestamp,
    /// What this life of the node drives now. Whatever else it owns was given to it by an answer that got lost, and is
    /// taken again like anybody's once the lease is over.
    pub driving: Vec<RunId>,
    pub limit: usize,
}

/// A precondition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    NotOwner { run: RunId, epoch: i64 },
    StartKeyTaken { key: String, fingerprint: String, run: RunId },
    EventSeen { dedupe_key: String, runs: Vec<RunId> },
    NoSuchRun { run: RunId },
    RunIsFinal { run: RunId, status: RunStatus },
    HeirGoesOn { run: RunId, heir: RunId },
    NoSuchLink { name: String },
    NoSuchApiKey { name: String },
    NoSuchSecret { name: String },
    BudgetMoved { tenant: String },
    ScheduleMoved { workflow: String },
    OccurrenceTaken { workflow: String, planned_at: Timestamp },
    DocumentMoved { kind: String, key: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOwner { run, epoch } => {
                write!(formatter, "epoch {epoch} of {run} is over: somebody else owns it")
            }
            Self::StartKeyTaken { key, run, .. } => {
                write!(formatter, "the idempotency key `{key}` belongs to {run}")
            }
            Self::EventSeen { dedupe_key, .. } => {
                write!(formatter, "the event {dedupe_key} was received before")
            }
            Self::NoSuchRun { run } => write!(formatter, "there is no run {run}"),
            Self::RunIsFinal { run, status } => {
                write!(formatter, "{run} is {status} and takes nothing more")
            }
            Self::HeirGoesOn { run, heir } => {
                write!(formatter, "{heir} goes back to {run} and is not over")
            }
            Self::NoSuchSecret { name } => write!(formatter, "there is no secret named `{name}`"),
            Self::NoSuchApiKey { name } => write!(formatter, "there is no key named `{name}`"),
            Self::NoSuchLink { name } => write!(formatter, "there is no link named `{name}`"),
            Self::BudgetMoved { tenant } => {
                write!(formatter, "the rate budget of {tenant} has changed meanwhile")
            }
            Self::ScheduleMoved { workflow } => {
                write!(formatter, "the schedule of `{workflow}` has changed meanwhile")
            }
            Self::DocumentMoved { kind, key } => {
                write!(formatter, "the {kind} `{key}` has changed meanwhile")
            }
            Self::OccurrenceTaken { workflow, planned_at } => {
                write!(formatter, "the occurrence {planned_at} of `{workflow}` was begun before")
            }
        }
    }
}
