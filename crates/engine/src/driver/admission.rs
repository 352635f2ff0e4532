//! The rate budget before every call. Waiting for it is no attempt: nothing is written but that it waits.

use callboard_flow::StepId;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::{DriveError, Driver, after};
use crate::attempt::{self, Ended, Going, Work};
use crate::budget::{Admission, Ask, Ticket, Turn};
use crate::fold::Phase;
use crate::journal::{Fact, Then};
use crate::outcome::Tried;

/// A wait that takes longer is told in the journal, so that people see it.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(3);

/// A step that waits for its turn.
pub(super) struct Waiting {
    ask: Ask,
    then: Then,
    task: String,
    since: Timestamp,
    gives_up: CancellationToken,
}

impl Driver {
    /// Lays a call ready, or lets it wait for its turn.
    pub(super) fn ask_for_budget(
        &mut self,
        mut going: Going,
        task: &str,
        asked_at: Option<Timestamp>,
    ) -> Result<(), DriveError> {
        // A run that is being cancelled only finds out, once each and at once.
        let (Work::Action(admitted), None) = (&going.work, &self.cancelled_by) else {
            return self.lay_ready(going, task);
        };
        let workflow = &self.state.definition.document.name;
        let (now, priority) = (self.now(), self.state.priority);
        let (link, action) = (&admitted.link.link, &admitted.action);
        let mut ask = Ask::new(link, action, priority, workflow, asked_at.unwrap_or(now));
        ask.stays = !self.in_flight.is_empty();
        match self.shared.desks.ask(ask.clone()) {
            Admission::Go(permit) => {
                going.pace = Some(Arc::new(permit));
                self.lay_ready(going, task)
            }
            Admission::ComeBack(until) => {
                let fact = held(&ask, going.step, task, until, going.then);
                self.leaving.push(ask);
                self.write(fact)
            }
            Admission::Wait(ticket) => {
                self.wait_for(going, task, ask, ticket);
                Ok(())
            }
        }
    }

    fn lay_ready(&mut self, going: Going, task: &str) -> Result<(), DriveError> {
        if going.then == Then::Perform && !going.looks {
            self.write(attempt::attempted(&going, task, &self.shared.vault))?;
        }
        self.in_flight.insert(going.step.clone());
        self.to_start.push(going);
        Ok(())
    }

    fn wait_for(&mut self, going: Going, task: &str, ask: Ask, ticket: Ticket) {
        let (step, gives_up) = (going.step.clone(), self.shared.stop.child_token());
        let now = self.now();
        let (attempt, delays) = (going.attempt, going.delays);
        let tried = Tried { step: step.clone(), attempt, delays, now };
        let without_effect = going.then == Then::Perform;
        let waiting = Waiting {
            ask,
            then: going.then,
            task: task.to_owned(),
            since: now,
            gives_up: gives_up.clone(),
        };
        let turn = self.calls.spawn(async move {
            let turn = tokio::select! {
                turn = ticket.wait() => turn,
                () = gives_up.cancelled() => None,
            };
            what_follows(going, turn)
        });
        self.calling.insert(turn.id(), (tried, without_effect));
        self.in_flight.insert(step.clone());
        self.waiting.insert(step, waiting);
    }

    /// It is a step's turn.
    pub(super) fn admitted(&mut self, going: Going) -> Result<(), DriveError> {
        self.waiting.remove(&going.step);
        let task = self.state.find(&going.step).map(|pending| pending.task.clone());
        let Some(task) = task.filter(|_| !self.is_stopping() && !self.state.paused) else {
            self.in_flight.remove(&going.step);
            return Ok(());
        };
        self.lay_ready(going, &task)
    }

    /// It is not a step's turn any more.
    pub(super) fn not_admitted(
        &mut self,
        step: &StepId,
        until: Option<Timestamp>,
    ) -> Result<(), DriveError> {
        self.in_flight.remove(step);
        let waiting = self.waiting.remove(step);
        let (Some(Waiting { ask, then, task, .. }), Some(until)) = (waiting, until) else {
            return Ok(());
        };
        if self.state.find(step).is_none() || self.is_stopping() || self.state.paused {
            return Ok(());
        }
        let fact = held(&ask, step.clone(), &task, until, then);
        self.leaving.push(ask);
        self.write(fact)
    }

    /// Tells what has waited long, and lets go of what nobody wants any more.
    pub(super) fn mind_who_waits(&mut self) -> Result<(), DriveError> {
        let (now, stopping) = (self.now(), self.is_stopping() || self.state.paused);
        let mut told = Vec::new();
        for (step, waiting) in &self.waiting {
            match self.state.find(step).map(|pending| pending.phase) {
                Some(phase) if !stopping => {
                    let known = matches!(phase, Phase::Held { until, .. } if until > now);
                    if !known && after(waiting.since, WORTH_TELLING) <= now {
                        let Waiting { ask, then, task, .. } = waiting;
                        let until = self.shared.desks.turn_comes_at(ask, waiting.since);
                        told.push(held(ask, step.clone(), task, until, *then));
                    }
                }
                _ => waiting.gives_up.cancel(),
            }
        }
        told.into_iter().try_for_each(|fact| self.write(fact))
    }

    /// When somebody will have waited long enough to be told of.
    pub(super) fn next_word(&self) -> Option<Timestamp> {
        let untold = self.waiting.iter().filter(|(step, _)| {
            let phase = self.state.find(step).map(|pending| pending.phase);
            !matches!(phase, Some(Phase::Held { .. }))
        });
        untold.map(|(_, waiting)| after(waiting.since, WORTH_TELLING)).min()
    }

    /// The steps that found no room rest now, and can be called in.
    pub(super) fn take_leave(&mut self) {
        for ask in self.leaving.drain(..) {
            self.shared.desks.went_on_leave(ask);
        }
    }
}

fn what_follows(mut going: Going, turn: Option<Turn>) -> Ended {
    match turn {
        None => Ended::NotAdmitted(going.step, None),
        Some(Turn::ComeBack(until)) => Ended::NotAdmitted(going.step, Some(until)),
        Some(Turn::Go(permit)) => {
            going.pace = Some(Arc::new(permit));
            Ended::Admitted(Box::new(going))
        }
    }
}

fn held(ask: &Ask, step: StepId, task: &str, until: Timestamp, then: Then) -> Fact {
    Fact::Held {
        step,
        task: task.to_owned(),
        tenant: ask.tenant.clone(),
        bucket: ask.bucket().to_owned(),
        until,
        then,
    }
}
