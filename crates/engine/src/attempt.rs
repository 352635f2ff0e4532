//! One call on its way: secrets opened for it, and sealed again in what comes back.

use std::sync::Arc;

use callboard_apps::{Action, Attempt, Failed, Failure, Performed, Recovered};
use callboard_flow::{FunctionCall, StepId};
use jiff::Timestamp;

use crate::gate::Admitted;
use crate::ids::RunId;
use crate::journal::{Fact, Then};
use crate::outcome::{self, Tried};
use crate::performer::Performer;
use crate::raw;
use crate::sealing;
use crate::time::Time;
use crate::vault::Vault;

/// Everything that a call needs, so that it runs apart from its run.
pub(crate) struct Going {
    pub(crate) run: RunId,
    pub(crate) step: StepId,
    pub(crate) attempt: u32,
    pub(crate) delays: u32,
    pub(crate) first_attempt_at: Timestamp,
    pub(crate) then: Then,
    pub(crate) work: Work,
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
    /// Performs it, or finds out about it; the answer is the entry to write down.
    pub(crate) async fn go(
        self,
        performer: &dyn Performer,
        vault: &Vault,
        time: &dyn Time,
    ) -> Fact {
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
            other => other,
        });
        let Self { step, attempt, delays, then, .. } = self;
        let tried = Tried { step, attempt, delays, now: time.now() };
        match (then, result) {
            (Then::Perform, Ok(Recovered::Happened(done))) => {
                outcome::of_performing(tried, Ok(done))
            }
            (Then::Perform, Err(failed)) => outcome::of_performing(tried, Err(failed)),
            (_, result) => outcome::of_recovering(tried, &action.recovery, result),
        }
    }

    #[expect(clippy::result_large_err, reason = "the performer's own error, handed on at once")]
    fn open<'a>(&self, admitted: &'a Admitted, vault: &Vault) -> Result<Attempt<'a>, Failed> {
        let mut arguments = admitted.arguments.clone();
        let secrets = sealing::open(vault, &self.run, &mut arguments).map_err(|error| Failed {
            failure: Failure::Credentials {
                why: error.to_string(),
                remedy: "start with the key that this data was sealed with".into(),
            },
            exchanges: Vec::new(),
        })?;
        let key = key(&self.run, &self.step);
        let correlation = self.run.to_string();
        let mut attempt =
            Attempt::new(&admitted.action, arguments, key, self.first_attempt_at, correlation);
        attempt.secrets = secrets;
        Ok(attempt)
    }

    fn seal(&self, action: &Action, vault: &Vault, mut performed: Performed) -> Performed {
        sealing::seal(vault, &self.run, &action.secret_outputs, &mut performed.output);
        performed
    }
}

/// The entry that goes before a call.
pub(crate) fn attempted(run: &RunId, step: &StepId, task: &str, attempt: u32, work: &Work) -> Fact {
    let (action, link, arguments) = match work {
        Work::Action(admitted) => {
            let link = admitted.link.link.name.clone();
            (admitted.action.id.clone(), link, admitted.arguments.clone())
        }
        Work::Raw(call) => (raw::word(call).to_owned(), String::new(), raw::shown(call)),
    };
    let (step, task, key) = (step.clone(), task.to_owned(), key(run, step));
    Fact::Attempted { step, task, attempt, action, link, arguments, key }
}
