//! The engine's figures: durable steps per second and what durability adds to a call, memory with many waiting runs,
//! start-up with many finished ones; beside a plain client that makes the same calls to the same server, and beside the
//! disk's own sync rate.
//!
//! Figures of one run belong together; ratios of them need no quiet machine.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod loader;
mod office;
mod size;
mod speed;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use callboard_apps::Catalogue;
use callboard_engine::{
    Engine, KeySource, LinkDraft, Performer, Place, Random, Settings, Source, SqlStore, WallTime,
};
use jiff::Timestamp;
use tokio::time::Instant;

/// Calls of a run.
const CALLS: usize = 4;
/// Appends of one measurement of the disk.
const SYNCS: u32 = 1_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Memory and start-up are those of a process that has done nothing else.
        if let [_, word, folder] = arguments.as_slice()
            && word == "hold"
        {
            return size::hold(Path::new(folder)).await;
        }
        speed::measure().await?;
        size::measure().await
    })
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

/// A run that waits for longer than any measurement takes.
const WAITER: &str = "
document: {dsl: 1.0.3, namespace: bench, name: waiter, version: 1.0.0}
do: [{rest: {wait: {days: 30}}}]
";

#[expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
fn settings(
    folder: &Path,
    in_flight: usize,
    performer: Arc<dyn Performer>,
) -> anyhow::Result<Settings> {
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps");
    Ok(Settings {
        store: Arc::new(SqlStore::open(&Place::File(folder.join("callboard.db")))?),
        key: KeySource::File(folder.join("secrets.key")),
        catalogue: Arc::new(Catalogue::of_folder(&apps)?),
        performer,
        workflows: vec![
            Source { file: "calls.yaml".into(), text: workflow() },
            Source { file: "waiter.yaml".into(), text: WAITER.into() },
        ],
        workflows_folder: None,
        time: Arc::new(WallTime::new(Arc::new(Timestamp::now))),
        lease_clock: Arc::new(Timestamp::now),
        random: seeded(),
        administrator_key: None,
        public_url: "http://127.0.0.1".into(),
        retention: None,
        node: "bench".into(),
        parallel_runs: in_flight,
        observer: None,
    })
}

/// Numbers that are never twice the same, and no secret.
fn seeded() -> Random {
    let next = AtomicU64::new(1);
    Arc::new(move |buffer| {
        for chunk in buffer.chunks_mut(8) {
            let number = next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    })
}

/// An engine on the folder with a link to the office, wherever that is.
async fn open(
    folder: &Path,
    in_flight: usize,
    performer: Arc<dyn Performer>,
    office: Option<String>,
) -> anyhow::Result<Arc<Engine>> {
    let engine = Engine::open(settings(folder, in_flight, performer)?).await?;
    let secrets = [("secret".to_owned(), "x".into())].into();
    let (name, app, settings) = ("office".into(), "office".into(), serde_json::Map::new());
    let url = office.map(|office| office.parse()).transpose()?;
    engine.put_link(LinkDraft { name, app, url, settings, secrets }).await?;
    Ok(Arc::new(engine))
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

/// Resident memory of this process, in MiB.
fn memory() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u32 = kilobytes.context("the kernel tells no VmRSS")?.parse()?;
    Ok(f64::from(kilobytes) / 1024.0)
}
