//! What becomes of a run that cannot be driven on: it is let go of, so that it shows and can be cancelled.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{DriveError, after, drive, insist};
use crate::engine::Shared;
use crate::ids::RunId;
use crate::journal::{Ending, Entry, Fact, Trigger, undetermined};
use crate::run::RunStatus;
use crate::store::{Advance, Change, ClaimedRun, Handover, Signal, StoreError};

/// Before a run that could not be driven is tried again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// How a run is stuck.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stuck {
    /// A person must look: trying again would find the same.
    ForGood,
    /// The program made a mistake. It may be one of the moment.
    Mistaken,
    /// The store did not do its part.
    ForNow,
}

/// Drives a run until it rests; one that cannot be driven on is let go of.
pub(crate) async fn drive_and_report(shared: Arc<Shared>, claimed: ClaimedRun) {
    // A task of its own: a mistake in the program ends that task and strands no run.
    let stuck = match shared.tracker.spawn(drive(Arc::clone(&shared), claimed.clone())).await {
        // At rest; or the process ends, and the next start takes the run up.
        Ok(Ok(())) => return,
        Err(error) if error.is_cancelled() => return,
        Ok(Err(error)) if error.is_loss() => {
            tracing::warn!(run.id = %claimed.id, "the run has another owner now");
            return;
        }
        Ok(Err(
            error @ (DriveError::Inconsistent(_)
            | DriveError::Store(StoreError::Inconsistent { .. })),
        )) => {
            tracing::error!(run.id = %claimed.id, "the run cannot be driven on: {error}");
            Stuck::ForGood
        }
        Ok(Err(error)) => {
            tracing::error!(run.id = %claimed.id, "the run cannot be driven on for now: {error}");
            Stuck::ForNow
        }
        Err(error) => {
            tracing::error!(run.id = %claimed.id, "the run met a mistake of the program: {error}");
            Stuck::Mistaken
        }
    };
    if let Err(error) = let_go(&shared, &claimed, stuck).await {
        tracing::error!(run.id = %claimed.id, "the run cannot be let go of: {error}");
    }
    shared.moved.ring(&claimed.id);
    shared.wake.notify_one();
}

async fn let_go(shared: &Shared, claimed: &ClaimedRun, stuck: Stuck) -> Result<(), StoreError> {
    let (store, at) = (shared.journal.store(), shared.time.now());
    // Signals that cannot be read wake nothing, else the run would be tried without end.
    let signals = store.signals(&claimed.id).await.ok();
    let heard =
        signals.as_ref().map_or(i64::MAX, |signals| signals.last().map_or(0, |(id, _)| *id));
    let cancelled_by = signals.into_iter().flatten().find_map(|(_, signal)| match signal {
        Signal::Cancel { by } => Some(by),
        _ => None,
    });
    let mut advance = Advance {
        run: claimed.id.clone(),
        epoch: claimed.epoch,
        first_seq: 0,
        entries: Vec::new(),
        signals_up_to: None,
        status: if stuck == Stuck::ForGood { RunStatus::Attention } else { RunStatus::Waiting },
        handover: Handover::SetAside {
            wake_at: (stuck != Stuck::ForGood).then(|| after(at, TRY_AGAIN)),
            heard,
        },
        at,
        again: false,
    };
    let mut others = Vec::new();
    if let Some(by) = cancelled_by.filter(|_| stuck != Stuck::ForNow) {
        // Nothing can be found out any more; what may have happened is named.
        let entries = store.journal(&claimed.id).await.unwrap_or_default();
        let undetermined = undetermined(&entries);
        others.extend(word_to_parent(&claimed.id, &entries, &by, at));
        advance.first_seq = store.last_seq(&claimed.id).await? + 1;
        let entry = Entry { at, fact: Fact::Cancelled { by, undetermined } };
        if let (Some(Fact::Started { trigger, .. }), Ok(definition)) = (
            entries.first().map(|first| &first.fact),
            shared.library.by_hash(&claimed.workflow_hash).await,
        ) {
            let told = (advance.first_seq, &entry);
            others.extend(shared.tell_of(&claimed.id, &definition, trigger.chain(), told));
        }
        advance.entries.push(entry);
        others.push(Change::LeaveLane { run: claimed.id.clone(), at });
        advance.status = RunStatus::Cancelled;
    }
    let mut changes = vec![Change::Advance(Box::new(advance))];
    changes.append(&mut others);
    insist(shared, changes).await
}

/// The run that awaits this one must not wait for ever.
fn word_to_parent(run: &RunId, entries: &[Entry], by: &str, at: Timestamp) -> Option<Change> {
    let Fact::Started { trigger, .. } = &entries.first()?.fact else { return None };
    let Trigger::Workflow { run: parent, step, awaited: true, .. } = trigger else { return None };
    let (step, ending) = (step.clone(), Ending::Cancelled { by: by.to_owned() });
    let signal = Signal::WorkflowEnded { step, run: run.clone(), ending };
    Some(Change::Tell { run: parent.clone(), signal, at })
}
