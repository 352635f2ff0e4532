//! A file of archived runs: gzip, one JSON document a line; first the definitions, then the runs with their journals as
//! they were, secrets sealed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::ArchiveError;
use crate::engine::Shared;
use crate::ids;
use crate::private_file;
use crate::store::{RunRecord, Store, StoreError};

pub(super) async fn lines(
    store: &dyn Store,
    runs: Vec<RunRecord>,
) -> Result<Vec<Value>, StoreError> {
    let hashes: BTreeSet<&str> = runs.iter().map(|run| run.workflow_hash.as_str()).collect();
    let mut lines = Vec::new();
    for hash in hashes {
        if let Some(found) = store.find_workflow(hash).await? {
            lines.push(json!({"definition": {
                "hash": found.hash, "name": found.name, "version": found.version,
                "source": found.source_name, "text": found.text,
            }}));
        }
    }
    for run in runs {
        let entries = store.journal(&run.id).await?;
        lines.push(json!({"run": {
            "id": run.id, "workflow": run.workflow, "definition": run.workflow_hash, "mode": run.mode,
            "status": run.status, "created_at": run.created_at, "ended_at": run.updated_at,
        }, "entries": entries}));
    }
    Ok(lines)
}

/// Writes a new file, whole and durable.
pub(super) async fn write(
    shared: &Shared,
    folder: &Path,
    lines: Vec<Value>,
) -> Result<PathBuf, ArchiveError> {
    let now = shared.time.now();
    let name = format!(
        "runs-{}-{}.jsonl.gz",
        now.strftime("%Y-%m-%d"),
        ids::time_ordered(now, &shared.random)
    );
    let (folder, path) = (folder.to_owned(), folder.join(name));
    let file = path.clone();
    let writing = shared.tracker.spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        for line in lines {
            serde_json::to_writer(&mut packed, &line)?;
            packed.write_all(b"\n")?;
        }
        private_file::write(&file, &packed.finish()?)?;
        // The file's name is durable before what it holds is removed elsewhere.
        std::fs::File::open(&folder)?.sync_all()
    });
    let written = writing.await.map_err(std::io::Error::other).and_then(|written| written);
    written.map_err(|source| ArchiveError::File { path: path.clone(), source })?;
    Ok(path)
}
