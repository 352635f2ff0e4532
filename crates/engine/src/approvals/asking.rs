//! From a wish to ask to a question: what it is about is read, and who asked for the run is found out.

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard_apps::{Failed, Failure};
use callboard_flow::{ErrorKind, StepId, WorkflowError};
use jiff::Timestamp;
use serde_json::Value;

use super::question::{About, Ask, Question};
use super::state::{Approval, News};
use crate::attempt;
use crate::engine::Shared;
use crate::gate::Admitted;
use crate::ids::{self, RunId};
use crate::journal::{Fact, Trigger};
use crate::outcome::{self, Tried};
use crate::requesters;
use crate::sealing;
use crate::start::fingerprint;

/// A question on its way.
pub(crate) struct Asking {
    pub(crate) run: RunId,
    pub(crate) trigger: Trigger,
    /// Who wanted this run to go back to an earlier one.
    pub(crate) again_by: Option<String>,
    /// Everybody who asked for the run, where it knows.
    pub(crate) requesters: Option<BTreeSet<String>>,
    pub(crate) task: String,
    pub(crate) tried: Tried,
    pub(crate) ask: Ask,
    pub(crate) about: Option<About>,
    /// Through which link that is read.
    pub(crate) reading: Option<Admitted>,
    /// The round before, where there was one.
    pub(crate) before: Option<Approval>,
}

/// The entry that follows: asked; or the deadline that approves, if nothing has changed; or why it is not asked now.
pub(crate) async fn prepare(shared: Arc<Shared>, asking: Asking) -> Fact {
    let Asking { run, trigger, again_by, requesters, task, mut tried, .. } = asking;
    let (ask, about, reading, before) = (asking.ask, asking.about, asking.reading, asking.before);
    let seen = match &reading {
        None => None,
        Some(admitted) => match read(&shared, &run, &tried.step, admitted).await {
            Ok(seen) => Some(seen),
            Err(failed) => {
                tried.now = shared.time.now();
                return not_read(tried, failed);
            }
        },
    };
    let found = match requesters {
        Some(people) => Ok((people, true)),
        None => requesters::above(&shared, trigger).await,
    };
    let (requested_by, all_known) = match found {
        Ok((mut people, all)) => {
            people.extend(again_by);
            (people, all)
        }
        Err(error) => {
            let failure = Failure::Unsure { why: error.to_string() };
            return outcome::of_looking(tried, Failed::new(failure, Vec::new()));
        }
    };
    let at = shared.time.now();
    let (seen, fingerprint) = match &about {
        None => (Value::Null, None),
        Some(about) => {
            let seen = match about {
                About::Value(value) => value.clone(),
                About::Reading { .. } => seen.unwrap_or_default(),
            };
            let fingerprint = of_what_counts(&shared, &run, about, &seen);
            (seen, fingerprint)
        }
    };
    let step = tried.step;
    let open = before.as_ref().filter(|before| before.is_open());
    if let Some(before) = open.filter(|before| before.confirms() && before.deadline_passed(at))
        && before.asked.fingerprint == fingerprint
    {
        return Fact::Approval { step, task, news: News::Expired };
    }
    let fresh = || format!("apr_{}", ids::time_ordered(at, &shared.random));
    let later = |wait: jiff::SignedDuration| at.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let question = Question {
        id: open.map_or_else(fresh, |before| before.asked.id.clone()),
        round: open.map_or(1, |before| before.asked.round + 1),
        question: ask.question,
        evidence: ask.evidence,
        seen,
        fingerprint,
        about,
        from: ask.from,
        four_eyes: ask.four_eyes,
        // Of two people one at least did not ask for it.
        count: if ask.four_eyes && !all_known { ask.count.max(2) } else { ask.count },
        deadline: ask.deadline.map(later),
        on_deadline: ask.on_deadline,
        remind_seconds: ask.remind.map(|every| every.as_secs()),
        requested_by,
    };
    Fact::Approval { step, task, news: News::Asked(Box::new(question)) }
}

/// Reads what a question is about; secrets in it are sealed for the run.
pub(super) async fn read(
    shared: &Shared,
    run: &RunId,
    step: &StepId,
    admitted: &Admitted,
) -> Result<Value, Failed> {
    let at = shared.time.now();
    let looking = attempt::read(run, step, at, admitted, shared.performer.as_ref(), &shared.vault);
    Ok(looking.await?.output)
}

/// Sealed anew with every reading, a secret looks different each time: it counts by what it is.
pub(super) fn of_what_counts(
    shared: &Shared,
    run: &RunId,
    about: &About,
    seen: &Value,
) -> Option<String> {
    let mut counting = about.counting(seen);
    match sealing::open(&shared.vault, run, &mut counting) {
        Ok(secrets) if secrets.is_empty() => Some(fingerprint(&["about"], &counting)),
        Ok(_) => Some(shared.vault.fingerprint(&fingerprint(&["about"], &counting))),
        Err(_) => None,
    }
}

/// Nothing was done: it is tried again, or the workflow gets the error.
fn not_read(tried: Tried, failed: Failed) -> Fact {
    match &failed.failure {
        Failure::Unreadable { why } => {
            let detail = format!("what the question is about cannot be read: {why}");
            Fact::Failed {
                step: tried.step,
                attempt: tried.attempt,
                error: WorkflowError::new(ErrorKind::Runtime, detail),
                partial: false,
                exchanges: failed.exchanges,
            }
        }
        _ => outcome::of_looking(tried, failed),
    }
}
