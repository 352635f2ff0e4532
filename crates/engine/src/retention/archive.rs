//! A file of archived runs: gzip, one JSON document a line; first the definitions, then the runs with their journals as
//! they were, secrets sealed.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::json;

use super::ArchiveError;
use crate::engine::Shared;
use crate::ids;
use crate::private_file;
use crate::store::RunRecord;

/// So many entries of a run are in memory at once.
const PAGE: usize = 500;

/// Packed so far.
type Packed = GzEncoder<Vec<u8>>;

/// Writes a new file, whole and durable. Journals are read and packed page by page.
pub(super) async fn write(
    shared: &Shared,
    folder: &Path,
    runs: &[RunRecord],
) -> Result<PathBuf, ArchiveError> {
    let now = shared.time.now();
    let name = format!(
        "runs-{}-{}.jsonl.gz",
        now.strftime("%Y-%m-%d"),
        ids::time_ordered(now, &shared.random)
    );
    let path = folder.join(name);
    let unwritten = |source| ArchiveError::File { path: path.clone(), source };
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    for hash in runs.iter().map(|run| run.workflow_hash.as_str()).collect::<BTreeSet<_>>() {
        if let Some(found) = shared.journal.store().find_workflow(hash).await? {
            let definition = json!({"definition": {
                "hash": found.hash, "name": found.name, "version": found.version,
                "source": found.source_name, "text": found.text,
            }});
            packed = pack(shared, packed, vec![definition], "", "\n").await.map_err(unwritten)?;
        }
    }
    for run in runs {
        packed = pack_run(shared, packed, run, &path).await?;
    }
    let (folder, file) = (folder.to_owned(), path.clone());
    let writing = shared.tracker.spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        private_file::write(&file, &packed.finish()?)?;
        // The file's name is durable before what it holds is removed elsewhere.
        std::fs::File::open(&folder)?.sync_all()
    });
    let written = writing.await.map_err(io::Error::other).and_then(|written| written);
    written.map_err(unwritten)?;
    Ok(path)
}

/// One line: `{"run": …, "entries": […]}`.
async fn pack_run(
    shared: &Shared,
    packed: Packed,
    run: &RunRecord,
    path: &Path,
) -> Result<Packed, ArchiveError> {
    let unwritten = |source| ArchiveError::File { path: path.to_owned(), source };
    let of_run = json!({
        "id": run.id, "workflow": run.workflow, "definition": run.workflow_hash, "mode": run.mode,
        "status": run.status, "created_at": run.created_at, "ended_at": run.updated_at,
    });
    let begun = pack(shared, packed, vec![of_run], "{\"run\":", ",\"entries\":[").await;
    let mut packed = begun.map_err(unwritten)?;
    let mut after = 0;
    loop {
        let entries = shared.journal.store().journal_after(&run.id, after, PAGE).await?;
        let (count, first) = (entries.len(), after == 0);
        after += i64::try_from(count).unwrap_or(i64::MAX);
        let between = if first || count == 0 { "" } else { "," };
        packed = pack(shared, packed, entries, between, "").await.map_err(unwritten)?;
        if count < PAGE {
            return pack(shared, packed, Vec::<()>::new(), "", "]}\n").await.map_err(unwritten);
        }
    }
}

/// Packs values with commas in between.
async fn pack<T: Serialize + Send + 'static>(
    shared: &Shared,
    mut packed: Packed,
    values: Vec<T>,
    before: &'static str,
    after: &'static str,
) -> io::Result<Packed> {
    let packing = shared.tracker.spawn_blocking(move || {
        packed.write_all(before.as_bytes())?;
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                packed.write_all(b",")?;
            }
            serde_json::to_writer(&mut packed, value)?;
        }
        packed.write_all(after.as_bytes())?;
        Ok(packed)
    });
    packing.await.map_err(io::Error::other)?
}
