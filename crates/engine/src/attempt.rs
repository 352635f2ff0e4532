//! One call on its way: secrets opened for it, and sealed again in what comes back.

use std::sync::Arc;

use callboard_apps::{Action, Attempt, Failed, Failure, Pace, Performed, Recovered};
use callboard_flow::{FunctionCall, StepId};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::gate::Admitted;
use crate::ids::RunId;
use crate::journal::{Fact, Then};
use crate::outcome::{self, Tried};
use crate::performer::Performer;
use crate::raw;
use crate::sealing;
use crate::time::Time;
use crate::vault::{Vault, VaultError};

/// Everything that a call needs, so that it runs apart from its run.
pub(crate) struct Going {
    pub(crate) run: RunId,
    /// What the other side recognises it by: `run:step`, the same for every attempt of a step.
    pub(crate) key: String,
    pub(crate) step: StepId,
    pub(crate) attempt: u32,
    pub(crate) delays: u32,
    pub(crate) first_attempt_at: Timestamp,
    pub(crate) then: Then,
    /// What stood there before, sealed.
    pub(crate) before: Option<String>,
    /// Only to look at what stands there; the attempt itself follows.
    pub(crate) looks: bool,
    /// Values of `$secrets`, sealed.
    pub(crate) secrets: Map<String, Value>,
    pub(crate) work: Work,
    /// What it was let go with.
    pub(crate) pace: Option<Arc<dyn Pace>>,
}

/// What came of a call.
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once, never stored")]
pub(crate) enum Ended {
    /// The entry to write down.
    Outcome(Fact),
    /// It is this call's turn by the rate budget.
    Admitted(Box<Going>),
    /// It waits no more for its turn, or comes back for it then.
    NotAdmitted(StepId, Option<Timestamp>),
    /// What stands there is known: the attempt can be written down, then made.
    Looked(Box<Going>),
}

/// What is to be performed.
pub(crate) enum Work {
    Action(Admitted),
    Raw(Box<FunctionCall>),
}

/// `run:step`: the same for every attempt of a step.
pub(crate) fn key(run: &RunId, step: &StepId) -> String {
    format!("{run}:{step}")
}

impl Going {
    /// Looks, performs or finds out.
    pub(crate) async fn go(
        self,
        performer: &dyn Performer,
        vault: &Vault,
        time: &dyn Time,
    ) -> Ended {
        if self.looks {
            self.look(performer, vault, time).await
        } else {
            Ended::Outcome(self.act(performer, vault, time).await)
        }
    }

    /// The process stood still until somebody else may own the run: nothing was sent.
    pub(crate) fn too_late(self, now: Timestamp) -> Fact {
        let Self { step, attempt, delays, then, .. } = self;
        outcome::not_begun(Tried { step, attempt, delays, now }, then)
    }

    async fn look(mut self, performer: &dyn Performer, vault: &Vault, time: &dyn Time) -> Ended {
        if let Work::Action(admitted) = &self.work {
            let seen = match self.open(admitted, vault) {
                Ok(attempt) => performer.before(&admitted.link.link, &attempt).await,
                Err(failed) => Err(failed),
            };
            match seen {
                // A performer that does not look leaves it to performing.
                Ok(seen) => {
                    self.before = seen.map(|seen| sealing::seal_whole(vault, &self.run, &seen));
                }
                Err(failed) => {
                    let Self { step, attempt, delays, .. } = self;
                    let tried = Tried { step, attempt, delays, now: time.now() };
                    return Ended::Outcome(outcome::of_looking(tried, failed));
                }
            }
        }
        self.looks = false;
        Ended::Looked(Box::new(self))
    }

