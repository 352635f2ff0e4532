//! The life of a run while this process owns it: decide, commit, act, until it ends or rests.
//!
//! Deciding is `fold`. What was decided is durable before anything is done about it; outcome, new status, next wake time
//! and the attempts that follow are one transaction.

mod consequences;

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard_flow::StepId;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::attempt::{self, Ended, Going, Work};
use crate::children;
use crate::engine::Shared;
use crate::fold::{Inconsistency, Move, Phase, RunState, Wish};
use crate::gate::{Gate, Refused};
use crate::journal::{Entry, Fact, Reason, Then};
use crate::raw;
use crate::run::RunStatus;
use crate::store::{Advance, Change, ClaimedRun, Handover, NewRun, Refusal, Signal, StoreError};
use crate::watchers::Watch;

/// How long a lease lives without a sign of life.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often a long call gives one.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_secs(20);
/// Between two tries to write when the store fails.
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Before a run that could not be driven is tried again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Why a run is not driven on.
#[derive(Debug, thiserror::Error)]
enum DriveError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Inconsistent(#[from] Inconsistency),
}

/// Drives a claimed run until it is final or has nothing to do for now.
async fn drive(shared: Arc<Shared>, claimed: ClaimedRun) -> Result<(), DriveError> {
    let definition = shared.library.by_hash(&claimed.workflow_hash).await?;
    let entries = shared.journal.store().journal(&claimed.id).await?;
    let state = RunState::of(&claimed.id, definition, &entries)?;
    let spoken_to = Arc::clone(&shared);
    let watch = spoken_to.spoken.watch(&claimed.id);
    let driver = Driver {
        shared,
        epoch: claimed.epoch,
        state,
        in_flight: BTreeSet::new(),
        calls: JoinSet::new(),
        unwritten: Vec::new(),
        to_start: Vec::new(),
        to_begin: Vec::new(),
        signals_up_to: None,
        cancelled_by: None,
    };
    driver.run(&watch).await
}

struct Driver {
    shared: Arc<Shared>,
    epoch: i64,
    state: RunState,
    in_flight: BTreeSet<StepId>,
    calls: JoinSet<Ended>,
    /// Decided, not yet durable.
    unwritten: Vec<Entry>,
    /// To be done once it is.
    to_start: Vec<Going>,
    /// Runs to begin in the next transaction.
    to_begin: Vec<NewRun>,
    signals_up_to: Option<i64>,
    cancelled_by: Option<String>,
}

impl Driver {
    async fn run(mut self, watch: &Watch<'_>) -> Result<(), DriveError> {
        let mut spoken_to = true;
        loop {
            let spoken = watch.rung();
            tokio::pin!(spoken);
            spoken.as_mut().enable();
            let shared = Arc::clone(&self.shared);
            let delivered = shared.delivered.notified();
            tokio::pin!(delivered);
            delivered.as_mut().enable();
            if std::mem::take(&mut spoken_to) {
                self.hear().await?;
            }
            self.decide()?;
            let rests = self.in_flight.is_empty();
            self.commit(rests).await?;
            if rests {
                return Ok(());
            }
            self.start_calls();
            let wake = self.next_look();
            tokio::select! {
                () = spoken => spoken_to = true,
                () = delivered, if self.state.listens() => spoken_to = true,
                Some(ended) = self.calls.join_next() => self.take_outcomes(ended)?,
                () = shared.time.sleep_until(wake) => {}
                () = shared.stop.cancelled(), if !self.is_stopping() => {}
            }
        }
    }

