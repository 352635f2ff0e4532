//! The life of a run while this process owns it: decide, commit, act, until it ends or rests.
//!
//! Deciding is `fold`. What was decided is durable before anything is done about it; outcome, new status, next wake time
//! and the attempts that follow are one transaction.

mod admission;
mod asking;
mod consequences;
mod letting_go;
mod mending;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use callboard_apps::Link;
use callboard_flow::StepId;
use jiff::{SignedDuration, Timestamp};
use tokio::task::{self, JoinSet};

use crate::approvals::{Asking, News, prepare};
use crate::attempt::{self, Ended, Going, Work};
use crate::budget::Ask;
use crate::children;
use crate::engine::Shared;
use crate::fold::{Inconsistency, Move, Pace, Phase, RunState, Wish};
use crate::gate::{Gate, Refused};
use crate::history::{self, FoldError};
use crate::journal::{Entry, Fact, Reason, Then};
use crate::outcome::{self, Tried};
use crate::raw;
use crate::run::RunStatus;
use crate::store::{Advance, Change, ClaimedRun, Handover, NewRun, Refusal, Signal, StoreError};
use crate::watchers::Watch;

use admission::Waiting;
pub(crate) use letting_go::drive_and_report;

/// How long a lease lives without a sign of life.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// After a sign of life a call may begin so long. What it sends has the rest of the lease to arrive.
const BEGIN_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// How often a long call gives one.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_secs(20);
/// Between two tries to write when the store fails.
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Why a run is not driven on.
#[derive(Debug, thiserror::Error)]
enum DriveError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Inconsistent(#[from] Inconsistency),
}

impl From<FoldError> for DriveError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Store(error) => Self::Store(error),
            FoldError::Inconsistent(error) => Self::Inconsistent(error),
        }
    }
}

impl DriveError {
    /// Somebody else owns the run: nothing of it may be written any more.
    fn is_loss(&self) -> bool {
        matches!(self, Self::Store(StoreError::Refused(Refusal::NotOwner { .. })))
    }
}

/// Drives a claimed run until it is final or has nothing to do for now.
async fn drive(shared: Arc<Shared>, claimed: ClaimedRun) -> Result<(), DriveError> {
    let definition = shared.library.by_hash(&claimed.workflow_hash).await?;
    let mut state = match shared.resting.take(&claimed) {
        Some(state) => state,
        None => history::fold(shared.journal.store(), &claimed.id, definition, false).await?,
    };
    state.ask_again();
    let spoken_to = Arc::clone(&shared);
    let watch = spoken_to.spoken.watch(&claimed.id);
    let driver = Driver {
        shared,
        epoch: claimed.epoch,
        state,
        in_flight: BTreeSet::new(),
        calls: JoinSet::new(),
        calling: HashMap::new(),
        unwritten: Vec::new(),
        to_start: Vec::new(),
        to_ask: Vec::new(),
        to_begin: Vec::new(),
        signals_up_to: None,
        begin_until: Timestamp::MIN,
        cancelled_by: None,
        asked: BTreeSet::new(),
        admitted: HashMap::new(),
        waiting: HashMap::new(),
        leaving: Vec::new(),
    };
    driver.run(&watch).await
}

struct Driver {
    shared: Arc<Shared>,
    epoch: i64,
    state: RunState,
    in_flight: BTreeSet<StepId>,
    calls: JoinSet<Ended>,
    /// What each call tries, and whether it only looks, for when the program itself fails during it.
    calling: HashMap<task::Id, (Tried, bool)>,
    /// Decided, not yet durable.
    unwritten: Vec<Entry>,
    /// To be done once it is.
    to_start: Vec<Going>,
    /// Questions to be got ready.
    to_ask: Vec<Asking>,
    /// Runs to begin in the next transaction.
    to_begin: Vec<NewRun>,
    signals_up_to: Option<i64>,
    /// By the clock of leases: calls begin before, else somebody else may own the run when they arrive.
    begin_until: Timestamp,
    cancelled_by: Option<String>,
    /// Steps that were asked about since.
    asked: BTreeSet<StepId>,
    /// The link that a step was last admitted to, as it was then.
    admitted: HashMap<StepId, Arc<Link>>,
    /// Steps in flight that wait for their turn by the rate budget.
    waiting: HashMap<StepId, Waiting>,
    /// Calls at whose desks there was no room to wait.
    leaving: Vec<Ask>,
}