    /// Performs it, or finds out about it; the answer is the entry to write down.
    async fn act(self, performer: &dyn Performer, vault: &Vault, time: &dyn Time) -> Fact {
        let admitted = match &self.work {
            Work::Raw(call) => return raw::go(&self, call, performer, vault, time).await,
            Work::Action(admitted) => admitted,
        };
        let (action, link) = (Arc::clone(&admitted.action), &admitted.link.link);
        let opened = self.open(admitted, vault);
        let result = match opened {
            Err(failed) => Err(failed),
            Ok(attempt) => match self.then {
                Then::Perform => performer.perform(link, &attempt).await.map(Recovered::Happened),
                Then::Recover => performer.recover(link, &attempt).await,
            },
        };
        let result = result.map(|recovered| match recovered {
            Recovered::Happened(done) => Recovered::Happened(self.seal(&action, vault, done)),
            Recovered::Repeated(done) => Recovered::Repeated(self.seal(&action, vault, done)),
            other => other,
        });
        let Self { step, attempt, delays, then, .. } = self;
        let tried = Tried { step, attempt, delays, now: time.now() };
        match (then, result) {
            (Then::Perform, Ok(Recovered::Happened(done))) => {
                outcome::of_performing(tried, Ok(done))
            }
            (Then::Perform, Err(failed)) => outcome::of_performing(tried, Err(failed)),
            (_, result) => outcome::of_recovering(tried, result),
        }
    }

    #[expect(clippy::result_large_err, reason = "the performer's own error, handed on at once")]
    fn open<'a>(&self, admitted: &'a Admitted, vault: &Vault) -> Result<Attempt<'a>, Failed> {
        let closed = |error: VaultError| {
            let remedy = "start with the key that this data was sealed with".into();
            Failed::new(Failure::Credentials { why: error.to_string(), remedy }, Vec::new())
        };
        let mut arguments = admitted.arguments.clone();
        let secrets = sealing::open(vault, &self.run, &mut arguments).map_err(closed)?;
        let before = self.before.as_deref();
        let before = before.map(|before| sealing::open_whole(vault, &self.run, before));
        let key = self.key.clone();
        let correlation = self.run.to_string();
        let mut attempt =
            Attempt::new(&admitted.action, arguments, key, self.first_attempt_at, correlation);
        attempt.secrets = secrets;
        attempt.pace.clone_from(&self.pace);
        attempt.before = before.transpose().map_err(closed)?;
        Ok(attempt)
    }

    fn seal(&self, action: &Action, vault: &Vault, mut performed: Performed) -> Performed {
        sealing::seal(vault, &self.run, &action.secret_outputs, &mut performed.output);
        performed
    }
}

/// Performs an action that only reads, outside the course of its run. Secrets in the answer are sealed for the run.
pub(crate) async fn read(
    run: &RunId,
    step: &StepId,
    at: Timestamp,
    admitted: &Admitted,
    performer: &dyn Performer,
    vault: &Vault,
) -> Result<Performed, Failed> {
    let going = Going {
        run: run.clone(),
        key: key(run, step),
        step: step.clone(),
        attempt: 0,
        delays: 0,
        first_attempt_at: at,
        then: Then::Perform,
        before: None,
        looks: true,
        secrets: Map::new(),
        work: Work::Action(admitted.clone()),
        pace: None,
    };
    let attempt = going.open(admitted, vault)?;
    let done = performer.perform(&admitted.link.link, &attempt).await?;
    Ok(going.seal(&admitted.action, vault, done))
}

/// The entry that goes before a call.
pub(crate) fn attempted(going: &Going, task: &str, vault: &Vault) -> Fact {
    let (action, link, arguments) = match &going.work {
        Work::Action(admitted) => {
            let link = admitted.link.link.name.clone();
            let mut arguments = admitted.arguments.clone();
            sealing::seal(vault, &going.run, &admitted.action.secret_inputs(), &mut arguments);
            (admitted.action.id.clone(), link, arguments)
        }
        Work::Raw(call) => (raw::word(call).to_owned(), String::new(), raw::shown(call)),
    };
    let Going { key, step, attempt, before, .. } = going;
    Fact::Attempted {
        step: step.clone(),
        task: task.to_owned(),
        attempt: *attempt,
        action,
        link,
        arguments,
        key: key.clone(),
        before: before.clone(),
    }
}
