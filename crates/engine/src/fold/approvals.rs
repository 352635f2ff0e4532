//! What people were asked, as a part of the state of a run.

use callboard_flow::{Event, StepId};
use jiff::Timestamp;

use super::{Dropped, Move, Phase, RunState};
use crate::approvals::{Approval, News, Outcome};
use crate::journal::{Fact, Then};

impl RunState {
    /// What a step asked last, and what became of it.
    pub(crate) fn approval(&self, step: &StepId) -> Option<&Approval> {
        self.approvals.get(step)
    }

    /// The entry for an answer of a person, if it counts.
    pub(crate) fn answered(&self, step: &StepId, round: u32, news: News) -> Option<Fact> {
        let (News::Answered { by, .. } | News::Stale { by }) = &news else { return None };
        let asked = matches!(self.find(step)?.phase, Phase::Asked { .. });
        let approval = self.approvals.get(step).filter(|_| asked)?;
        let task = approval.task.clone();
        approval.takes(round, by).then(|| Fact::Approval { step: step.clone(), task, news })
    }

    pub(super) fn apply_approval(
        &mut self,
        step: &StepId,
        task: &str,
        news: &News,
        at: Timestamp,
    ) -> Result<(), String> {
        self.pending_mut(step)?;
        if let News::Asked(question) = news {
            let (run, workflow) = (self.run.clone(), self.definition.document.name.clone());
            let asked = Approval::asked(run, workflow, (step, task), (**question).clone(), at);
            self.pending_mut(step)?.phase = Phase::Asked { next_at: asked.next_at() };
            self.approvals.insert(step.clone(), asked);
            return Ok(());
        }
        let approval = self.approvals.get_mut(step).ok_or("nobody was asked")?;
        let outcome = approval.absorb(news, at);
        let next_at = approval.next_at();
        let step = step.clone();
        match (outcome, news) {
            (Some(Outcome::Output(output)), _) => {
                self.settle(&Event::CallSucceeded { step, output, at })
            }
            (Some(Outcome::Error(error)), _) => self.settle(&Event::CallFailed { step, error, at }),
            (None, News::Stale { .. }) => {
                self.pending_mut(&step)?.phase = Phase::Due { then: Then::Perform };
                Ok(())
            }
            (None, _) => {
                self.pending_mut(&step)?.phase = Phase::Asked { next_at };
                Ok(())
            }
        }
    }

    /// Nobody waits for the answer any more.
    pub(super) fn give_up_asking(&mut self, step: &StepId) {
        if let Some(approval) = self.approvals.get_mut(step)
            && approval.is_open()
        {
            approval.give_up();
            self.dropped.push(Dropped::Approval(step.clone()));
        }
    }

    /// What is due of a question that was asked.
    pub(super) fn next_of_asked(
        &self,
        step: &StepId,
        now: Timestamp,
        stopping: bool,
    ) -> Option<Move> {
        let approval = self.approvals.get(step)?;
        let news = approval.due(now)?;
        if news == News::Expired && approval.confirms() {
            return (!stopping).then(|| Move::Perform(step.clone()));
        }
        let (step, task) = (step.clone(), approval.task.clone());
        Some(Move::Write(Fact::Approval { step, task, news }))
    }
}