impl Driver {
    async fn run(mut self, watch: &Watch<'_>) -> Result<(), DriveError> {
        let driven = self.go_on(watch).await;
        if driven.as_ref().is_err_and(|error| !error.is_loss()) && !self.unwritten.is_empty() {
            // Outcomes that are known stay known.
            self.commit(false).await?;
        }
        if driven.is_ok() {
            self.shared.resting.keep(self.epoch, self.state);
        }
        driven
    }

    async fn go_on(&mut self, watch: &Watch<'_>) -> Result<(), DriveError> {
        let mut spoken_to = true;
        let mut heard_at = self.now();
        loop {
            let spoken = watch.rung();
            tokio::pin!(spoken);
            spoken.as_mut().enable();
            let shared = Arc::clone(&self.shared);
            let delivered = shared.delivered.notified();
            tokio::pin!(delivered);
            delivered.as_mut().enable();
            // What another node took in rings no bell here.
            let silence = self.now().duration_since(heard_at).abs();
            if std::mem::take(&mut spoken_to) || silence >= SIGN_OF_LIFE {
                heard_at = self.now();
                self.hear().await?;
            }
            self.decide()?;
            self.mind_who_waits()?;
            let rests = self.in_flight.is_empty();
            self.commit(rests).await?;
            self.take_leave();
            if rests {
                return self.say_what_was_mended().await;
            }
            self.start_calls();
            let wake = self.next_look();
            // In this order, so that the same history goes on in the same way. Each round takes in all calls that have
            // ended, and what was said meanwhile is looked for below: nobody starves.
            tokio::select! {
                biased;
                Some(ended) = self.calls.join_next_with_id() => self.take_outcomes(ended)?,
                () = shared.stop.cancelled(), if !self.is_stopping() => {}
                () = spoken.as_mut() => {}
                () = delivered.as_mut(), if self.state.listens() => {}
                () = shared.time.sleep_until(wake) => {}
            }
            // A bell that rang beside something else has rung as well.
            spoken_to =
                spoken.as_mut().enable() || (self.state.listens() && delivered.as_mut().enable());
        }
    }

