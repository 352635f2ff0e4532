//! An approval as the journal tells it. Pure.

use callboard_flow::{ErrorKind, StepId, WorkflowError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::question::{OnDeadline, Question};
use crate::ids::RunId;

/// What happened to an approval: the entries of the journal about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "approval")]
pub enum News {
    Asked(Box<Question>),
    Reminded,
    Answered {
        by: String,
        approve: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The deadline passed.
    Expired,
    /// What it is about has changed; the answer of this person was not taken, and it is asked afresh.
    Stale {
        by: String,
    },
}

impl News {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Asked(_) => "asked",
            Self::Reminded => "reminded",
            Self::Answered { .. } => "answered",
            Self::Expired => "expired",
            Self::Stale { .. } => "stale",
        }
    }
}

/// An answer of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub by: String,
    pub approve: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    Open,
    /// About to be asked afresh.
    Stale,
    Approved,
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// The run goes on, or is over, without an answer.
    Dropped,
}

impl ApprovalState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Stale => "stale",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }
}

/// A question and what became of it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub run: RunId,
    pub workflow: String,
    pub step: StepId,
    pub task: String,
    pub asked: Question,
    pub asked_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// Of this round.
    #[serde(default)]
    pub answers: Vec<Given>,
    pub state: ApprovalState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// What the step gives once nobody is asked any more.
pub(crate) enum Outcome {
    Output(Value),
    Error(WorkflowError),
}

impl Approval {
    /// As it stands when it was just asked.
    pub(crate) fn asked(
        run: RunId,
        workflow: String,
        (step, task): (&StepId, &str),
        asked: Question,
        at: Timestamp,
    ) -> Self {
        Self {
            run,
            workflow,
            step: step.clone(),
            task: task.to_owned(),
            asked,
            asked_at: at,
            reminded_at: None,
            answers: Vec::new(),
            state: ApprovalState::Open,
            ended_at: None,
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn give_up(&mut self) {
        self.state = ApprovalState::Dropped;
    }

    /// Whether it may still be answered, now or after it was asked afresh.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, ApprovalState::Open | ApprovalState::Stale)
    }

    /// What is due by now: a reminder, or the end.
    pub(crate) fn due(&self, now: Timestamp) -> Option<News> {
        if self.deadline_passed(now) {
            Some(News::Expired)
        } else {
            self.next_reminder().is_some_and(|at| at <= now).then_some(News::Reminded)
        }
    }

    pub(crate) fn deadline_passed(&self, now: Timestamp) -> bool {
        self.asked.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether an approval by itself must look first whether anything has changed.
    pub(crate) fn confirms(&self) -> bool {
        let reads = self.asked.about.as_ref().is_some_and(|about| about.call().is_some());
        self.asked.on_deadline == OnDeadline::Approve && reads
    }

    /// When something of it is due by itself.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.next_reminder().into_iter().chain(self.asked.deadline).min()
    }

    fn next_reminder(&self) -> Option<Timestamp> {
        let every = SignedDuration::from_secs(self.asked.remind_seconds?);
        self.reminded_at.unwrap_or(self.asked_at).checked_add(every).ok()
    }

    pub(crate) fn has_answered(&self, person: &str) -> bool {
        self.answers.iter().any(|given| given.by == person)
    }

    /// Whether an answer to this round counts.
    pub(crate) fn takes(&self, round: u32, person: &str) -> bool {
        self.state == ApprovalState::Open && self.asked.round == round && !self.has_answered(person)
    }

    /// Takes in what happened after it was asked. Answers the outcome, where this is the end.
    pub(crate) fn absorb(&mut self, news: &News, at: Timestamp) -> Option<Outcome> {
        match news {
            News::Asked(_) => None,
            News::Reminded => {
                self.reminded_at = Some(at);
                None
            }
            News::Stale { .. } => {
                self.state = ApprovalState::Stale;
                None
            }
            News::Answered { by, approve, reason } => {
                let (by, reason, approve) = (by.clone(), reason.clone(), *approve);
                self.answers.push(Given { by, approve, reason, at });
                let approvals = self.answers.iter().filter(|given| given.approve).count();
                if !approve {
                    return Some(self.end(ApprovalState::Rejected, at));
                }
                let enough =
                    usize::try_from(self.asked.count).is_ok_and(|count| approvals >= count);
                enough.then(|| self.end(ApprovalState::Approved, at))
            }
            News::Expired => Some(self.end(ApprovalState::Expired, at)),
        }
    }

    fn end(&mut self, state: ApprovalState, at: Timestamp) -> Outcome {
        (self.state, self.ended_at) = (state, Some(at));
        let expired = state == ApprovalState::Expired;
        if expired && self.asked.on_deadline == OnDeadline::Fail {
            let question = &self.asked.question;
            let detail = format!("nobody answered in time: {question}");
            return Outcome::Error(WorkflowError::new(ErrorKind::Timeout, detail));
        }
        let approved = match state {
            ApprovalState::Expired => self.asked.on_deadline == OnDeadline::Approve,
            state => state == ApprovalState::Approved,
        };
        let last = self.answers.last().filter(|_| !expired);
        Outcome::Output(json!({
            "approval": self.asked.id,
            "approved": approved,
            "by": last.map(|given| &given.by),
            "reason": last.and_then(|given| given.reason.as_ref()),
            "at": at.to_string(),
            "expired": expired,
            "answers": self.answers,
        }))
    }
}
