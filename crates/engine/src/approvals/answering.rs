//! Answers of people: refused with a reason, or said to the run.

use std::time::Duration;

use callboard_apps::Risk;
use jiff::Timestamp;

use super::asking::{of_what_counts, read};
use super::state::{Approval, ApprovalState};
use crate::answers::AnswerError;
use crate::engine::Engine;
use crate::gate::{Admitted, Gate, Refused};
use crate::people::{Caller, Role};
use crate::sealing::masked;
use crate::store::{ApprovalFilter, Signal, StoreError};

/// How long an answer waits for the run to take it up.
const TAKE_UP: Duration = Duration::from_secs(10);
const LONGEST_REASON: usize = 2_000;

/// An answer as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalReply {
    pub approve: bool,
    pub reason: Option<String>,
    /// The round that the person has read, where they say so.
    pub round: Option<u32>,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    #[error("there is no approval `{id}`")]
    Unknown { id: String },
    #[error("{person} may not answer this: it is asked of {asked}")]
    NotAsked { person: String, asked: String },
    #[error(
        "{person} may not answer this: the key has the role {role}, answering takes {}",
        Role::Approver
    )]
    SmallRole { person: String, role: Role },
    #[error("{person} asked for this run; somebody else must answer (four eyes)")]
    FourEyes { person: String },
    #[error("{person} has answered already; somebody else must answer as well")]
    Twice { person: String },
    #[error("this was answered already: {by} said {}", word(*.approve))]
    Answered { by: String, approve: bool },
    #[error("the time to answer ended at {deadline}")]
    Expired { deadline: Timestamp },
    #[error("the run does not wait for this answer any more")]
    Dropped,
    #[error("this was asked afresh, as round {round}: read it again, then answer")]
    AskedAfresh { round: u32 },
    #[error(
        "what this is about has changed since it was asked, so the answer was not taken; it is asked afresh: read it again"
    )]
    Stale,
    #[error("what this is about cannot be read right now, so it cannot be approved: {why}")]
    Unreadable { why: String },
    #[error("a reason has at most {LONGEST_REASON} characters")]
    LongReason,
    #[error("{0}")]
    Store(#[from] StoreError),
}

fn word(approve: bool) -> &'static str {
    if approve { "yes" } else { "no" }
}

