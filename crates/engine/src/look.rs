//! Looking at runs. Nothing here changes anything.

use std::time::Duration;

use crate::detail::{DetailFold, RunDetail, Steps, StepsFold};
use crate::engine::Engine;
use crate::fold::Inconsistency;
use crate::history::{self, FoldError, Pages};
use crate::ids::RunId;
use crate::journal::Entry;
use crate::run::RunStatus;
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
    #[error("the run {run} is over and was moved to {file}")]
    Archived { run: RunId, file: String },
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Steps, or entries of a journal, of a page.
const MOST_STEPS: usize = 500;

impl Engine {
    /// A run with its steps.
    pub async fn run(&self, run: &RunId) -> Result<RunDetail, LookError> {
        let record = self.record(run).await?;
        let mut detail = Follow::of(&record).look(self, &record).await?;
        if record.status.is_final() {
            detail.heirs = self.shared.journal.store().heirs(run).await?;
        }
        Ok(detail)
    }

    /// Steps of a run in the order in which they began, those after so many.
    pub async fn steps(&self, run: &RunId, after: usize, limit: usize) -> Result<Steps, LookError> {
        let record = self.record(run).await?;
        let mut fold = StepsFold::new(record, after, limit.clamp(1, MOST_STEPS));
        let (store, mut pages) = (self.shared.journal.store(), Pages::of(run));
        while !fold.is_done() {
            let entries = pages.next(store).await?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                fold.read(entry);
            }
        }
        Ok(fold.page())
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

    /// Entries of a run after a place in its journal (0: from the first), at most so many.
    pub async fn history_after(
        &self,
        run: &RunId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, LookError> {
        self.record(run).await?;
        Ok(self.shared.journal.store().journal_after(run, after, limit).await?)
    }

    /// A page of them, and whether more follow.
    pub async fn history_page(
        &self,
        run: &RunId,
        after: usize,
        limit: usize,
    ) -> Result<(Vec<Entry>, bool), LookError> {
        let (limit, after) = (limit.clamp(1, MOST_STEPS), i64::try_from(after).unwrap_or(i64::MAX));
        let mut entries = self.history_after(run, after, limit + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok((entries, more))
    }

    /// Derives every decision of a run again from its journal. Answers what its tasks went through, in order; a journal
    /// that does not follow from its workflow is an error.
    pub async fn replay(&self, run: &RunId) -> Result<Vec<callboard_flow::Fact>, ReplayError> {
        let record = self.record(run).await?;
        let definition =
            self.shared.library.by_hash(&record.workflow_hash).await.map_err(LookError::from)?;
        match history::fold(self.shared.journal.store(), run, definition, true).await {
            Ok(state) => Ok(state.into_trace()),
            Err(FoldError::Store(error)) => Err(LookError::from(error).into()),
            Err(FoldError::Inconsistent(error)) => Err(error.into()),
        }
    }

    /// The run as soon as it is final, or as it stands after `patience`.
    pub async fn wait_for_run(
        &self,
        run: &RunId,
        patience: Duration,
    ) -> Result<RunDetail, LookError> {
        self.wait_for_status(run, patience, RunStatus::is_final).await
    }

    /// The run as soon as its status is as wanted, or as it stands after `patience`. Its history is read once, at the end.
    pub async fn wait_for_status(
        &self,
        run: &RunId,
        patience: Duration,
        wanted: impl Fn(RunStatus) -> bool,
    ) -> Result<RunDetail, LookError> {
        self.until(run, patience, None, |record, _| wanted(record.status)).await?;
        self.run(run).await
    }

    /// The run as soon as it is as wanted, or as it stands after `patience`. Each look reads only what is new.
    pub async fn wait_until(
        &self,
        run: &RunId,
        patience: Duration,
        wanted: impl Fn(&RunDetail) -> bool,
    ) -> Result<RunDetail, LookError> {
        let follow = Follow::of(&self.record(run).await?);
        let found = self
            .until(run, patience, Some(follow), |_, detail| detail.is_some_and(&wanted))
            .await?;
        match found {
            Some(detail) => Ok(detail),
            None => self.run(run).await,
        }
    }

    /// Looks now and whenever the run moves, at its row and at its details where they are followed, until both are as
    /// wanted. Answers the details that were; nothing after `patience`.
    async fn until(
        &self,
        run: &RunId,
        patience: Duration,
        mut follow: Option<Follow>,
        wanted: impl Fn(&RunRecord, Option<&RunDetail>) -> bool,
    ) -> Result<Option<RunDetail>, LookError> {
        let watch = self.shared.moved.watch(run);
        let out_of_patience = tokio::time::sleep(patience);
        tokio::pin!(out_of_patience);
        loop {
            let moved = watch.rung();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let record = self.record(run).await?;
            let detail = match &mut follow {
                Some(follow) => Some(follow.look(self, &record).await?),
                None => None,
            };
            if wanted(&record, detail.as_ref()) {
                return Ok(detail);
            }
            tokio::select! {
                () = moved => {}
                () = &mut out_of_patience => return Ok(None),
                () = self.shared.stop.cancelled() => return Ok(None),
            }
        }
    }

    pub(crate) async fn record(&self, run: &RunId) -> Result<RunRecord, LookError> {
        let store = self.shared.journal.store();
        if let Some(found) = store.find_run(run).await? {
            return Ok(found);
        }
        Err(match store.find_archived(run).await? {
            Some(file) => {
                let folder = self.shared.retention.as_ref().map(|retention| &retention.folder);
                let file = folder.map_or_else(|| file.clone().into(), |folder| folder.join(&file));
                LookError::Archived { run: run.clone(), file: file.display().to_string() }
            }
            None => LookError::UnknownRun { run: run.clone() },
        })
    }
}

/// A run that somebody looks at again and again.
struct Follow {
    pages: Pages,
    fold: DetailFold,
}

impl Follow {
    fn of(record: &RunRecord) -> Self {
        Self { pages: Pages::of(&record.id), fold: DetailFold::of(record) }
    }

    /// As it stands now; the record was read just before.
    async fn look(&mut self, engine: &Engine, record: &RunRecord) -> Result<RunDetail, LookError> {
        self.fold.stands(record);
        loop {
            let entries = self.pages.next(engine.shared.journal.store()).await?;
            if entries.is_empty() {
                return Ok(self.fold.detail());
            }
            for entry in &entries {
                self.fold.read(entry);
            }
        }
    }
}
