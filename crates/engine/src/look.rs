//! Looking at runs. Nothing here changes anything.

use std::time::Duration;

use crate::detail::RunDetail;
use crate::engine::Engine;
use crate::fold::{Inconsistency, RunState};
use crate::ids::RunId;
use crate::journal::Entry;
use crate::store::{Page, RunFilter, RunRecord, StoreError};

/// Why a run cannot be derived again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{0}")]
    Look(#[from] LookError),
    #[error("{0}")]
    Inconsistent(#[from] Inconsistency),
}

/// Why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error("there is no run {run}")]
    UnknownRun { run: RunId },
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Engine {
    /// A run with its steps.
    pub async fn run(&self, run: &RunId) -> Result<RunDetail, LookError> {
        let record = self.record(run).await?;
        let entries = self.shared.journal.store().journal(run).await?;
        Ok(RunDetail::of(record, &entries))
    }

    /// Newest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Page, StoreError> {
        self.shared.journal.store().list_runs(filter).await
    }

    /// The history of a run as it was written; secrets in it are sealed.
    pub async fn history(&self, run: &RunId) -> Result<Vec<Entry>, LookError> {
        self.record(run).await?;
        Ok(self.shared.journal.store().journal(run).await?)
    }

    /// Derives every decision of a run again from its journal. Answers what its tasks went through, in order; a journal
    /// that does not follow from its workflow is an error.
    pub async fn replay(&self, run: &RunId) -> Result<Vec<callboard_flow::Fact>, ReplayError> {
        let record = self.record(run).await?;
        let definition =
            self.shared.library.by_hash(&record.workflow_hash).await.map_err(LookError::from)?;
        let entries = self.shared.journal.store().journal(run).await.map_err(LookError::from)?;
        Ok(RunState::trace(run, definition, &entries)?)
    }

    /// The run as soon as it is final, or as it stands after `patience`.
    pub async fn wait_for_run(
        &self,
        run: &RunId,
        patience: Duration,
    ) -> Result<RunDetail, LookError> {
        self.wait_until(run, patience, |detail| detail.status.is_final()).await
    }

    /// The run as soon as it is as wanted, or as it stands after `patience`.
    pub async fn wait_until(
        &self,
        run: &RunId,
        patience: Duration,
        wanted: impl Fn(&RunDetail) -> bool,
    ) -> Result<RunDetail, LookError> {
        let watch = self.shared.moved.watch(run);
        let out_of_patience = tokio::time::sleep(patience);
        tokio::pin!(out_of_patience);
        loop {
            let moved = watch.rung();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let detail = self.run(run).await?;
            if wanted(&detail) {
                return Ok(detail);
            }
            tokio::select! {
                () = moved => {}
                () = &mut out_of_patience => return self.run(run).await,
                () = self.shared.stop.cancelled() => return Ok(detail),
            }
        }
    }

    async fn record(&self, run: &RunId) -> Result<RunRecord, LookError> {
        let found = self.shared.journal.store().find_run(run).await?;
        found.ok_or_else(|| LookError::UnknownRun { run: run.clone() })
    }
}