impl Engine {
    /// Newest first.
    pub async fn approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, StoreError> {
        let found = self.shared.journal.store().list_approvals(filter).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// One approval, its secrets masked.
    pub async fn approval(&self, id: &str) -> Result<Approval, ApprovalError> {
        Ok(shown(self.sealed_approval(id).await?))
    }

    /// Where a person reads and answers it.
    pub fn approval_url(&self, id: &str) -> String {
        self.shared.approval_url(id)
    }

    /// Answers for this person. What it is about is read again first: where that has changed, the answer is not taken
    /// and the question is asked afresh.
    pub async fn answer_approval(
        &self,
        id: &str,
        person: &Caller,
        reply: ApprovalReply,
    ) -> Result<Approval, ApprovalError> {
        let approval = self.sealed_approval(id).await?;
        may_answer(&approval, person, &reply, self.shared.time.now())?;
        let stale = self.has_changed(&approval, reply.approve).await?;
        let (run, round) = (approval.run.clone(), approval.asked.round);
        let ApprovalReply { approve, reason, .. } = reply;
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        let signal = Signal::Answer {
            step: approval.step.clone(),
            round,
            by: person.name.clone(),
            approve,
            reason,
            stale,
        };
        match self.say(&run, signal).await {
            Ok(()) => {}
            Err(AnswerError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(ApprovalError::Dropped),
        }
        let now = self.taken_up(approval, &person.name, stale).await?;
        if stale {
            return Err(ApprovalError::Stale);
        }
        let ours = now.answers.iter().any(|given| given.by == person.name);
        if ours || (now.state == ApprovalState::Open && now.asked.round == round) {
            return Ok(shown(now));
        }
        Err(closed(&now).unwrap_or(ApprovalError::AskedAfresh { round: now.asked.round }))
    }

    async fn sealed_approval(&self, id: &str) -> Result<Approval, ApprovalError> {
        let found = self.shared.journal.store().find_approval(id).await?;
        found.ok_or_else(|| ApprovalError::Unknown { id: id.into() })
    }

    /// Whether what it is about is different from what was seen. Where that cannot be found out, only "no" is taken.
    async fn has_changed(&self, approval: &Approval, approve: bool) -> Result<bool, ApprovalError> {
        let asked = &approval.asked;
        let Some(about) = &asked.about else { return Ok(false) };
        let Some(call) = about.call() else { return Ok(false) };
        let read = match self.admit_reading(approval, &call).await {
            Ok(admitted) => {
                let seen = read(&self.shared, &approval.run, &approval.step, &admitted).await;
                seen.map_err(|failed| failed.failure.to_string())
            }
            Err(why) => Err(why),
        };
        match read {
            Ok(seen) => {
                let now = of_what_counts(&self.shared, &approval.run, about, &seen);
                Ok(now != asked.fingerprint)
            }
            Err(why) if approve => Err(ApprovalError::Unreadable { why }),
            Err(_) => Ok(false),
        }
    }

    async fn admit_reading(
        &self,
        approval: &Approval,
        call: &crate::fold::Call,
    ) -> Result<Admitted, String> {
        let store = self.shared.journal.store();
        let entries = store.journal_after(&approval.run, 0, 1).await;
        let entries = entries.map_err(|error| error.to_string())?;
        let Some(crate::journal::Fact::Started { hash, trigger, .. }) =
            entries.first().map(|first| &first.fact)
        else {
            return Err("the run has no beginning".into());
        };
        let definition =
            self.shared.library.by_hash(hash).await.map_err(|error| error.to_string())?;
        let gate = Gate { catalogue: &self.shared.catalogue, links: &self.shared.links };
        match gate.admit(&definition, call, Some(trigger), None) {
            Ok(admitted) if admitted.action.risk == Risk::Read => Ok(admitted),
            Ok(admitted) => Err(format!("`{}` does not only read", admitted.action.id)),
            Err(Refused::Never(error)) => Err(error.to_string()),
            Err(Refused::NoLink { known, .. }) => Err(known),
        }
    }

    /// The approval once the run has taken up what was said, and asked afresh where that follows; or as it stands
    /// after a while.
    async fn taken_up(
        &self,
        before: Approval,
        person: &str,
        stale: bool,
    ) -> Result<Approval, ApprovalError> {
        let watch = self.shared.moved.watch(&before.run);
        let out_of_patience = tokio::time::sleep(TAKE_UP);
        tokio::pin!(out_of_patience);
        loop {
            let moved = watch.rung();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let now = self.sealed_approval(&before.asked.id).await?;
            let afresh = now.asked.round != before.asked.round;
            let moved_on = now.state == ApprovalState::Stale && !stale;
            if !now.is_open() || afresh || moved_on || now.has_answered(person) {
                return Ok(now);
            }
            tokio::select! {
                () = moved => {}
                () = &mut out_of_patience => return Ok(now),
                () = self.shared.stop.cancelled() => return Ok(now),
            }
        }
    }
}

/// A person's answer, judged by what is known before anything is read.
fn may_answer(
    approval: &Approval,
    person: &Caller,
    reply: &ApprovalReply,
    now: Timestamp,
) -> Result<(), ApprovalError> {
    let name = || person.name.clone();
    if person.role < Role::Approver {
        return Err(ApprovalError::SmallRole { person: name(), role: person.role });
    }
    if !approval.asked.from.includes(person) {
        let from = &approval.asked.from;
        let groups = from.groups.iter().map(|group| format!("the group {group}"));
        let asked: Vec<String> = from.people.iter().cloned().chain(groups).collect();
        return Err(ApprovalError::NotAsked { person: name(), asked: asked.join(", ") });
    }
    if approval.asked.four_eyes && approval.asked.requested_by.contains(&person.name) {
        return Err(ApprovalError::FourEyes { person: name() });
    }
    if let Some(error) = closed(approval) {
        return Err(error);
    }
    let round = approval.asked.round;
    let other_round = reply.round.is_some_and(|read| read != round);
    if other_round || approval.state == ApprovalState::Stale {
        return Err(ApprovalError::AskedAfresh { round });
    }
    if approval.has_answered(&person.name) {
        return Err(ApprovalError::Twice { person: name() });
    }
    if let Some(deadline) = approval.asked.deadline.filter(|deadline| *deadline <= now) {
        return Err(ApprovalError::Expired { deadline });
    }
    if reply.reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(ApprovalError::LongReason);
    }
    Ok(())
}

/// Why nobody can answer it any more, if so.
fn closed(approval: &Approval) -> Option<ApprovalError> {
    match approval.state {
        ApprovalState::Open | ApprovalState::Stale => None,
        ApprovalState::Approved | ApprovalState::Rejected => {
            let last = approval.answers.last()?;
            Some(ApprovalError::Answered { by: last.by.clone(), approve: last.approve })
        }
        ApprovalState::Expired => {
            let deadline = approval.asked.deadline.or(approval.ended_at);
            Some(ApprovalError::Expired { deadline: deadline.unwrap_or(approval.asked_at) })
        }
        ApprovalState::Dropped => Some(ApprovalError::Dropped),
    }
}

fn shown(mut approval: Approval) -> Approval {
    approval.asked.evidence = masked(&approval.asked.evidence);
    approval.asked.seen = masked(&approval.asked.seen);
    if let serde_json::Value::String(text) =
        masked(&serde_json::Value::String(std::mem::take(&mut approval.asked.question)))
    {
        approval.asked.question = text;
    }
    approval
}
