//! What people say to a run: cancel it, or settle a step that nobody else can judge.

use callboard_flow::StepId;
use serde_json::Value;

use crate::detail::{RunDetail, StepStatus};
use crate::engine::Engine;
use crate::fold::Wish;
use crate::history::{self, FoldError};
use crate::ids::RunId;
use crate::look::LookError;
use crate::run::{RunStatus, Verdict};
use crate::sealing;
use crate::store::{Change, Refusal, Signal, StoreError};

/// An answer to a step that needs attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    pub step: StepId,
    pub verdict: Verdict,
    /// What the step would have answered, where it happened.
    pub output: Option<Value>,
    /// Who answers.
    pub by: String,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("there is no run {run}")]
    UnknownRun { run: RunId },
    #[error("the run {run} is over and archived in {file}")]
    Archived { run: RunId, file: String },
    #[error("the run {run} is {status}: nothing can be changed about it any more")]
    Final { run: RunId, status: RunStatus },
    #[error("the run {run} has no step `{step}` that needs attention{}", steps_asking(.asking))]
    NothingAsked { run: RunId, step: StepId, asking: Vec<StepId> },
    #[error("the output does not fit `{action}`: {why}")]
    InvalidOutput { action: String, why: String },
    #[error(
        "the step `{step}` asks people: nobody can answer for them; mend what it lacks, or cancel the run"
    )]
    AsksPeople { step: StepId },
    #[error("the run {run} is not paused")]
    NotPaused { run: RunId },
    #[error("an output belongs to the verdict `happened` only")]
    NeedlessOutput,
    #[error("{0}")]
    Store(#[from] StoreError),
}

fn steps_asking(steps: &[StepId]) -> String {
    let names: Vec<String> = steps.iter().map(|step| format!("`{step}`")).collect();
    if names.is_empty() { String::new() } else { format!("; those that do: {}", names.join(", ")) }
}

impl Engine {
    /// Ends a run. Calls in flight report first; nothing new begins.
    pub async fn cancel(&self, run: &RunId, by: &str) -> Result<(), AnswerError> {
        self.say(run, Signal::Cancel { by: by.into() }).await
    }

    /// Halts a run: calls in flight end, nothing new begins, and what falls due waits until it is resumed.
    pub async fn pause(&self, run: &RunId, by: &str) -> Result<(), AnswerError> {
        self.say(run, Signal::Pause { by: by.into() }).await
    }

    /// Lets a paused run go on.
    pub async fn resume(&self, run: &RunId, by: &str) -> Result<(), AnswerError> {
        let detail = self.run(run).await?;
        if detail.paused_by.is_none() && !detail.status.is_final() {
            return Err(AnswerError::NotPaused { run: run.clone() });
        }
        self.say(run, Signal::Resume { by: by.into() }).await
    }

    /// Settles a step that needs attention; the run goes on.
    pub async fn resolve(&self, run: &RunId, resolution: Resolution) -> Result<(), AnswerError> {
        let Resolution { step, verdict, output, by } = resolution;
        if output.is_some() && verdict != Verdict::Happened {
            return Err(AnswerError::NeedlessOutput);
        }
        let detail = self.run(run).await?;
        if detail.status.is_final() {
            return Err(AnswerError::Final { run: run.clone(), status: detail.status });
        }
        let asking = asking_steps(&detail);
        if !asking.contains(&step) {
            return Err(AnswerError::NothingAsked { run: run.clone(), step, asking });
        }
        if verdict == Verdict::Happened && self.asks_people(run, &detail, &step).await? {
            return Err(AnswerError::AsksPeople { step });
        }
        let output = output.map(|output| self.taken(run, &detail, &step, output)).transpose()?;
        let asked = detail.steps.iter().find(|known| known.step == step);
        let attempt = asked.map(|step| step.attempts);
        self.say(run, Signal::Resolve { step, verdict, by, output, attempt }).await
    }

    /// Whether the step that cannot go on is a question to people.
    async fn asks_people(
        &self,
        run: &RunId,
        detail: &RunDetail,
        step: &StepId,
    ) -> Result<bool, AnswerError> {
        let definition = self.shared.library.by_hash(&detail.workflow_hash).await?;
        // What cannot be derived cannot be driven on either.
        let state = match history::fold(self.shared.journal.store(), run, definition, false).await {
            Ok(state) => Some(state),
            Err(FoldError::Inconsistent(_)) => None,
            Err(FoldError::Store(error)) => return Err(error.into()),
        };
        let pending = state.as_ref().and_then(|state| state.find(step));
        Ok(pending.is_some_and(|pending| matches!(pending.wish, Wish::Approval(_))))
    }

    /// What a person says that a step answered: like the action's own answer, checked, and its secrets sealed.
    fn taken(
        &self,
        run: &RunId,
        detail: &RunDetail,
        step: &StepId,
        mut output: Value,
    ) -> Result<Value, AnswerError> {
        let known = detail.steps.iter().find(|known| known.step == *step);
        let action = known.and_then(|step| self.catalogue().action(step.action.as_deref()?));
        // The language's own calls declare no output.
        let Some(action) = action else { return Ok(output) };
        action.output.check(&output).map_err(|mismatches| AnswerError::InvalidOutput {
            action: action.id.clone(),
            why: mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        sealing::seal(&self.shared.vault, run, &action.secret_outputs, &mut output);
        Ok(output)
    }

    pub(crate) async fn say(&self, run: &RunId, signal: Signal) -> Result<(), AnswerError> {
        let change = Change::Signal { run: run.clone(), signal, at: self.shared.time.now() };
        match self.shared.journal.commit(vec![change]).await {
            Ok(()) => {
                self.shared.spoken.ring(run);
                self.shared.wake.notify_one();
                Ok(())
            }
            Err(StoreError::Refused(Refusal::NoSuchRun { run })) => {
                Err(AnswerError::UnknownRun { run })
            }
            Err(StoreError::Refused(Refusal::RunIsFinal { run, status })) => {
                Err(AnswerError::Final { run, status })
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn asking_steps(detail: &RunDetail) -> Vec<StepId> {
    let asking = detail.steps.iter().filter(|step| step.status == StepStatus::Attention);
    asking.map(|step| step.step.clone()).collect()
}

impl From<LookError> for AnswerError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::UnknownRun { run } => Self::UnknownRun { run },
            LookError::Archived { run, file } => Self::Archived { run, file },
            LookError::Store(error) => Self::Store(error),
        }
    }
}
