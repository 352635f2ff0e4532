//! What a run does next, given the time. Pure.

use std::collections::BTreeSet;

use callboard_flow::StepId;
use jiff::Timestamp;
use serde_json::Value;

use super::{End, Pending, Phase, RunState, Wish};
use crate::journal::{Fact, Then};

/// At most so many calls of one run are in flight.
const MOST_IN_FLIGHT: usize = 64;

/// The next thing to do.
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once, never stored")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Move {
    /// Only to be written down.
    Write(Fact),
    /// To be admitted, written down, then performed.
    Perform(StepId),
    /// To be found out about.
    Recover(StepId),
    /// Another run is to be begun.
    StartWorkflow(StepId),
}

/// What may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace<'a> {
    /// Whatever is due.
    Going,
    /// Only finding out, now and once each, about what may have happened. These were asked about.
    Cancelling { asked: &'a BTreeSet<StepId> },
    /// No call: the process ends.
    Halting,
}

impl RunState {
    /// The first move that can be made now.
    pub(crate) fn next_move(
        &self,
        now: Timestamp,
        in_flight: &BTreeSet<StepId>,
        pace: Pace<'_>,
    ) -> Option<Move> {
        if self.is_over() {
            return None;
        }
        let mut open = self.pending.iter().filter(|(step, _)| !in_flight.contains(step));
        if let Pace::Cancelling { asked } = pace {
            let found = open
                .find(|(step, pending)| pending.can_be_found_out() && !asked.contains(step))
                .filter(|_| in_flight.len() < MOST_IN_FLIGHT);
            return found.map(|(step, _)| Move::Recover(step.clone()));
        }
        if self.is_halted() {
            return None;
        }
        let stopping = matches!(pace, Pace::Halting);
        match &self.end {
            // What is on its way reports before the run closes.
            Some(end) if self.pending.iter().all(|(_, pending)| !pending.forgotten) => {
                Some(Move::Write(closing(end)))
            }
            Some(_) => {
                open.find_map(|(step, pending)| call(step, pending, now, in_flight, stopping))
            }
            None => open.find_map(|(step, pending)| match &pending.wish {
                Wish::Approval(_) if matches!(pending.phase, Phase::Asked { .. }) => {
                    self.next_of_asked(step, now, stopping)
                }
                Wish::Call(_) | Wish::Raw(_) | Wish::Approval(_) => {
                    call(step, pending, now, in_flight, stopping)
                }
                Wish::Timer { until } => timer(step, pending, *until, now),
                Wish::Emit { event } => {
                    let event = self.announced(event);
                    Some(Move::Write(Fact::Emitted { step: step.clone(), event }))
                }
                Wish::Listen { subscriptions } => is_due(pending).then(|| {
                    Move::Write(Fact::Listening {
                        step: step.clone(),
                        task: pending.task.clone(),
                        subscriptions: subscriptions.clone(),
                    })
                }),
                Wish::Workflow(_) => {
                    (is_due(pending) && !stopping).then(|| Move::StartWorkflow(step.clone()))
                }
            }),
        }
    }
}

impl RunState {
    /// The event as this run announces it: one that is announced anew is not the earlier run's.
    fn announced(&self, event: &Value) -> Value {
        let mut event = event.clone();
        if let Some(root) = &self.root
            && let Some(step) = event["id"].as_str().and_then(|id| id.strip_prefix(root.as_str()))
            && step.starts_with(':')
        {
            event["id"] = format!("{}{step}", self.run).into();
        }
        event
    }
}

fn call(
    step: &StepId,
    pending: &Pending,
    now: Timestamp,
    in_flight: &BTreeSet<StepId>,
    stopping: bool,
) -> Option<Move> {
    if stopping || in_flight.len() >= MOST_IN_FLIGHT {
        return None;
    }
    let take_up = |then| match then {
        Then::Perform => Move::Perform(step.clone()),
        Then::Recover => Move::Recover(step.clone()),
    };
    match pending.phase {
        Phase::Due { then } => Some(take_up(then)),
        Phase::Attempted => Some(Move::Recover(step.clone())),
        Phase::Deferred { next_at, then } if next_at <= now => Some(take_up(then)),
        Phase::Held { until, then, asks } if asks || until <= now => Some(take_up(then)),
        Phase::Attention { .. } if pending.next_at().is_some_and(|at| at <= now) => {
            Some(Move::Write(Fact::Unblocked {
                step: step.clone(),
                why: "it looks again by itself".into(),
            }))
        }
        Phase::Deferred { .. }
        | Phase::Held { .. }
        | Phase::Attention { .. }
        | Phase::Timer { .. }
        | Phase::Listening
        | Phase::Asked { .. }
        | Phase::AwaitsRun => None,
    }
}

fn timer(step: &StepId, pending: &Pending, until: Timestamp, now: Timestamp) -> Option<Move> {
    match pending.phase {
        Phase::Timer { until } if until <= now => {
            Some(Move::Write(Fact::TimerFired { step: step.clone() }))
        }
        Phase::Timer { .. } => None,
        _ => Some(Move::Write(Fact::TimerSet {
            step: step.clone(),
            task: pending.task.clone(),
            until,
        })),
    }
}

fn is_due(pending: &Pending) -> bool {
    matches!(pending.phase, Phase::Due { .. })
}

fn closing(end: &End) -> Fact {
    match end {
        End::Completed(output) => Fact::Completed { output: output.clone() },
        End::Faulted(error) => Fact::Faulted { error: error.clone() },
    }
}
