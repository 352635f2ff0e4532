//! Asking people: what is wrong with a question fails its step; what it is about is read through the gate.

use callboard_apps::Risk;
use callboard_flow::{ErrorKind, StepId, WorkflowError};
use serde_json::Value;

use super::{DriveError, Driver};
use crate::approvals::{Ask, Asking};
use crate::fold::{Pending, RunState};
use crate::gate::{Gate, Refused};
use crate::journal::{Fact, Reason, Then};
use crate::outcome::Tried;

impl Driver {
    /// Lays a question ready, or writes down why it cannot be asked.
    pub(super) fn ask(
        &mut self,
        step: &StepId,
        pending: &Pending,
        arguments: &Value,
    ) -> Result<(), DriveError> {
        let attempt = pending.attempts + 1;
        let read = Ask::read(arguments).and_then(|ask| ask.about().map(|about| (ask, about)));
        let (ask, about) = match read {
            Ok(read) => read,
            Err(why) => return self.cannot_ask(step, attempt, ErrorKind::Validation, why),
        };
        let gate = Gate { catalogue: &self.shared.catalogue, links: &self.shared.links };
        let RunState { definition, trigger, .. } = &self.state;
        let call = about.as_ref().and_then(crate::approvals::About::call);
        let admitted = call.map(|call| gate.admit(definition, &call, Some(trigger), None));
        let reading = match admitted.transpose() {
            Ok(Some(admitted)) if admitted.action.risk != Risk::Read => {
                let id = &admitted.action.id;
                let why =
                    format!("a question can be about what an action reads; `{id}` changes things");
                return self.cannot_ask(step, attempt, ErrorKind::Configuration, why);
            }
            Ok(reading) => reading,
            Err(Refused::Never(error)) => {
                let (step, exchanges) = (step.clone(), Vec::new());
                return self.write(Fact::Failed {
                    step,
                    attempt,
                    error,
                    partial: false,
                    exchanges,
                });
            }
            Err(Refused::NoLink { known, remedy }) => {
                let (step, exchanges) = (step.clone(), Vec::new());
                let (reason, then) = (Reason::NoLink, Then::Perform);
                return self.write(Fact::AttentionRequired {
                    step,
                    attempt,
                    reason,
                    known,
                    remedy,
                    then,
                    exchanges,
                });
            }
        };
        if let Some(admitted) = &reading {
            self.admitted.insert(step.clone(), std::sync::Arc::clone(&admitted.link.link));
        }
        let (delays, now) = (pending.delays, self.now());
        self.in_flight.insert(step.clone());
        self.to_ask.push(Asking {
            run: self.state.run.clone(),
            trigger: self.state.trigger.clone(),
            again_by: self.state.again_by.clone(),
            requesters: self.state.requesters.clone(),
            task: pending.task.clone(),
            tried: Tried { step: step.clone(), attempt, delays, now },
            ask,
            about,
            reading,
            before: self.state.approval(step).cloned(),
        });
        Ok(())
    }

    fn cannot_ask(
        &mut self,
        step: &StepId,
        attempt: u32,
        kind: ErrorKind,
        why: String,
    ) -> Result<(), DriveError> {
        let (step, error, exchanges) = (step.clone(), WorkflowError::new(kind, why), Vec::new());
        self.write(Fact::Failed { step, attempt, error, partial: false, exchanges })
    }
}
