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
    Engine, LinkDraft, Performer, RunDetail, RunId, RunStatus, Settings, StartRequest, StepStatus,
    Time,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{ManualTime, PATIENCE, Premises, facts};

const LIMIT: f64 = 10.0;
const PER_SECOND: f64 = 2.0;

/// An app with a bucket of ten calls, two more a second.
struct Agency {
    time: Arc<ManualTime>,
    left: Mutex<(f64, Timestamp)>,
    posts: AtomicU32,
    refused: AtomicU32,
    posted: Notify,
    /// It refuses everything until then.
    shut_until: Mutex<Option<Timestamp>>,
    /// Calls rest here while it is held.
    held: tokio::sync::RwLock<()>,
    begun: Notify,
}

impl Agency {
    fn new(time: &Arc<ManualTime>) -> Arc<Self> {
        Arc::new(Self {
            time: Arc::clone(time),
            left: Mutex::new((LIMIT, time.now())),
            posts: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            posted: Notify::new(),
            shut_until: Mutex::default(),
            held: tokio::sync::RwLock::default(),
            begun: Notify::new(),
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
        self.begun.notify_one();
        drop(self.held.read().await);
        let shut_until = self.shut_until.lock().unwrap().filter(|until| *until > self.time.now());
        if shut_until.is_some() {
            let refused = Some(RateRefused { until: shut_until, everything: true });
            pace.ended("posts", Exchanged::Answered { rate: None, refused });
            self.refused.fetch_add(1, Ordering::SeqCst);
            let failure = Failure::Later { retry_at: shut_until, why: "it is shut".into() };
            return Err(Failed::new(failure, Vec::new()));
        }
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

/// It calls nobody.
const NOTE: &str = "document: {dsl: 1.0.3, namespace: test, name: note, version: 1.0.0}\n\
                    do: [{note: {set: {noted: true}}}]\n";

fn settings(premises: &Premises, agency: &Arc<Agency>, node: &str) -> Settings {
    let workflows = [workflow("newsletter", "bulk"), workflow("leaver", "urgent"), NOTE.into()];
    let texts: Vec<&str> = workflows.iter().map(String::as_str).collect();
    Settings {
        performer: Arc::clone(agency) as Arc<dyn Performer>,
        node: node.into(),
        parallel_runs: 64,
        ..premises.settings(&texts)
    }
}

async fn open(premises: &Premises, agency: &Arc<Agency>, node: &str) -> Engine {
    open_with(settings(premises, agency, node)).await
}

async fn open_with(settings: Settings) -> Engine {
    let engine = Engine::open(settings).await.unwrap();
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
        priority: None,
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
    let waits =
        |detail: &RunDetail| detail.status == RunStatus::Waiting && !detail.steps.is_empty();
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

#[tokio::test]
async fn a_run_that_is_paused_while_it_waits_for_its_turn_calls_nothing_until_it_is_resumed() {
    let premises = Premises::new();
    let agency = Agency::new(&premises.time);
    let engine = open(&premises, &agency, "test").await;
    for _ in 0..10 {
        start(&engine, "newsletter").await;
    }
    until_posted(&agency, 7).await;
    let run = start(&engine, "newsletter").await;
    let all_wait = async {
        while engine.budgets().await.unwrap()[0].waiting.bulk < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_wait).await.expect("it stands in the line");
    engine.pause(&run, "ann").await.unwrap();
    let is_paused = |detail: &RunDetail| detail.status == RunStatus::Paused;
    let paused = engine.wait_until(&run, PATIENCE, is_paused).await.unwrap();
    assert!(is_paused(&paused), "{paused:#?}");
    until_posted(&agency, 10).await;
    premises.time.advance(SignedDuration::from_mins(1));
    let done = start(&engine, "leaver").await;
    engine.wait_for_run(&done, PATIENCE).await.unwrap();
    assert_eq!(agency.posts.load(Ordering::SeqCst), 11, "all but the paused one");
    engine.resume(&run, "ann").await.unwrap();
    until_posted(&agency, 12).await;
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.steps[0].attempts), (RunStatus::Completed, 1));
    engine.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_tenant_that_refuses_everything_for_long_keeps_nobody_elses_run_from_going_on() {
    let premises = Premises::new();
    let agency = Agency::new(&premises.time);
    let shut_until = premises.time.now() + SignedDuration::from_mins(1);
    *agency.shut_until.lock().unwrap() = Some(shut_until);
    let few = Settings { parallel_runs: 4, ..settings(&premises, &agency, "test") };
    let engine = open_with(few).await;
    let mut runs = Vec::new();
    for _ in 0..12 {
        runs.push(start(&engine, "leaver").await);
    }
    let note = start(&engine, "note").await;
    let noted = engine.wait_for_run(&note, PATIENCE).await.unwrap();
    assert_eq!(noted.status, RunStatus::Completed, "it needs no turn: {noted:#?}");
    for _ in 0..9 {
        let resting = |detail: &RunDetail| detail.status == RunStatus::Waiting;
        for run in &runs {
            let now = engine.wait_until(run, PATIENCE, resting).await.unwrap();
            assert!(resting(&now), "{now:#?}");
        }
        premises.time.advance(SignedDuration::from_secs(6));
    }
    for run in &runs {
        let history = facts(&engine.history(run).await.unwrap());
        let told = history.iter().filter(|fact| **fact == "held").count();
        assert!(told <= 3, "the end of the refusal was known: {history:?}");
    }
    until_posted(&agency, 12).await;
    assert_eq!(agency.refused.load(Ordering::SeqCst), 1);
    engine.stop(PATIENCE).await;
}

#[tokio::test]
async fn an_engine_that_stops_leaves_no_calls_under_way_in_the_budget() {
    let premises = Premises::new();
    let agency = Agency::new(&premises.time);
    let engine = open(&premises, &agency, "left").await;
    start(&engine, "newsletter").await;
    until_posted(&agency, 1).await;
    agency.begun.notified().await;
    let held = agency.held.write().await;
    start(&engine, "newsletter").await;
    agency.begun.notified().await;
    // The call ends when nobody looks at the line any more.
    tokio::join!(engine.stop(PATIENCE), async { drop(held) });
    drop(engine);
    let engine = open(&premises, &agency, "right").await;
    let budgets = engine.budgets().await.unwrap();
    assert_eq!((budgets[0].under_way, budgets[0].remaining), (0, 8), "{budgets:?}");
    engine.stop(PATIENCE).await;
}
