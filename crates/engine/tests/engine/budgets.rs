//! The rate budget of an app that limits calls and tells so: shared by all runs and by all engines on one store.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use callboard_apps::{
    App, Attempt, Exchanged, Failed, Failure, Link, Performed, RateRefused, RateTold, Recovered,
    Tested,
};
use callboard_engine::{
    Engine, LinkDraft, Performer, RunId, RunStatus, Settings, StartRequest, StepStatus, Time,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{ManualTime, PATIENCE, Premises};

const LIMIT: f64 = 10.0;
const PER_SECOND: f64 = 2.0;

/// An app with a bucket of ten calls, two more a second.
struct Agency {
    time: Arc<ManualTime>,
    left: Mutex<(f64, Timestamp)>,
    posts: AtomicU32,
    refused: AtomicU32,
    posted: Notify,
}

impl Agency {
    fn new(time: &Arc<ManualTime>) -> Arc<Self> {
        Arc::new(Self {
            time: Arc::clone(time),
            left: Mutex::new((LIMIT, time.now())),
            posts: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            posted: Notify::new(),
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between nothing and ten"
    )]
    fn take(&self) -> (RateTold, bool) {
        let mut left = self.left.lock().unwrap();
        let now = self.time.now();
        let added = now.duration_since(left.1).as_secs_f64() * PER_SECOND;
        *left = ((left.0 + added).min(LIMIT), now);
        let granted = left.0 >= 1.0;
        left.0 -= f64::from(u8::from(granted));
        let reset_at = Timestamp::from_second(now.as_second() + 1).ok();
        (RateTold { limit: LIMIT as u32, remaining: left.0 as u32, reset_at }, granted)
    }
}

#[async_trait]
impl Performer for Agency {
    async fn perform(&self, _: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        let pace = attempt.pace.as_ref().expect("the engine paces every call");
        pace.admit("posts").await.unwrap();
        let (rate, granted) = self.take();
        let refused = (!granted).then_some(RateRefused { until: None, everything: false });
        pace.ended("posts", Exchanged::Answered { rate: Some(rate), refused });
        if granted {
            self.posts.fetch_add(1, Ordering::SeqCst);
            self.posted.notify_one();
            return Ok(Performed { output: json!({}), before: None, exchanges: Vec::new() });
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        let failure = Failure::Later { retry_at: None, why: "too many calls".into() };
        Err(Failed::new(failure, Vec::new()))
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        self.perform(link, attempt).await.map(Recovered::Repeated)
    }

    async fn test(&self, _: &App, _: &Link) -> Result<Tested, Failed> {
        unreachable!("nobody tests the link")
    }
}

fn workflow(name: &str, priority: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: {name}, version: 1.0.0, metadata: {{priority: {priority}}}}}\n\
         do: [{{post: {{call: 'agency.posts.write:1@callboard', with: {{}}}}}}]\n"
    )
}

fn settings(premises: &Premises, agency: &Arc<Agency>, node: &str) -> Settings {
    let workflows = [workflow("newsletter", "bulk"), workflow("leaver", "urgent")];
    let texts: Vec<&str> = workflows.iter().map(String::as_str).collect();
    Settings {
        performer: Arc::clone(agency) as Arc<dyn Performer>,
        node: node.into(),
        parallel_runs: 64,
        ..premises.settings(&texts)
    }
}

async fn open(premises: &Premises, agency: &Arc<Agency>, node: &str) -> Engine {
    let engine = Engine::open(settings(premises, agency, node)).await.unwrap();
    let link = LinkDraft {
        name: "agency".into(),
        app: "agency".into(),
        url: None,
        settings: json!({"reserve": 0.3}).as_object().cloned().unwrap(),
        secrets: [].into(),
    };
    engine.put_link(link).await.unwrap();
    engine
}

async fn start(engine: &Engine, workflow: &str) -> RunId {
    let request = StartRequest {
        workflow: workflow.into(),
        input: Value::Null,
        idempotency_key: None,
        by: "test".into(),
    };
    engine.start_run(request).await.unwrap().run
}

/// Moves the clock on whenever nothing has been posted for a moment, until so much was posted.
async fn until_posted(agency: &Agency, count: u32) {
    let all = async {
        while agency.posts.load(Ordering::SeqCst) < count {
            let quiet = tokio::time::timeout(Duration::from_millis(20), agency.posted.notified());
            if quiet.await.is_err() {
                agency.time.advance(SignedDuration::from_millis(250));
            }
        }
    };
    tokio::time::timeout(PATIENCE * 3, all).await.expect("everything is posted in time");
}

#[tokio::test]
async fn two_engines_on_one_store_never_exceed_what_one_may() {
    let premises = Premises::new();
    let agency = Agency::new(&premises.time);
    let engines = [open(&premises, &agency, "left").await, open(&premises, &agency, "right").await];
    let mut runs = Vec::new();
    for _ in 0..20 {
        for engine in &engines {
            runs.push(start(engine, "newsletter").await);
        }
    }
    until_posted(&agency, 20).await;
    let leaver = start(&engines[1], "leaver").await;
    let before = agency.posts.load(Ordering::SeqCst);
    until_posted(&agency, 40).await;
    let last = engines[1].wait_for_run(&leaver, PATIENCE).await.unwrap();
    assert_eq!(last.status, RunStatus::Completed);
    until_posted(&agency, 41).await;
    for run in &runs {
        let run = engines[0].wait_for_run(run, PATIENCE).await.unwrap();
        assert_eq!(run.status, RunStatus::Completed, "{run:#?}");
        assert_eq!(run.steps[0].attempts, 1, "waiting is no attempt");
    }
    assert_eq!(agency.refused.load(Ordering::SeqCst), 0, "{before} calls before the leaver");
    let budgets = engines[0].budgets().await.unwrap();
    assert_eq!((budgets.len(), budgets[0].limit, budgets[0].reserve), (1, 10, 3));
    assert_eq!(budgets[0].calls, ["posts"]);
    for engine in engines {
        engine.stop(PATIENCE).await;
    }
}

#[tokio::test]
async fn a_run_without_room_rests_and_is_called_in() {
    let premises = Premises::new();
    let agency = Agency::new(&premises.time);
    let engine = open(&premises, &agency, "test").await;
    let mut runs = Vec::new();
    for _ in 0..60 {
        runs.push(start(&engine, "newsletter").await);
    }
    let last = runs.last().unwrap();
    let waits = |detail: &callboard_engine::RunDetail| {
        detail.status == RunStatus::Waiting && !detail.steps.is_empty()
    };
    let waiting = engine.wait_until(last, PATIENCE, waits).await.unwrap();
    assert!(waits(&waiting), "{waiting:#?}");
    let step = &waiting.steps[0];
    assert_eq!((step.status, step.attempts), (StepStatus::Waiting, 0));
    assert_eq!(step.note.as_deref(), Some("waits for the rate budget of agency/posts"));
    assert!(step.next_at.is_some());
    until_posted(&agency, 60).await;
    for run in &runs {
        let run = engine.wait_for_run(run, PATIENCE).await.unwrap();
        assert_eq!(run.status, RunStatus::Completed);
        engine.replay(&run.id).await.unwrap();
    }
    assert_eq!(agency.refused.load(Ordering::SeqCst), 0);
    engine.stop(PATIENCE).await;
}