    /// Turns what was said to the run into entries.
    async fn hear(&mut self) -> Result<(), DriveError> {
        if self.state.is_over() {
            return Ok(());
        }
        let signals = self.shared.journal.store().signals(&self.state.run).await?;
        for (id, signal) in signals {
            if self.signals_up_to.is_some_and(|last| id <= last) || self.cancelled_by.is_some() {
                continue;
            }
            match signal {
                // Taken up only when nothing is on its way: until then it stays where it is, also over a crash.
                Signal::Cancel { by } => self.cancelled_by = Some(by),
                Signal::Pause { by } => {
                    if !self.state.paused {
                        self.write(Fact::Paused { by })?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::Resume { by } => {
                    if self.state.paused {
                        self.write(Fact::Resumed { by })?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::Turn => {
                    if self.state.awaits_turn() {
                        self.write(Fact::TurnCame)?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::Resolve { step, verdict, by, output, attempt } => {
                    if self.asks(&step, attempt) {
                        self.write(Fact::Resolved { step, verdict, by, output })?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::Answer { step, round, by, approve, reason, stale } => {
                    let news = if stale {
                        News::Stale { by }
                    } else {
                        News::Answered { by, approve, reason }
                    };
                    if let Some(fact) = self.state.answered(&step, round, news) {
                        self.write(fact)?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::Event { step, event } => {
                    if self.state.consumes(&step, &event) {
                        self.write(Fact::Received { step, event })?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::WorkflowEnded { step, run, ending } => {
                    let awaited = self.state.find(&step).and_then(|step| step.child.as_ref());
                    if awaited == Some(&run) {
                        self.write(Fact::WorkflowEnded { step, run, ending })?;
                    }
                    self.signals_up_to = Some(id);
                }
                Signal::LinkChanged { app, link } => {
                    for step in self.state.blocked_steps(&app) {
                        self.write(Fact::Unblocked {
                            step,
                            why: format!("the link {link} was changed"),
                        })?;
                    }
                    self.signals_up_to = Some(id);
                }
            }
        }
        Ok(())
    }

    /// Whether a step asks, about that attempt where one is named.
    fn asks(&self, step: &StepId, attempt: Option<u32>) -> bool {
        self.state.find(step).is_some_and(|pending| {
            matches!(pending.phase, Phase::Attention { .. })
                && attempt.is_none_or(|attempt| attempt == pending.attempts)
        })
    }

    fn is_stopping(&self) -> bool {
        self.cancelled_by.is_some() || self.shared.stop.is_cancelled()
    }

    /// Makes moves until there is none.
    fn decide(&mut self) -> Result<(), DriveError> {
        if matches!(self.pace(), Pace::Going) && !self.state.is_over() && !self.state.is_halted() {
            for (step, link) in self.mended() {
                self.write(Fact::Unblocked { step, why: format!("the link {link} was changed") })?;
            }
        }
        while let Some(next) = self.state.next_move(self.now(), &self.in_flight, self.pace()) {
            match next {
                Move::Write(fact) => self.write(fact)?,
                Move::Perform(step) => self.take_up(&step, Then::Perform)?,
                Move::Recover(step) => {
                    if self.cancelled_by.is_some() {
                        self.asked.insert(step.clone());
                    }
                    self.take_up(&step, Then::Recover)?;
                }
                Move::StartWorkflow(step) => self.begin_workflow(&step)?,
            }
        }
        if self.in_flight.is_empty()
            && matches!(self.pace(), Pace::Cancelling { .. })
            && let Some(by) = self.cancelled_by.take()
        {
            // The run is over: later signals go with it.
            self.write(Fact::Cancelled { by, undetermined: self.state.undetermined() })?;
        }
        Ok(())
    }

    /// A run that is cancelled while the process ends is cancelled at its next start.
    fn pace(&self) -> Pace<'_> {
        match &self.cancelled_by {
            _ if self.shared.stop.is_cancelled() => Pace::Halting,
            Some(_) => Pace::Cancelling { asked: &self.asked },
            None => Pace::Going,
        }
    }

    /// Passes the gate, writes the attempt down, and lays the call ready.
    fn take_up(&mut self, step: &StepId, then: Then) -> Result<(), DriveError> {
        let Some(pending) = self.state.find(step).cloned() else { return Ok(()) };
        if let Wish::Approval(arguments) = &pending.wish {
            return self.ask(step, &pending, arguments);
        }
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
                return self.write(outcome::lost(step, attempt, known, self.now()));
            }
            Wish::Raw(call) => Work::Raw(call.clone()),
            Wish::Call(call) => {
                let gate = Gate { catalogue: &self.shared.catalogue, links: &self.shared.links };
                let RunState { definition, trigger, .. } = &self.state;
                match gate.admit(definition, call, Some(trigger), pending.link.as_deref()) {
                    Ok(admitted) => {
                        self.admitted.insert(step.clone(), Arc::clone(&admitted.link.link));
                        Work::Action(admitted)
                    }
                    Err(Refused::Never(error)) if then == Then::Recover => {
                        let why = error.detail.or(error.title).unwrap_or_default();
                        let known = format!("it was sent and its answer is lost; {why}");
                        return self.write(outcome::lost(step, attempt, known, self.now()));
                    }
                    Err(Refused::Never(error)) => {
                        let partial = false;
                        return self.write(Fact::Failed {
                            step,
                            attempt,
                            error,
                            partial,
                            exchanges,
                        });
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
            Wish::Approval(_)
            | Wish::Timer { .. }
            | Wish::Emit { .. }
            | Wish::Listen { .. }
            | Wish::Workflow(_) => {
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
        let key = pending.key.unwrap_or_else(|| attempt::key(&run, &step));
        let going = Going {
            run,
            key,
            step,
            attempt,
            delays,
            first_attempt_at,
            then,
            before,
            looks,
            secrets,
            work,
            pace: None,
        };
        self.ask_for_budget(going, &pending.task, pending.asked_at)
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
                let (attempt, partial, exchanges) = (0, false, Vec::new());
                self.write(Fact::Failed { step, attempt, error, partial, exchanges })
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
            let may_go_on = !status.is_final() && status != RunStatus::Paused;
            let halted = may_go_on && self.shared.stop.is_cancelled();
            let wake_at = if halted { Some(self.now()) } else { self.state.wake_at() };
            Handover::Release {
                wake_at: wake_at.filter(|_| !status.is_final()),
                blocked_on: self.state.blocked_on(),
                on_leave: self.state.on_leave(),
            }
        } else {
            let leased_at = (self.shared.lease_clock)();
            self.begin_until = after(leased_at, BEGIN_WITHIN);
            Handover::Keep { lease_until: after(leased_at, LEASE) }
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
            again: false,
        };
        let others = !consequences.is_empty();
        let listens = consequences.iter().any(|change| matches!(change, Change::Subscribe { .. }));
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
        if listens {
            self.shared.feeds.notify_one();
        }
        if status.is_final() {
            // Its schedule may wait for this.
            self.shared.planned.notify_one();
        }
        if others || (rests && !status.is_final()) {
            // It may be due before anything the dispatcher knows of.
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    fn start_calls(&mut self) {
        for asking in self.to_ask.drain(..) {
            let tried = asking.tried.clone();
            let asked = prepare(Arc::clone(&self.shared), asking);
            let call = self.calls.spawn(async move { Ended::Outcome(asked.await) });
            self.calling.insert(call.id(), (tried, true));
        }
        for going in self.to_start.drain(..) {
            let shared = Arc::clone(&self.shared);
            let (step, attempt, delays) = (going.step.clone(), going.attempt, going.delays);
            let (looks, begin_until) = (going.looks, self.begin_until);
            let call = self.calls.spawn(async move {
                if (shared.lease_clock)() > begin_until {
                    return Ended::Outcome(going.too_late(shared.time.now()));
                }
                going.go(shared.performer.as_ref(), &shared.vault, shared.time.as_ref()).await
            });
            let now = self.shared.time.now();
            self.calling.insert(call.id(), (Tried { step, attempt, delays, now }, looks));
        }
    }

    /// Takes in every call that has ended.
    fn take_outcomes(
        &mut self,
        ended: Result<(task::Id, Ended), task::JoinError>,
    ) -> Result<(), DriveError> {
        let mut next = Some(ended);
        while let Some(ended) = next {
            let ended = match ended {
                Ok((call, ended)) => {
                    self.calling.remove(&call);
                    Some(ended)
                }
                Err(error) => {
                    tracing::error!(run.id = %self.state.run, "a call ended with a mistake: {error}");
                    let tried = self.calling.remove(&error.id());
                    tried.map(|(tried, looks)| {
                        let tried = Tried { now: self.now(), ..tried };
                        Ended::Outcome(outcome::of_a_mistake(tried, looks))
                    })
                }
            };
            match ended {
                Some(Ended::Looked(going)) => self.attempt(*going)?,
                Some(Ended::Admitted(going)) => self.admitted(*going)?,
                Some(Ended::NotAdmitted(step, until)) => self.not_admitted(&step, until)?,
                Some(Ended::Outcome(fact)) => {
                    if let Some(step) = fact.step() {
                        self.in_flight.remove(step);
                        // Nobody waits any more for the attempt that a look came before.
                        if self.state.find(step).is_some() {
                            self.write(fact)?;
                        }
                    }
                }
                None => {}
            }
            next = self.calls.try_join_next_with_id();
        }
        Ok(())
    }

    /// The attempt that a look came before, unless the run is about to end.
    fn attempt(&mut self, going: Going) -> Result<(), DriveError> {
        let task = self.state.find(&going.step).map(|pending| pending.task.clone());
        let Some(task) = task.filter(|_| !self.is_stopping() && !self.state.paused) else {
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
        let sign_of_life = self.next_word().map_or(sign_of_life, |word| word.min(sign_of_life));
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

/// A store that fails (a full disk) is tried again; one that refuses has a new owner for the run.
async fn insist(shared: &Shared, mut changes: Vec<Change>) -> Result<(), StoreError> {
    loop {
        match shared.journal.commit(changes.clone()).await {
            Err(StoreError::Failed { tried, why }) if !shared.stop.is_cancelled() => {
                tracing::error!("the store failed while it {tried}: {why}");
                // The answer alone may have been lost.
                if let Some(Change::Advance(advance)) = changes.first_mut() {
                    advance.again = true;
                }
                shared.time.sleep_until(after(shared.time.now(), STORE_PAUSE)).await;
            }
            result => return result,
        }
    }
}
