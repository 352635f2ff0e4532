//! What each kind of entry does to the state of a run.

use callboard_flow::{ErrorKind, Event, StepId, WorkflowError};
use jiff::Timestamp;
use serde_json::Value;

use super::{Phase, RunState, Wish};
use crate::budget::leave_key;
use crate::journal::{Ending, Entry, Fact, Reason, Then};
use crate::run::{RunStatus, Verdict};

impl RunState {
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        if self.status.is_some() {
            return Err("the run is over".into());
        }
        let at = entry.at;
        match &entry.fact {
            Fact::Started { .. } => return Err("a run starts once".into()),
            Fact::Held { step, tenant, until, then, .. } => {
                let on_leave = leave_key(tenant, &self.definition.document.name);
                let pending = self.pending_mut(step)?;
                pending.asked_at.get_or_insert(at);
                pending.on_leave = Some(on_leave);
                pending.phase = Phase::Held { until: *until, then: *then, asks: false };
            }
            Fact::AwaitsTurn { .. } => self.await_turn(),
            Fact::TurnCame => self.take_turn(at),
            Fact::Attempted { step, attempt, link, before, key, .. } => {
                let pending = self.pending_mut(step)?;
                (pending.asked_at, pending.on_leave) = (None, None);
                pending.phase = Phase::Attempted;
                pending.attempts = *attempt;
                pending.link = Some(link.clone());
                pending.key = Some(key.clone());
                pending.before.clone_from(before);
                pending.first_attempt_at.get_or_insert(at);
            }
            Fact::Succeeded { step, output, .. } => {
                self.settle(&Event::CallSucceeded {
                    step: step.clone(),
                    output: output.clone(),
                    at,
                })?;
            }
            Fact::Failed { step, error, .. } => {
                let (step, error) = (step.clone(), error.clone());
                let event = match self.pending_mut(&step)?.wish {
                    Wish::Workflow(_) => Event::WorkflowFailed { step, error, at },
                    _ => Event::CallFailed { step, error, at },
                };
                self.settle(&event)?;
            }
            Fact::Deferred { step, next_at, then, .. } => {
                let phase = Phase::Deferred { next_at: *next_at, then: *then };
                let pending = self.pending_mut(step)?;
                pending.delays = pending.delays.saturating_add(1);
                pending.look_afresh(*then);
                self.rest(step, phase)?;
            }
            Fact::TimerSet { step, until, .. } => {
                self.pending_mut(step)?.phase = Phase::Timer { until: *until }
            }
            Fact::TimerFired { step } => {
                self.settle(&Event::TimerFired { step: step.clone(), at })?;
            }
            Fact::Emitted { step, .. } => {
                self.settle(&Event::Emitted { step: step.clone(), at })?;
            }
            Fact::Listening { .. }
            | Fact::Received { .. }
            | Fact::WorkflowStarted { .. }
            | Fact::WorkflowEnded { .. } => self.apply_of_others(&entry.fact, at)?,
            Fact::Approval { step, task, news } => self.apply_approval(step, task, news, at)?,
            Fact::AttentionRequired { step, reason, then, .. } => {
                if *reason == Reason::Credentials {
                    let pending = self.pending_mut(step)?;
                    pending.refusals = pending.refusals.saturating_add(1);
                }
                self.rest(step, Phase::Attention { reason: *reason, then: *then, since: at })?;
            }
            Fact::Resolved { step, verdict, output, .. } => match verdict {
                Verdict::Happened => {
                    let output = output.clone().unwrap_or(Value::Null);
                    self.settle(&Event::CallSucceeded { step: step.clone(), output, at })?;
                }
                Verdict::DidNot | Verdict::Repeat => {
                    if *verdict == Verdict::DidNot {
                        self.pending_mut(step)?.look_afresh(Then::Perform);
                    }
                    self.rest(step, Phase::Due { then: Then::Perform })?;
                }
            },
            Fact::Unblocked { step, .. } => {
                let pending = self.pending_mut(step)?;
                let Phase::Attention { then, .. } = pending.phase else {
                    return Err("nothing blocked it".into());
                };
                pending.phase = Phase::Due { then };
            }
            Fact::Paused { .. } => self.paused = true,
            Fact::Resumed { .. } => self.paused = false,
            Fact::Completed { .. } => self.status = Some(RunStatus::Completed),
            Fact::Faulted { .. } => self.status = Some(RunStatus::Faulted),
            Fact::Cancelled { .. } => self.status = Some(RunStatus::Cancelled),
        }
        Ok(())
    }

    /// Entries that tie this run to events and to other runs.
    fn apply_of_others(&mut self, fact: &Fact, at: Timestamp) -> Result<(), String> {
        match fact {
            Fact::Listening { step, .. } => self.pending_mut(step)?.phase = Phase::Listening,
            Fact::Received { step, event } => {
                self.pending_mut(step)?;
                let (step, event) = (step.clone(), event.clone());
                self.tell(&Event::EventReceived { step, event, at })?;
            }
            Fact::WorkflowStarted { step, run, .. } => {
                let pending = self.pending_mut(step)?;
                if matches!(&pending.wish, Wish::Workflow(wanted) if wanted.awaits) {
                    pending.phase = Phase::AwaitsRun;
                    pending.child = Some(run.clone());
                } else {
                    let (step, output) = (step.clone(), Value::Null);
                    self.settle(&Event::WorkflowSucceeded { step, output, at })?;
                }
            }
            Fact::WorkflowEnded { step, ending, .. } => {
                let step = step.clone();
                self.settle(&match ending.clone() {
                    Ending::Completed { output } => Event::WorkflowSucceeded { step, output, at },
                    Ending::Faulted { error } => Event::WorkflowFailed { step, error, at },
                    Ending::Cancelled { by } => {
                        let detail = format!("the workflow was cancelled by {by}");
                        let error = WorkflowError::new(ErrorKind::Runtime, detail);
                        Event::WorkflowFailed { step, error, at }
                    }
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A step that nobody waits for any more need not rest once it is certain that it had no effect.
    fn rest(&mut self, step: &StepId, phase: Phase) -> Result<(), String> {
        let pending = self.pending_mut(step)?;
        pending.phase = phase;
        if pending.forgotten && pending.is_surely_without_effect() {
            self.remove(step);
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, event: &Event) -> Result<(), String> {
        let step = event.step().ok_or("it is about no step")?;
        let pending = self.remove(step).ok_or_else(|| format!("nobody waits for {step}"))?;
        if pending.forgotten { Ok(()) } else { self.tell(event) }
    }

    fn tell(&mut self, event: &Event) -> Result<(), String> {
        let commands = self.execution.apply(event).map_err(|error| error.to_string())?;
        self.take(commands);
        Ok(())
    }
}
