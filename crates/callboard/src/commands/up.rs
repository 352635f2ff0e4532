//! `callboard up`

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use callboard_engine::journal::Entry;
use callboard_engine::{Observer, RunId};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::autopilot::{Autopilot, Purpose};
use crate::cli::{Hold, Up};
use crate::output::{BOLD, Output};
use crate::world;

pub(super) async fn run(mut arguments: Up, output: &mut Output) -> anyhow::Result<()> {
    let listener = world::listen(arguments.listen).await?;
    if arguments.overlays.public_url.is_none() {
        let here = format!("http://{}", listener.local_addr()?);
        arguments.overlays.public_url = Some(here.parse()?);
    }
    let observer = arguments.hold.map(|hold| Arc::new(Holding::new(hold)) as Arc<dyn Observer>);
    let autopilot = Autopilot::open(
        &arguments.data,
        &arguments.overlays,
        &arguments.key,
        Purpose::Drive,
        arguments.keep_runs,
        observer,
    )
    .await?;
    if let Some(key) = autopilot.engine().api_keys().ensure_administrator().await? {
        output.note(&format!(
            "administrator's API key, shown this once: {BOLD}{}{BOLD:#}",
            key.expose_secret()
        ));
    }
    if arguments.key.is_weak() {
        output.note("CALLBOARD_API_KEY is short enough to be guessed; `openssl rand -hex 32` makes a better one");
    }
    for problem in autopilot.engine().library().problems() {
        output.error(&problem.to_string());
    }
    let running = autopilot.serve(listener)?;
    let url = running.url.as_str().trim_end_matches('/').to_owned();
    output.json_line(&json!({ "ready": true, "url": url }))?;
    world::stop().await;
    running.stop().await
}

/// Stands still at one journal commit, and lets no later one pass, so that a test can kill the process exactly there.
struct Holding {
    hold: Hold,
    holds: AtomicBool,
}

impl Holding {
    fn new(hold: Hold) -> Self {
        Self { hold, holds: AtomicBool::new(false) }
    }

    async fn stand_still(&self, at: Option<u64>) {
        self.holds.store(true, Ordering::SeqCst);
        if let Some(ordinal) = at {
            say_held(ordinal);
        }
        std::future::pending::<()>().await;
    }
}

/// The test waits for this line; after it nothing is committed any more.
fn say_held(ordinal: u64) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{}", json!({ "held": ordinal })).and_then(|()| out.flush()));
}

fn contains(ordinal: u64, entries: &[Entry], wanted: u64) -> bool {
    (ordinal..ordinal + entries.len() as u64).contains(&wanted)
}

#[async_trait]
impl Observer for Holding {
    async fn before_commit(&self, ordinal: u64, _run: &RunId, entries: &[Entry]) {
        if self.holds.load(Ordering::SeqCst) {
            self.stand_still(None).await;
        }
        if let Hold::Before(wanted) = self.hold
            && contains(ordinal, entries, wanted)
        {
            self.stand_still(Some(wanted)).await;
        }
    }

    async fn after_commit(&self, ordinal: u64, _run: &RunId, entries: &[Entry]) {
        if let Hold::After(wanted) = self.hold
            && contains(ordinal, entries, wanted)
        {
            self.stand_still(Some(wanted)).await;
        }
    }
}
