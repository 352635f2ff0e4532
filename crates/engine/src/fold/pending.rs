//! A step that the interpreter waits for.

use callboard_flow::{Command, FunctionCall, StepId, Subscription};
use jiff::Timestamp;
use serde_json::Value;

use crate::approvals::{ASK, Ask};
use crate::backoff::next_look;
use crate::ids::RunId;
use crate::journal::{Reason, Then};
use crate::raw;

/// What is wanted and how far it is.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) task: String,
    pub(crate) wish: Wish,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    pub(crate) delays: u32,
    /// How often it lacked a permission.
    pub(crate) refusals: u32,
    pub(crate) first_attempt_at: Option<Timestamp>,
    /// What its attempts are recognised by. A run that inherited one keeps that key.
    pub(crate) key: Option<String>,
    /// What stood there before the attempt that may have changed it, sealed.
    pub(crate) before: Option<String>,
    /// When it first asked for the rate budget that it waits for, and what it is called in by.
    pub(crate) asked_at: Option<Timestamp>,
    pub(crate) on_leave: Option<String>,
    /// Through which link it was attempted.
    pub(crate) link: Option<String>,
    /// The run that it awaits.
    pub(crate) child: Option<RunId>,
    /// The interpreter does not wait for it any more.
    pub(crate) forgotten: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Call(Call),
    /// Arguments of the function that asks people.
    Approval(Value),
    /// One of the language's own calls.
    Raw(Box<FunctionCall>),
    Timer {
        until: Timestamp,
    },
    Emit {
        event: Value,
    },
    Listen {
        subscriptions: Vec<Subscription>,
    },
    Workflow(Box<SubWorkflow>),
}

/// A call of the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// As the workflow calls it: `auth0.users.create:1@callboard`.
    pub(crate) function: String,
    pub(crate) arguments: Value,
}

/// Another workflow to run.
#[derive(Debug, Clone)]
pub(crate) struct SubWorkflow {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// A version, or `latest`.
    pub(crate) version: String,
    pub(crate) input: Value,
    pub(crate) awaits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// To be taken up now.
    Due {
        then: Then,
    },
    /// Attempted, without an outcome: in flight, or unknown after a crash.
    Attempted,
    Deferred {
        next_at: Timestamp,
        then: Then,
    },
    /// Waits for a rate budget until then at the latest; `asks`: it may ask again at once, since the run was woken.
    Held {
        until: Timestamp,
        then: Then,
        asks: bool,
    },
    Timer {
        until: Timestamp,
    },
    /// Its subscriptions are in the store.
    Listening,
    /// People were asked; something of it may be due by itself.
    Asked {
        next_at: Option<Timestamp>,
    },
    /// The run that it awaits has begun.
    AwaitsRun,
    Attention {
        reason: Reason,
        then: Then,
        since: Timestamp,
    },
}

impl Pending {
    /// `None` for commands that are no wishes.
    pub(super) fn new(command: Command) -> Option<(StepId, Self)> {
        let (step, task, wish) = match command {
            Command::Call { step, task, function, .. } => (step, task, called(function)),
            Command::Wait { step, task, until, .. } => (step, task, Wish::Timer { until }),
            Command::Emit { step, task, event, .. } => (step, task, Wish::Emit { event }),
            Command::Listen { step, task, subscriptions, .. } => {
                (step, task, Wish::Listen { subscriptions })
            }
            Command::RunWorkflow {
                step, task, namespace, name, version, input, awaits, ..
            } => {
                let wanted = SubWorkflow { namespace, name, version, input, awaits };
                (step, task, Wish::Workflow(Box::new(wanted)))
            }
            Command::Forget { .. }
            | Command::Complete { .. }
            | Command::Fault { .. }
            | Command::Cancel => return None,
        };
        let pending = Self {
            task,
            wish,
            phase: Phase::Due { then: Then::Perform },
            attempts: 0,
            delays: 0,
            refusals: 0,
            first_attempt_at: None,
            key: None,
            before: None,
            asked_at: None,
            on_leave: None,
            link: None,
            child: None,
            forgotten: false,
        };
        Some((step, pending))
    }

    /// When it is due by itself, if it rests.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Deferred { next_at, .. } => Some(next_at),
            Phase::Timer { until } | Phase::Held { until, .. } => Some(until),
            Phase::Asked { next_at } => next_at,
            // A permission may be given where nobody tells us of it. A link is always added here.
            Phase::Attention { reason: Reason::Credentials, since, .. } => {
                Some(next_look(since, self.refusals.saturating_sub(1)))
            }
            Phase::Attention { reason: Reason::UnknownOutcome | Reason::NoLink, .. }
            | Phase::Due { .. }
            | Phase::Attempted
            | Phase::Listening
            | Phase::AwaitsRun => None,
        }
    }

    /// Whether nothing is to be done about it until a time or somebody else comes.
    pub(super) fn rests(&self) -> bool {
        self.next_at().is_some()
            || matches!(self.phase, Phase::Listening | Phase::AwaitsRun | Phase::Asked { .. })
    }

    /// An attempt that certainly changed nothing: the next one looks again at what stands there. After one that may
    /// have changed it, only the first look counts.
    pub(super) fn look_afresh(&mut self, then: Then) {
        if then == Then::Perform {
            self.before = None;
        }
    }

    /// The call through a link that it makes, or that it looks with.
    pub(crate) fn call(&self) -> Option<Call> {
        match &self.wish {
            Wish::Call(call) => Some(call.clone()),
            Wish::Approval(arguments) => Ask::read(arguments).ok()?.about().ok()??.call(),
            _ => None,
        }
    }

    /// The app that it needs a (better) link to.
    pub(crate) fn blocked_on(&self) -> Option<&str> {
        match (&self.wish, self.phase) {
            (
                Wish::Call(call),
                Phase::Attention { reason: Reason::Credentials | Reason::NoLink, .. },
            ) => call.function.split('.').next(),
            (
                Wish::Approval(arguments),
                Phase::Attention { reason: Reason::Credentials | Reason::NoLink, .. },
            ) => arguments["about"]["call"].as_str()?.split('.').next(),
            _ => None,
        }
    }

    pub(super) fn is_surely_without_effect(&self) -> bool {
        match self.phase {
            Phase::Attempted => false,
            Phase::Due { then } | Phase::Deferred { then, .. } | Phase::Held { then, .. } => {
                then == Then::Perform
            }
            Phase::Attention { reason, then, .. } => reason.is_without_effect(then),
            Phase::Timer { .. } | Phase::Listening | Phase::Asked { .. } | Phase::AwaitsRun => true,
        }
    }

    /// Whether a person who ends the run must hear of it. What only reads has no effect.
    pub(super) fn may_have_happened(&self) -> bool {
        let reads = matches!(&self.wish, Wish::Raw(call) if raw::only_reads(call));
        !reads && !self.is_surely_without_effect()
    }

    /// Whether finding out about it needs neither a person nor a link.
    pub(super) fn can_be_found_out(&self) -> bool {
        self.may_have_happened() && !matches!(self.phase, Phase::Attention { .. })
    }
}

fn called(function: FunctionCall) -> Wish {
    match function {
        FunctionCall::Catalogued { name, arguments } if name == ASK => Wish::Approval(arguments),
        FunctionCall::Catalogued { name, arguments } => {
            Wish::Call(Call { function: name, arguments })
        }
        raw => Wish::Raw(Box::new(raw)),
    }
}
