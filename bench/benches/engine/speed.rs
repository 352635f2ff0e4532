//! Steps per second, and what durability adds to each.

use std::sync::Arc;
use std::time::Duration;

use callboard_engine::{Engine, Performer, RunStatus, StartRequest};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::office::{Office, Prompt, executor, plain_call};
use crate::{CALLS, open, syncs};

/// Runs of one measurement.
const RUNS: usize = 2_048;

/// Runs, each after its course's last, by several courses at once.
struct Measured {
    per_second: f64,
    /// Of one call, in milliseconds: a run's time shared by its calls.
    p50: f64,
    p99: f64,
}

pub(crate) async fn measure() -> anyhow::Result<()> {
    println!("runs of {CALLS} calls, synchronous=FULL, server and clients in this process");
    for in_flight in [1, 32, 64, 256] {
        let syncs = {
            let folder = tempfile::tempdir()?;
            syncs(folder.path())?
        };
        let prompt = durable(in_flight, Arc::new(Prompt), None).await?;
        let office = Office::open().await?;
        let plain = plain(in_flight, &office).await?;
        let real = durable(in_flight, Arc::new(executor()?), Some(office.url.clone())).await?;
        println!("{in_flight:>4} in flight; the disk alone syncs {syncs:.0}/s");
        tell("durable, answered at once", &prompt);
        tell("plain client over HTTP", &plain);
        tell("durable over HTTP", &real);
        println!(
            "     {:.2} of the plain client's calls; added per step: p50 {:.1} ms, p99 {:.1} ms",
            real.per_second / plain.per_second,
            real.p50 - plain.p50,
            real.p99 - plain.p99
        );
    }
    Ok(())
}

fn tell(what: &str, measured: &Measured) {
    let Measured { per_second, p50, p99 } = measured;
    println!(
        "     {what:<26} {per_second:>7.0} calls/s, per call p50 {p50:>5.2} ms, p99 {p99:>6.2} ms"
    );
}

/// Runs of an engine.
async fn durable(
    in_flight: usize,
    performer: Arc<dyn Performer>,
    office: Option<String>,
) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let engine = open(folder.path(), in_flight, performer, office).await?;
    let measured = {
        let engine = Arc::clone(&engine);
        courses(in_flight, move || one_run(Arc::clone(&engine))).await?
    };
    engine.stop(Duration::from_secs(5)).await;
    Ok(measured)
}

async fn one_run(engine: Arc<Engine>) -> anyhow::Result<()> {
    let request = StartRequest {
        workflow: "calls".into(),
        input: json!({"text": "x"}),
        idempotency_key: None,
        priority: None,
        by: "bench".into(),
    };
    let started = engine.start_run(request).await?;
    let done = engine.wait_for_run(&started.run, Duration::from_mins(1)).await?;
    anyhow::ensure!(done.status == RunStatus::Completed, "{done:#?}");
    Ok(())
}

/// The same calls without an engine.
async fn plain(in_flight: usize, office: &Office) -> anyhow::Result<Measured> {
    let client = reqwest::Client::new();
    let url: Arc<str> = format!("{}/notes", office.url).into();
    courses(in_flight, move || {
        let (client, url) = (client.clone(), Arc::clone(&url));
        async move {
            for _ in 0..CALLS {
                plain_call(&client, &url).await?;
            }
            Ok(())
        }
    })
    .await
}

async fn courses<F>(
    in_flight: usize,
    run: impl Fn() -> F + Clone + Send + 'static,
) -> anyhow::Result<Measured>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let each = (RUNS / in_flight).max(1);
    let began = Instant::now();
    let mut courses = JoinSet::new();
    for _ in 0..in_flight {
        let run = run.clone();
        courses.spawn(async move {
            let mut took = Vec::with_capacity(each);
            for _ in 0..each {
                let began = Instant::now();
                run().await?;
                took.push(began.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(course) = courses.join_next().await {
        took.extend(course??);
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let calls = f64::from(u32::try_from(CALLS)?);
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1_000.0 / calls;
    let runs = f64::from(u32::try_from(took.len())?);
    Ok(Measured { per_second: runs * calls / seconds, p50: at(50), p99: at(99) })
}
