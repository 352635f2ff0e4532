//! Runs that the program itself cannot drive, and steps whose outcome is lost for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use callboard_apps::Catalogue;
use callboard_engine::journal::Fact;
use callboard_engine::store::{Advance, Change, Claim, Handover};
use callboard_engine::{
    Engine, Entry, Observer, Resolution, RunDetail, RunId, RunStatus, Settings, StepStatus, Verdict,
};
use callboard_flow::StepId;
use jiff::{SignedDuration, Timestamp};

use crate::harness::{
    Fate, PATIENCE, Premises, at_rest, facts, office_link, one_call, start, to_the_end,
};

fn resolution(step: &str, verdict: Verdict) -> Resolution {
    Resolution { step: StepId::new(step), verdict, output: None, by: "ada".into() }
}

/// Writes an entry that does not follow into the journal of a run that is due.
async fn spoil(premises: &Premises, run: &RunId) {
    let store = premises.store();
    let now = callboard_engine::Time::now(premises.time.as_ref()) + SignedDuration::from_hours(1);
    let claim = Claim {
        node: "test".into(),
        boot: "spoiler".into(),
        now,
        lease_now: Timestamp::UNIX_EPOCH,
        lease_until: Timestamp::UNIX_EPOCH,
        driving: Vec::new(),
        limit: 1,
    };
    let epoch = store.claim(claim).await.unwrap()[0].epoch;
    let fact = Fact::TimerFired { step: StepId::new("do/nowhere") };
    let advance = Advance {
        run: run.clone(),
        epoch,
        first_seq: store.last_seq(run).await.unwrap() + 1,
        entries: vec![Entry { at: now, fact }],
        signals_up_to: None,
        status: RunStatus::Attention,
        handover: Handover::Release {
            wake_at: Some(Timestamp::UNIX_EPOCH),
            blocked_on: std::collections::BTreeSet::new(),
            on_leave: None,
        },
        at: now,
        again: false,
    };
    store.commit(vec![Change::Advance(Box::new(advance))]).await.unwrap();
}

#[tokio::test]
async fn a_run_that_cannot_be_derived_rests_whatever_is_said_and_can_be_cancelled() {
    let premises = Premises::new();
    let text = one_call("office.badges.print");
    let engine = premises.open_with_link(&[&text]).await;
    premises.office.will("office.badges.print", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    engine.stop(PATIENCE).await;
    drop(engine);
    spoil(&premises, &run).await;

    let engine = premises.open(&[&text]).await;
    let rests =
        |detail: &RunDetail| detail.status == RunStatus::Attention && detail.next_at.is_none();
    let stuck = engine.wait_until(&run, PATIENCE, rests).await.unwrap();
    assert!(rests(&stuck), "{stuck:#?}");
    // The page may still show a step that asks.
    let asks = Change::Signal {
        run: run.clone(),
        signal: callboard_engine::store::Signal::LinkChanged {
            app: "office".into(),
            link: "office".into(),
        },
        at: Timestamp::UNIX_EPOCH,
    };
    let store = premises.store();
    store.commit(vec![asks]).await.unwrap();
    // Anything wakes the dispatcher.
    engine.put_link(office_link()).await.unwrap();
    premises.time.advance(SignedDuration::from_mins(1));
    let stuck = engine.wait_until(&run, PATIENCE, rests).await.unwrap();
    assert!(rests(&stuck), "it is tried once, not without end: {stuck:#?}");

    engine.cancel(&run, "ada").await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!((done.status, done.cancelled_by.as_deref()), (RunStatus::Cancelled, Some("ada")));
    assert_eq!(done.steps[0].status, StepStatus::Attention, "it may have been printed: {done:#?}");
    engine.stop(PATIENCE).await;
    drop((engine, store));
    // What was spoiled does not derive again at the end of the test.
    premises.spoil();
}

/// Makes a mistake once, inside the driver.
struct Clumsy(AtomicBool);

#[async_trait]
impl Observer for Clumsy {
    async fn before_commit(&self, _: u64, _: &RunId, entries: &[Entry]) {
        let attempted = entries.iter().any(|entry| entry.fact.name() == "attempted");
        assert!(!attempted || self.0.swap(true, Ordering::SeqCst), "a mistake in the program");
    }

    async fn after_commit(&self, _: u64, _: &RunId, _: &[Entry]) {}
}

#[tokio::test]
async fn a_mistake_in_the_driver_strands_no_run() {
    let premises = Premises::new();
    let clumsy = Arc::new(Clumsy(AtomicBool::new(false)));
    let settings = premises.observed(&[&one_call("office.desks.assign")], clumsy);
    let engine = Engine::open(settings).await.unwrap();
    engine.put_link(office_link()).await.unwrap();
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
    engine.stop(PATIENCE).await;
}

const TWO: &str = r"
document: {dsl: 1.0.3, namespace: test, name: two, version: 1.0.0}
do:
  - both:
      fork:
        compete: COMPETE
        branches:
          - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
          - badge: {call: 'office.badges.print:1@callboard', with: {person: Ada}}
";

fn step<'a>(detail: &'a RunDetail, task: &str) -> &'a callboard_engine::StepDetail {
    detail.steps.iter().find(|step| step.task == task).unwrap()
}

