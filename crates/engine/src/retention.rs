//! What is over does not stay for ever: finished runs move to compressed files, keys of repetitions expire.
//!
//! A run is removed from the store only after the file that holds it is on the disk; a crash in between leaves it in both.

mod archive;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::driver::after;
use crate::engine::{Engine, Shared};
use crate::store::{Change, Refusal, RunRecord, StoreError};

/// Between two looks for what can go.
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// So many runs are in one file, and removed in one transaction.
const BATCH: usize = 100;
/// So many keys are removed in one transaction.
const KEYS: usize = 1_000;

/// What is kept in the store, and where the rest goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Folder for the files of archived runs; made where it is not there.
    pub folder: PathBuf,
    /// How long a run stays in the store after its end; for ever where there is none.
    pub keep_runs: Option<SignedDuration>,
    /// How long an event or the key of a start is recognised. Longer than anybody sends the same again.
    pub keep_keys: SignedDuration,
}

/// What was archived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archived {
    pub runs: usize,
    pub files: Vec<PathBuf>,
}

/// Why runs were not archived. Those before stay archived, the others where they are.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("this installation has no folder for archived runs")]
    NoFolder,
    #[error("the file {path} cannot be written: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Moves runs that ended before `older_than` ago to files. Unfinished runs are never touched.
    pub async fn archive_runs(&self, older_than: SignedDuration) -> Result<Archived, ArchiveError> {
        let retention = self.shared.retention.as_ref().ok_or(ArchiveError::NoFolder)?;
        archive(&self.shared, &retention.folder.clone(), older_than).await
    }

    /// How long runs stay in the store after their end.
    pub fn keeps_runs(&self) -> Option<SignedDuration> {
        self.shared.retention.as_ref()?.keep_runs
    }
}

/// Looks once a day for what can go.
pub(crate) async fn keep_tidy(shared: Arc<Shared>, retention: Retention) {
    while !shared.stop.is_cancelled() {
        let next = after(shared.time.now(), DAILY);
        if let Err(error) = tidy(&shared, &retention).await {
            tracing::error!("what is over cannot be put away: {error}");
        }
        // A sleep may end early.
        while shared.time.now() < next && !shared.stop.is_cancelled() {
            tokio::select! {
                () = shared.time.sleep_until(next) => {}
                () = shared.stop.cancelled() => {}
            }
        }
    }
}

async fn tidy(shared: &Shared, retention: &Retention) -> Result<(), ArchiveError> {
    // Whatever becomes of the files, keys are forgotten.
    let archived = match retention.keep_runs {
        Some(keep) => archive(shared, &retention.folder, keep).await,
        None => Ok(Archived::default()),
    };
    let before = before(shared.time.now(), retention.keep_keys);
    while shared.journal.store().expire_keys(before, KEYS).await? >= KEYS {
        if shared.stop.is_cancelled() {
            break;
        }
    }
    let archived = archived?;
    if archived.runs > 0 {
        tracing::info!(runs = archived.runs, "finished runs were archived");
    }
    Ok(())
}

async fn archive(
    shared: &Shared,
    folder: &std::path::Path,
    older_than: SignedDuration,
) -> Result<Archived, ArchiveError> {
    let store = shared.journal.store();
    let ended_before = before(shared.time.now(), older_than);
    let mut archived = Archived::default();
    loop {
        let runs = store.finished_runs(ended_before, BATCH).await?;
        if runs.is_empty() || shared.stop.is_cancelled() {
            return Ok(archived);
        }
        let path = archive::write(shared, folder, &runs).await?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archived.runs += remove(shared, &runs, &file).await?;
        archived.files.push(path);
    }
}

/// Answers how many were still there: another node may have put them away meanwhile, whole, in a file of its own.
async fn remove(shared: &Shared, runs: &[RunRecord], file: &str) -> Result<usize, StoreError> {
    let removal = |run: &RunRecord| Change::RemoveRun { run: run.id.clone(), file: file.into() };
    match shared.journal.commit(runs.iter().map(removal).collect()).await {
        Err(StoreError::Refused(Refusal::NoSuchRun { .. })) => {}
        removed => return removed.map(|()| runs.len()),
    }
    let mut count = 0;
    for run in runs {
        match shared.journal.commit(vec![removal(run)]).await {
            Ok(()) => count += 1,
            Err(StoreError::Refused(Refusal::NoSuchRun { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn before(now: Timestamp, keep: SignedDuration) -> Timestamp {
    now.saturating_sub(keep).unwrap_or(Timestamp::MIN)
}
