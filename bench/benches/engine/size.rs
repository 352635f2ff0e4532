//! Memory with many waiting runs, and start-up with many finished ones.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use callboard_engine::{Engine, RunFilter, RunStatus, StartRequest};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::office::Prompt;
use crate::{loader, memory, open};

const WAITING: usize = 100_000;
const FINISHED: usize = 1_000_000;
/// Starters at once.
const STARTERS: usize = 256;

pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    wait(folder.path(), WAITING).await?;
    println!("{WAITING} runs wait for 30 days");
    in_a_process_of_its_own(folder.path())?;

    let folder = tempfile::tempdir()?;
    let engine = open(folder.path(), 1, Arc::new(Prompt), None).await?;
    one_run(&engine).await?;
    engine.stop(Duration::from_secs(5)).await;
    drop(engine);
    let began = Instant::now();
    loader::repeat_the_finished_run(&folder.path().join("callboard.db"), FINISHED)?;
    println!("{FINISHED} finished runs (laid down in {:.0} s)", began.elapsed().as_secs_f64());
    in_a_process_of_its_own(folder.path())
}

fn in_a_process_of_its_own(folder: &Path) -> anyhow::Result<()> {
    let folder = folder.to_str().context("a folder with a plain name")?;
    let ended = Command::new(std::env::current_exe()?).args(["hold", folder]).status()?;
    anyhow::ensure!(ended.success(), "the process that holds the runs failed: {ended}");
    Ok(())
}

/// Starts runs that wait, and stops when all of them rest.
async fn wait(folder: &Path, runs: usize) -> anyhow::Result<()> {
    let engine = open(folder, 64, Arc::new(Prompt), None).await?;
    let mut starters = JoinSet::new();
    for starter in 0..STARTERS {
        let engine = Arc::clone(&engine);
        let share = runs / STARTERS + usize::from(starter < runs % STARTERS);
        starters.spawn(async move {
            for _ in 0..share {
                engine.start_run(request("waiter")).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(starter) = starters.join_next().await {
        starter??;
    }
    let running = RunFilter { status: Some(RunStatus::Running), limit: 1, ..RunFilter::default() };
    while let Some(run) = engine.runs(&running).await?.runs.pop() {
        let rests = |status: RunStatus| status != RunStatus::Running;
        engine.wait_for_status(&run.id, Duration::from_mins(1), rests).await?;
    }
    engine.stop(Duration::from_secs(5)).await;
    Ok(())
}

/// Opens an engine on the folder as a process that has done nothing else, and tells what it costs.
pub(crate) async fn hold(folder: &Path) -> anyhow::Result<()> {
    let empty = memory()?;
    let began = Instant::now();
    let engine = open(folder, 32, Arc::new(Prompt), None).await?;
    let opened = began.elapsed();
    one_run(&engine).await?;
    let first = began.elapsed();
    let began = Instant::now();
    let page = engine.runs(&RunFilter { limit: 50, ..RunFilter::default() }).await?;
    let listed = began.elapsed();
    let worked = cpu_time()?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = cpu_time()? - worked;
    println!(
        "     open after {:.0} ms, the first new run completed after {:.0} ms, {} runs listed in {:.1} ms",
        opened.as_secs_f64() * 1_000.0,
        first.as_secs_f64() * 1_000.0,
        page.runs.len(),
        listed.as_secs_f64() * 1_000.0
    );
    println!(
        "     {:.0} MiB (of them {empty:.0} MiB before it opened), {idle:.0} ms of CPU in 5 s at rest",
        memory()?
    );
    engine.stop(Duration::from_secs(5)).await;
    Ok(())
}

async fn one_run(engine: &Engine) -> anyhow::Result<()> {
    let run = engine.start_run(request("calls")).await?.run;
    let done = engine.wait_for_run(&run, Duration::from_mins(5)).await?;
    anyhow::ensure!(done.status == RunStatus::Completed, "{done:#?}");
    Ok(())
}

fn request(workflow: &str) -> StartRequest {
    StartRequest {
        workflow: workflow.into(),
        input: json!({"text": "x"}),
        idempotency_key: None,
        priority: None,
        by: "bench".into(),
    }
}

/// Time that this process has had a processor, in milliseconds.
fn cpu_time() -> anyhow::Result<f64> {
    let mut total = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let nanoseconds = text.split_whitespace().next().context("schedstat has a number")?;
        total += nanoseconds.parse::<f64>()? / 1_000_000.0;
    }
    Ok(total)
}
