//! Durable steps per second: runs of four calls to a service that answers at once, beside the disk's own sync rate.
//!
//! What is left between the two is group commit (several steps a sync) and our own work. Figures of one run belong
//! together; this needs no quiet machine to compare them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use callboard_apps::{App, Attempt, Catalogue, Failed, Link, Performed, Recovered, Tested};
use callboard_engine::{
    Engine, KeySource, LinkDraft, Performer, Place, RunStatus, Settings, Source, SqlStore,
    StartRequest, WallTime,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CALLS: usize = 4;
/// Runs of one measurement.
const RUNS: usize = 2_048;
/// Appends of one measurement of the disk.
const SYNCS: u32 = 1_000;

/// Answers at once, so that only durability is measured.
struct Prompt;

#[async_trait]
impl Performer for Prompt {
    async fn perform(&self, _: &Link, _: &Attempt<'_>) -> Result<Performed, Failed> {
        Ok(Performed { output: json!({"ok": true}), before: None, exchanges: Vec::new() })
    }

    async fn recover(&self, _: &Link, _: &Attempt<'_>) -> Result<Recovered, Failed> {
        Ok(Recovered::DidNot)
    }

    async fn test(&self, _: &App, _: &Link) -> Result<Tested, Failed> {
        Ok(Tested {
            who: "nobody".into(),
            expires_at: None,
            scopes: Vec::new(),
            exchanges: Vec::new(),
        })
    }
}

fn workflow() -> String {
    let call = |place: usize| {
        format!(
            "  - call{place}: {{call: 'office.notes.write:1@callboard', with: {{text: '${{ .text // \"x\" }}'}}}}\n"
        )
    };
    let calls: String = (0..CALLS).map(call).collect();
    format!("document: {{dsl: 1.0.3, namespace: bench, name: calls, version: 1.0.0}}\ndo:\n{calls}")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
fn settings(folder: &Path, in_flight: usize) -> anyhow::Result<Settings> {
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps");
    let next = AtomicU64::new(1);
    Ok(Settings {
        store: Arc::new(SqlStore::open(&Place::File(folder.join("callboard.db")))?),
        key: KeySource::File(folder.join("secrets.key")),
        catalogue: Arc::new(Catalogue::of_folder(&apps)?),
        performer: Arc::new(Prompt),
        workflows: vec![Source { file: "calls.yaml".into(), text: workflow() }],
        workflows_folder: None,
        time: Arc::new(WallTime::new(Arc::new(Timestamp::now))),
        lease_clock: Arc::new(Timestamp::now),
        random: Arc::new(move |buffer| {
            for chunk in buffer.chunks_mut(8) {
                let number = next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes();
                chunk.copy_from_slice(&number[..chunk.len()]);
            }
        }),
        administrator_key: None,
        node: "bench".into(),
        parallel_runs: in_flight,
        observer: None,
    })
}

async fn course(engine: Arc<Engine>, runs: usize) -> anyhow::Result<()> {
    for _ in 0..runs {
        let request = StartRequest {
            workflow: "calls".into(),
            input: json!({"text": "x"}),
            idempotency_key: None,
            by: "bench".into(),
        };
        let started = engine.start_run(request).await?;
        let done = engine.wait_for_run(&started.run, Duration::from_mins(1)).await?;
        anyhow::ensure!(done.status == RunStatus::Completed, "{done:#?}");
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("runs of {CALLS} calls, synchronous=FULL");
    for in_flight in [1, 32, 64, 256] {
        let syncs = syncs(folder.path())?;
        let steps = steps(in_flight).await?;
        println!(
            "{in_flight:>4} in flight: {steps:>7.0} durable steps/s, {:>6.0} runs/s; the disk alone syncs {syncs:>6.0}/s",
            steps / 4.0
        );
    }
    Ok(())
}

/// Durable steps per second with so many runs in flight.
async fn steps(in_flight: usize) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let engine = Arc::new(Engine::open(settings(folder.path(), in_flight)?).await?);
    let secrets = [("secret".to_owned(), "x".into())].into();
    let (name, app, settings) = ("office".into(), "office".into(), serde_json::Map::new());
    engine.put_link(LinkDraft { name, app, url: None, settings, secrets }).await?;
    let each = (RUNS / in_flight).max(1);
    let began = Instant::now();
    let mut courses = JoinSet::new();
    for _ in 0..in_flight {
        courses.spawn(course(Arc::clone(&engine), each));
    }
    while let Some(course) = courses.join_next().await {
        course??;
    }
    let seconds = began.elapsed().as_secs_f64();
    engine.stop(Duration::from_secs(5)).await;
    Ok(f64::from(u32::try_from(each * in_flight * CALLS)?) / seconds)
}

/// How often a second the disk makes a small append durable.
fn syncs(folder: &Path) -> anyhow::Result<f64> {
    let mut file = File::create(folder.join("syncs"))?;
    let began = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0; 512])?;
        file.sync_data()?;
    }
    Ok(f64::from(SYNCS) / began.elapsed().as_secs_f64())
}