#[tokio::test]
async fn a_mistake_in_one_call_costs_no_other_call_its_outcome() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&TWO.replace("COMPETE", "false")]).await;
    premises.office.will("office.desks.assign", Fate::Panics);
    premises.office.will("office.badges.print", Fate::Dawdles);
    let run = engine.start_run(start("two", None)).await.unwrap().run;
    premises.office.dawdling.notified().await;
    let waits = |detail: &RunDetail| {
        detail.steps.iter().any(|step| step.task == "desk" && step.status == StepStatus::Waiting)
    };
    let detail = engine.wait_until(&run, PATIENCE, waits).await.unwrap();
    assert!(waits(&detail), "{detail:#?}");
    premises.office.hurry.notify_one();
    let done = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(done.status, RunStatus::Completed, "nobody is asked about the badge: {done:#?}");
    assert_eq!(step(&done, "badge").attempts, 1);
}

#[tokio::test]
async fn a_loser_of_a_race_that_may_have_happened_is_asked_about_and_never_performed_again() {
    for verdict in [Verdict::Happened, Verdict::DidNot] {
        let premises = Premises::new();
        let engine = premises.open_with_link(&[&TWO.replace("COMPETE", "true")]).await;
        premises.office.will("office.desks.assign", Fate::Dawdles);
        premises.office.will("office.badges.print", Fate::Vanishes);
        let run = engine.start_run(start("two", None)).await.unwrap().run;
        premises.office.dawdling.notified().await;
        let waits = |detail: &RunDetail| {
            detail
                .steps
                .iter()
                .any(|step| step.task == "badge" && step.status == StepStatus::Waiting)
        };
        let detail = engine.wait_until(&run, PATIENCE, waits).await.unwrap();
        assert!(waits(&detail), "{detail:#?}");
        premises.office.hurry.notify_one();
        let asks = to_the_end(&engine, &premises.time, &run).await;
        assert_eq!(asks.status, RunStatus::Attention, "{asks:#?}");
        let badge = step(&asks, "badge");
        assert_eq!(badge.status, StepStatus::Attention, "{asks:#?}");
        engine.resolve(&run, resolution(badge.step.as_str(), verdict)).await.unwrap();
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
        assert_eq!(premises.office.effects().len(), 2, "{verdict:?}");
        assert!(premises.office.effects().values().all(|count| *count == 1), "{verdict:?}");
    }
}

#[tokio::test]
async fn an_attempt_whose_action_is_gone_is_asked_about_and_did_not_fail() {
    let premises = Premises::new();
    let text = one_call("office.desks.assign");
    let engine = premises.open_with_link(&[&text]).await;
    premises.office.will("office.desks.assign", Fate::Vanishes);
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    engine.stop(PATIENCE).await;
    drop(engine);

    let folder = premises.folder.path().join("apps/office");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = include_str!("apps/office/app.yaml").replace("desks.assign:", "desks.give:");
    std::fs::write(folder.join("app.yaml"), manifest).unwrap();
    let apps = Catalogue::of_folder(&premises.folder.path().join("apps")).unwrap();
    let settings = Settings { catalogue: Arc::new(apps), ..premises.settings(&[]) };
    let engine = Engine::open(settings).await.unwrap();
    let asks = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(asks.status, RunStatus::Attention, "{asks:#?}");
    let history = engine.history(&run).await.unwrap();
    assert_eq!(facts(&history), ["started", "attempted", "deferred", "attention_required"]);
}