    /// Turns what was said to the run into entries.
    async fn hear(&mut self) -> Result<(), DriveError> {
        let signals = self.shared.journal.store().signals(&self.state.run).await?;
        for (id, signal) in signals {
            if self.signals_up_to.is_some_and(|last| id <= last) || self.cancelled_by.is_some() {
                continue;
            }
            match signal {
                // Taken up only when nothing is on its way: until then it stays where it is, also over a crash.
                Signal::Cancel { by } => self.cancelled_by = Some(by),
                Signal::Resolve { step, verdict, by, output } => {
                    self.signals_up_to = Some(id);
                    if self.asks(&step).is_some() {
                        self.write(Fact::Resolved { step, verdict, by, output })?;
                    }
                }
                Signal::Event { step, event } => {
                    self.signals_up_to = Some(id);
                    if self.state.consumes(&step, &event) {
                        self.write(Fact::Received { step, event })?;
                    }
                }
                Signal::WorkflowEnded { step, run, ending } => {
                    self.signals_up_to = Some(id);
                    let awaited = self.state.find(&step).and_then(|step| step.child.as_ref());
                    if awaited == Some(&run) {
                        self.write(Fact::WorkflowEnded { step, run, ending })?;
                    }
                }
                Signal::LinkChanged { app, link } => {
                    self.signals_up_to = Some(id);
                    for step in self.state.blocked_steps(&app) {
                        self.write(Fact::Unblocked {
                            step,
                            why: format!("the link {link} was changed"),
                        })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn asks(&self, step: &StepId) -> Option<Reason> {
        match self.state.find(step)?.phase {
            Phase::Attention { reason, .. } => Some(reason),
            _ => None,
        }
    }

    fn is_stopping(&self) -> bool {
        self.cancelled_by.is_some() || self.shared.stop.is_cancelled()
    }

    /// Makes moves until there is none.
    fn decide(&mut self) -> Result<(), DriveError> {
        if self.in_flight.is_empty()
            && let Some(by) = self.cancelled_by.take()
        {
            // The run is over: later signals go with it.
            return self.write(Fact::Cancelled { by });
        }
        while let Some(next) = self.state.next_move(self.now(), &self.in_flight, self.is_stopping())
        {
            match next {
                Move::Write(fact) => self.write(fact)?,
                Move::Perform(step) => self.take_up(&step, Then::Perform)?,
                Move::Recover(step) => self.take_up(&step, Then::Recover)?,
                Move::StartWorkflow(step) => self.begin_workflow(&step)?,
            }
        }
        Ok(())
    }

    /// Passes the gate, writes the attempt down, and lays the call ready.
    fn take_up(&mut self, step: &StepId, then: Then) -> Result<(), DriveError> {
        let Some(pending) = self.state.find(step).cloned() else { return Ok(()) };
        let (step, exchanges) = (step.clone(), Vec::new());
        // What only reads is simply performed again.
        let then = match &pending.wish {
            Wish::Raw(call) if raw::only_reads(call) => Then::Perform,
            _ => then,
        };
        let attempt = match then {
            Then::Perform => pending.attempts + 1,
            Then::Recover => pending.attempts,
        };
        let work = match &pending.wish {
            Wish::Raw(_) if then == Then::Recover => {
                let known = "it was sent and its answer is lost".into();
                let remedy =
                    "look whether it took effect, then answer `happened`, `did-not` or `repeat`"
                        .into();
                let reason = Reason::UnknownOutcome;
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
            Wish::Raw(call) => Work::Raw(call.clone()),
            Wish::Call(call) => {
                let gate = Gate { catalogue: &self.shared.catalogue, links: &self.shared.links };
                let RunState { definition, trigger, .. } = &self.state;
                match gate.admit(definition, call, Some(trigger), pending.link.as_deref()) {
                    Ok(admitted) => Work::Action(admitted),
                    Err(Refused::Never(error)) => {
                        return self.write(Fact::Failed { step, attempt, error, exchanges });
                    }
                    Err(Refused::NoLink { known, remedy }) => {
                        let reason = Reason::NoLink;
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
                }
            }
            Wish::Timer { .. } | Wish::Emit { .. } | Wish::Listen { .. } | Wish::Workflow(_) => {
                return Ok(());
            }
        };
        let looks = match &work {
            Work::Action(admitted) => {
                then == Then::Perform && pending.before.is_none() && admitted.action.reads_before()
            }
            Work::Raw(_) => false,
        };
        let first_attempt_at = pending.first_attempt_at.unwrap_or_else(|| self.now());
        let (run, delays, before) = (self.state.run.clone(), pending.delays, pending.before);
        let secrets = match &work {
            Work::Raw(_) => self.state.secrets.clone(),
            Work::Action(_) => serde_json::Map::new(),
        };
        let going = Going {
            run,
            step,
            attempt,
            delays,
            first_attempt_at,
            then,
            before,
            looks,
            secrets,
            work,
        };
        if then == Then::Perform && !looks {
            self.write(attempt::attempted(&going, &pending.task, &self.shared.vault))?;
        }
        self.in_flight.insert(going.step.clone());
        self.to_start.push(going);
        Ok(())
    }

    fn begin_workflow(&mut self, step: &StepId) -> Result<(), DriveError> {
        let Some(pending) = self.state.find(step).cloned() else { return Ok(()) };
        let Wish::Workflow(wanted) = &pending.wish else { return Ok(()) };
        let (step, task) = (step.clone(), pending.task);
        match children::begin(&self.shared, &self.state, &step, wanted) {
            Ok(new) => {
                let (workflow, run) = (new.workflow.clone(), new.id.clone());
                self.to_begin.push(new);
                self.write(Fact::WorkflowStarted { step, task, workflow, run })
            }
            Err(error) => {
                let (attempt, exchanges) = (0, Vec::new());
                self.write(Fact::Failed { step, attempt, error, exchanges })
            }
        }
    }

    fn write(&mut self, fact: Fact) -> Result<(), DriveError> {
        let entry = Entry { at: self.now(), fact };
        self.state.absorb(&entry)?;
        self.unwritten.push(entry);
        Ok(())
    }

    async fn commit(&mut self, rests: bool) -> Result<(), DriveError> {
        let status = self.state.status(!rests);
        let handover = if rests {
            let halted = !status.is_final() && self.shared.stop.is_cancelled();
            let wake_at = if halted { Some(self.now()) } else { self.state.wake_at() };
            Handover::Release {
                wake_at: wake_at.filter(|_| !status.is_final()),
                blocked_on: self.state.blocked_on().map(str::to_owned),
            }
        } else {
            Handover::Keep { lease_until: self.shared.lease_until() }
        };
        let entries = std::mem::take(&mut self.unwritten);
        let (told, consequences) = self.consequences(&entries);
        let written = i64::try_from(entries.len()).unwrap_or_default();
        let advance = Advance {
            run: self.state.run.clone(),
            epoch: self.epoch,
            first_seq: self.state.next_seq() - written,
            entries,
            signals_up_to: self.signals_up_to,
            status,
            handover,
            at: self.now(),
        };
        let others = !consequences.is_empty();
        let mut changes = vec![Change::Advance(Box::new(advance))];
        changes.extend(consequences);
        insist(&self.shared, changes).await?;
        self.shared.moved.ring(&self.state.run);
        for run in told {
            self.shared.spoken.ring(&run);
        }
        if others {
            self.shared.delivered.notify_waiters();
        }
        if others || (rests && !status.is_final()) {
            // It may be due before anything the dispatcher knows of.
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    fn start_calls(&mut self) {
        for going in self.to_start.drain(..) {
            let shared = Arc::clone(&self.shared);
            self.calls.spawn(async move {
                going.go(shared.performer.as_ref(), &shared.vault, shared.time.as_ref()).await
            });
        }
    }

    /// Takes in every call that has ended.
    fn take_outcomes(
        &mut self,
        ended: Result<Ended, tokio::task::JoinError>,
    ) -> Result<(), DriveError> {
        let mut next = Some(ended);
        while let Some(ended) = next {
            match ended {
                Ok(Ended::Looked(going)) => self.attempt(*going)?,
                Ok(Ended::Outcome(fact)) => {
                    if let Some(step) = fact.step() {
                        self.in_flight.remove(step);
                        // Nobody waits any more for the attempt that a look came before.
                        if self.state.find(step).is_some() {
                            self.write(fact)?;
                        }
                    }
                }
                // Its outcome is unknown; the next owner of the run finds out about it.
                Err(error) => {
                    let tried = "performed a call";
                    return Err(StoreError::Failed { tried, why: error.to_string() }.into());
                }
            }
            next = self.calls.try_join_next();
        }
        Ok(())
    }

    /// The attempt that a look came before, unless the run is about to end.
    fn attempt(&mut self, going: Going) -> Result<(), DriveError> {
        let task = self.state.find(&going.step).map(|pending| pending.task.clone());
        let Some(task) = task.filter(|_| !self.is_stopping()) else {
            self.in_flight.remove(&going.step);
            return Ok(());
        };
        self.write(attempt::attempted(&going, &task, &self.shared.vault))?;
        self.to_start.push(going);
        Ok(())
    }

    /// A timer beside a call in flight, or the next sign of life.
    fn next_look(&self) -> Timestamp {
        let sign_of_life = after(self.now(), SIGN_OF_LIFE);
        // What is due and yet not taken up waits for a call to end, not for a time.
        let ahead = self.state.wake_at().filter(|wake| *wake > self.now());
        ahead.map_or(sign_of_life, |wake| wake.min(sign_of_life))
    }

    fn now(&self) -> Timestamp {
        self.shared.time.now()
    }
}

pub(crate) fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// Drives a run; one that cannot be driven on is let go of, so that it shows and others can try.
pub(crate) async fn drive_and_report(shared: Arc<Shared>, claimed: ClaimedRun) {
    let (status, wake_at) = match drive(Arc::clone(&shared), claimed.clone()).await {
        Ok(()) => return,
        Err(DriveError::Store(StoreError::Refused(Refusal::NotOwner { .. }))) => {
            tracing::warn!(run.id = %claimed.id, "the run has another owner now");
            return;
        }
        // A person must look: trying again would find the same.
        Err(
            error @ (DriveError::Inconsistent(_)
            | DriveError::Store(StoreError::Inconsistent { .. })),
        ) => {
            tracing::error!(run.id = %claimed.id, "the run cannot be driven on: {error}");
            (RunStatus::Attention, None)
        }
        Err(error) => {
            tracing::error!(run.id = %claimed.id, "the run cannot be driven on for now: {error}");
            (RunStatus::Waiting, Some(after(shared.time.now(), TRY_AGAIN)))
        }
    };
    let advance = Advance {
        run: claimed.id.clone(),
        epoch: claimed.epoch,
        first_seq: 0,
        entries: Vec::new(),
        signals_up_to: None,
        status,
        handover: Handover::Release { wake_at, blocked_on: None },
        at: shared.time.now(),
    };
    if let Err(error) = insist(&shared, vec![Change::Advance(Box::new(advance))]).await {
        tracing::error!(run.id = %claimed.id, "the run cannot be let go of: {error}");
    }
    shared.moved.ring(&claimed.id);
    shared.wake.notify_one();
}

/// A store that fails (a full disk) is tried again; one that refuses has a new owner for the run.
async fn insist(shared: &Shared, changes: Vec<Change>) -> Result<(), StoreError> {
    loop {
        match shared.journal.commit(changes.clone()).await {
            Err(StoreError::Failed { tried, why }) if !shared.stop.is_cancelled() => {
                tracing::error!("the store failed while it {tried}: {why}");
                shared.time.sleep_until(after(shared.time.now(), STORE_PAUSE)).await;
            }
            result => return result,
        }
    }
}
