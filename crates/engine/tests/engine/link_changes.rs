//! Steps that wait for a link: when they look again, and what they hear of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use callboard_apps::Failure;
use callboard_engine::{Engine, Entry, LinkDraft, Observer, RunId, RunStatus};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::harness::{Fate, PATIENCE, Premises, at_rest, facts, office_link, one_call, start};

fn refused() -> Fate {
    let (why, remedy) = ("the key has expired".into(), "renew it".into());
    Fate::Fails(Failure::Credentials { why, remedy })
}

#[tokio::test]
async fn a_missing_link_is_waited_for_without_looking_and_a_permission_ever_more_rarely() {
    let premises = Premises::new();
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    assert_eq!((asks.status, asks.next_at), (RunStatus::Attention, None), "{asks:#?}");

    for _ in 0..3 {
        premises.office.will("office.desks.assign", refused());
    }
    engine.put_link(office_link()).await.unwrap();
    for (attempts, minutes) in [(1, 5), (2, 10), (3, 20)] {
        let tried = |detail: &callboard_engine::RunDetail| {
            detail.steps[0].attempts == attempts && detail.status == RunStatus::Attention
        };
        let asks = engine.wait_until(&run, PATIENCE, tried).await.unwrap();
        let wait = SignedDuration::from_mins(minutes);
        let now = callboard_engine::Time::now(premises.time.as_ref());
        let asks = if asks.next_at == Some(now + wait) {
            asks
        } else {
            engine
                .wait_until(&run, PATIENCE, |asks| asks.next_at == Some(now + wait))
                .await
                .unwrap()
        };
        assert_eq!(asks.next_at, Some(now + wait), "after {attempts} attempts");
        premises.time.advance(wait);
    }
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
}

/// Holds back the first entry that asks for help until it is told to go on.
#[derive(Default)]
struct Slow {
    held: AtomicBool,
    reached: Notify,
    go_on: Notify,
}

#[async_trait]
impl Observer for Slow {
    async fn before_commit(&self, _: u64, _: &RunId, entries: &[Entry]) {
        if facts(entries).contains(&"attention_required") && !self.held.swap(true, Ordering::SeqCst)
        {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
    }

    async fn after_commit(&self, _: u64, _: &RunId, _: &[Entry]) {}
}

#[tokio::test]
async fn a_link_that_changes_just_before_the_run_rests_is_not_missed() {
    for known_before in [false, true] {
        let premises = Premises::new();
        let slow = Arc::new(Slow::default());
        let observer = Arc::clone(&slow) as Arc<dyn Observer>;
        let settings = premises.observed(&[&one_call("office.desks.assign")], observer);
        let engine = Engine::open(settings).await.unwrap();
        if known_before {
            engine.put_link(office_link()).await.unwrap();
            premises.office.will("office.desks.assign", refused());
        }
        let run = engine.start_run(start("one-call", None)).await.unwrap().run;
        slow.reached.notified().await;
        engine.put_link(office_link()).await.unwrap();
        slow.go_on.notify_one();
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Completed, "known before: {known_before}: {done:#?}");
        engine.stop(PATIENCE).await;
    }
}

#[tokio::test]
async fn a_run_that_cannot_choose_goes_on_when_one_link_is_left() {
    let premises = Premises::new();
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    for name in ["north", "south"] {
        engine.put_link(LinkDraft { name: name.into(), ..office_link() }).await.unwrap();
    }
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Attention);
    engine.links().remove("south").await.unwrap();
    // The dispatcher looks around every half minute.
    premises.time.advance(SignedDuration::from_secs(30));
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
}

#[tokio::test]
async fn a_run_that_cannot_choose_goes_on_with_the_link_that_is_made_the_default() {
    let premises = Premises::new();
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    for name in ["north", "south"] {
        engine.put_link(LinkDraft { name: name.into(), ..office_link() }).await.unwrap();
    }
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    let asks = at_rest(&engine, &run).await;
    let remedy = asks.steps[0].remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("callboard link default north"), "{remedy}");
    assert!(engine.make_default_link("west").await.is_err());
    assert!(engine.make_default_link("south").await.unwrap().is_default);
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.steps[0].link.as_deref(), Some("south"), "{done:#?}");
    engine.put_link(LinkDraft { name: "south".into(), ..office_link() }).await.unwrap();
    engine.make_default_link("north").await.unwrap();
    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    let defaults: Vec<(String, bool)> =
        engine.links().list().into_iter().map(|link| (link.name, link.is_default)).collect();
    assert_eq!(defaults, [("north".to_owned(), true), ("south".to_owned(), false)]);
}
