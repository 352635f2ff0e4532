//! Events that the engine fetches by itself: a tenant's log and its stream.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use callboard_apps::{Failure, StreamPlace};
use callboard_engine::{Engine, FeedStatus, RunStatus, Time as _};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::crashes::{Hold, Holder};
use crate::harness::{PATIENCE, Premises, at_rest, start};
use crate::tower::{SILENCE, Tower, listener, runs_of, tower_link};

/// 09:00, when every test begins.
const NINE: i64 = 9 * 3600;

async fn inputs(engine: &Engine, workflow: &str) -> Vec<Value> {
    let mut inputs = Vec::new();
    for run in runs_of(engine, workflow).await {
        inputs.push(at_rest(engine, &run.id).await.input);
    }
    inputs
}

async fn heard(engine: &Engine, workflow: &str) -> Vec<String> {
    let inputs = inputs(engine, workflow).await;
    inputs.iter().map(|input| input[0]["log_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_entry_of_the_log_starts_a_run_once_and_history_starts_none() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let workflow = listener("on-failure", "tower.log.fp");
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_read(&premises).await;
    let wanted = tower.write(NINE + 1, 2, "fp", "ada");
    tower.write(NINE + 2, 3, "ss", "nobody wants this");
    for _ in 0..3 {
        tower.is_read(&premises).await;
    }
    assert_eq!(heard(&engine, "on-failure").await, [wanted]);
    // It was indexed late: before entries that were read already.
    let late = tower.write(NINE + 1, 1, "fp", "bob");
    let also = tower.write(NINE + 3, 4, "fp", "cy");
    tower.is_read(&premises).await;
    tower.is_read(&premises).await;
    let found = heard(&engine, "on-failure").await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&late) && found.contains(&also), "{found:?}");
}

#[tokio::test]
async fn a_log_is_read_only_while_somebody_wants_it() {
    let listens = "document: {dsl: 1.0.3, namespace: test, name: listens, version: 1.0.0}\n\
        do: [{hear: {listen: {to: {one: {with: {type: tower.log.fp}}}}}}]\n";
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let engine = tower.open(&premises, &[listens]).await;
    let run = engine.start_run(start("listens", None)).await.unwrap().run;
    assert_eq!(*tower.reads.borrow(), 0);
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    tower.is_read(&premises).await;
    tower.write(NINE + 1, 2, "fp", "ada");
    tower.is_read(&premises).await;
    let done = engine.wait_until(&run, PATIENCE, |run| run.status.is_final()).await.unwrap();
    assert_eq!(done.output.unwrap()[0]["user_id"], "ada");
}

#[tokio::test]
async fn what_is_logged_while_nobody_reads_is_taken_up_later() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let workflow = listener("on-failure", "tower.log.fp");
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_read(&premises).await;
    drop(engine);
    let mut missed = Vec::new();
    for number in 2..=251 {
        missed.push(tower.write(NINE + i64::from(number) / 50, number, "fp", "ada"));
    }
    let trouble = Failure::Later { retry_at: None, why: "the line is cut".into() };
    tower.troubles.lock().unwrap().push_back(trouble);
    let engine = tower.open(&premises, &[&workflow]).await;
    for _ in 0..4 {
        tower.is_read(&premises).await;
    }
    let mut found = heard(&engine, "on-failure").await;
    found.sort_unstable();
    assert_eq!(found.len(), missed.len());
    assert!(found == missed);
}

#[test]
fn a_crash_while_an_entry_is_taken_in_neither_loses_nor_doubles_it() {
    for hold in [Hold::Before(1), Hold::After(1)] {
        let premises = Premises::new();
        let tower = Tower::beside(&premises);
        let workflow = listener("on-failure", "tower.log.fp");
        tower.write(NINE - 60, 1, "fp", "history");
        crate::crashes::runtime().block_on(async {
            let engine = tower.open(&premises, &[&workflow]).await;
            tower.is_read(&premises).await;
            drop(engine);
        });
        let wanted = tower.write(NINE + 1, 2, "fp", "ada");
        let holder =
            Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
        let crashing = crate::crashes::runtime();
        crashing.block_on(async {
            let engine = tower.observed(&premises, &[&workflow], Arc::clone(&holder) as _).await;
            premises.time.advance(SignedDuration::from_mins(5));
            tokio::time::timeout(PATIENCE, holder.reached.notified()).await.unwrap();
            drop(engine);
        });
        crashing.shutdown_background();
        crate::crashes::runtime().block_on(async {
            let engine = tower.open(&premises, &[&workflow]).await;
            tower.is_read(&premises).await;
            tower.is_read(&premises).await;
            assert_eq!(heard(&engine, "on-failure").await, [wanted], "{hold:?}");
        });
    }
}

#[tokio::test]
async fn what_retention_took_away_is_said_and_reading_goes_on() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let workflow = listener("on-failure", "tower.log.fp");
    let alarm = listener("on-gap", "callboard.trigger.gap");
    let engine = tower.open(&premises, &[&workflow, &alarm]).await;
    tower.is_read(&premises).await;
    drop(engine);
    premises.time.advance(SignedDuration::from_hours(72));
    tower.write(NINE + 3600, 2, "fp", "lost");
    let kept = tower.write(NINE + 71 * 3600, 3, "fp", "kept");
    tower.keep_only(1);
    let engine = tower.open(&premises, &[&workflow, &alarm]).await;
    tower.is_read(&premises).await;
    tower.is_read(&premises).await;
    assert_eq!(heard(&engine, "on-failure").await, [kept]);
    let alarms = inputs(&engine, "on-gap").await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0][0]["link"], "tower");
    assert_eq!(alarms[0][0]["until"], "2026-01-08T08:00:00Z");
}

#[tokio::test]
async fn a_tenant_that_was_quiet_for_days_raises_no_alarm() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let (workflow, alarm) =
        (listener("on-failure", "tower.log.fp"), listener("on-gap", "callboard.trigger.gap"));
    let engine = tower.open(&premises, &[&workflow, &alarm]).await;
    tower.is_read(&premises).await;
    for _ in 0..3 {
        premises.time.advance(SignedDuration::from_hours(23));
        tower.is_read(&premises).await;
    }
    tower.keep_only(0);
    let wanted = tower.write(NINE + 70 * 3600, 2, "fp", "ada");
    tower.is_read(&premises).await;
    assert_eq!(heard(&engine, "on-failure").await, [wanted]);
    assert!(runs_of(&engine, "on-gap").await.is_empty());
}

#[tokio::test]
async fn a_log_entry_that_comes_by_two_ways_starts_one_run() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    let workflow = listener("on-failure", "tower.log.fp");
    let engine = tower.open(&premises, &[&workflow]).await;
    // Another link to the same tenant.
    let other = callboard_engine::LinkDraft { name: "watch".into(), ..tower_link() };
    engine.put_link(other).await.unwrap();
    tower.is_read(&premises).await;
    let id = tower.write(NINE + 1, 1, "fp", "ada");
    let record = |id: &str| json!({"log_id": id, "data": {"type": "fp", "date": "2026-01-05T09:00:01Z", "user_id": "ada"}});
    // JSON lines, as a log stream sends them.
    let body = format!("{}\n{}\n", record(&id), record("another"));
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", "wrong".parse().unwrap());
    let refused = engine.receive_webhook("tower", "logs", &headers, body.as_bytes()).await;
    assert!(refused.is_err());
    headers.insert("authorization", "knock".parse().unwrap());
    let received =
        engine.receive_webhook("tower", "logs", &headers, body.as_bytes()).await.unwrap();
    assert_eq!(received.events.len(), 2);
    assert!(received.events.iter().all(|event| !event.duplicate && event.runs.len() == 1));
    tower.is_read(&premises).await;
    tower.is_read(&premises).await;
    let mut found = heard(&engine, "on-failure").await;
    found.sort_unstable();
    assert_eq!(found, [id, "another".into()]);
}

#[tokio::test]
async fn a_stream_of_events_goes_on_where_it_was_left() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    let workflow = listener("on-user", "tower.user.created");
    let engine = tower.open(&premises, &[&workflow]).await;
    let opened = tower.is_opened(1).await;
    assert_eq!(opened[0], (StreamPlace::Now, vec!["user.created".to_owned()]));
    let user = |id: &str| {
        json!({"specversion": "1.0", "id": id, "type": "user.created", "time": "2026-01-05T09:00:00Z",
               "data": {"object": {"user_id": id}}})
    };
    tower.send("user.created", "7", &user("evt_1"));
    tower.send("user.created", "8", &user("evt_1"));
    tower.send("offset-only", "9", &Value::Null);
    tower.hang_up();
    // The stream is opened again a moment after it was closed; what was in it is durable by then.
    reopen(&premises, &tower, 2).await;
    assert_eq!(tower.opened.borrow()[1].0, StreamPlace::After("9".into()));
    let inputs = inputs(&engine, "on-user").await;
    assert_eq!(inputs.len(), 1);
    assert_eq!(inputs[0][0]["object"]["user_id"], "evt_1");
    drop(engine);
    let engine = tower.open(&premises, &[&workflow]).await;
    let opened = tower.is_opened(3).await;
    assert_eq!(opened[2].0, StreamPlace::After("9".into()));
    drop(engine);
}

#[tokio::test]
async fn an_offset_that_is_too_old_raises_an_alarm() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    let workflow = listener("on-user", "tower.user.created");
    let alarm = listener("on-gap", "callboard.trigger.gap");
    let engine = tower.open(&premises, &[&workflow, &alarm]).await;
    tower.is_opened(1).await;
    tower.send("offset-only", "9", &Value::Null);
    tower.hang_up();
    let gone = Failure::Rejected { status: 410, title: "Gone".into(), body: Value::Null };
    tower.troubles.lock().unwrap().push_back(gone);
    reopen(&premises, &tower, 3).await;
    assert_eq!(tower.opened.borrow()[2].0, StreamPlace::Now);
    assert_eq!(runs_of(&engine, "on-gap").await.len(), 1);
}

/// The only feed of the tower that is wanted.
async fn wanted_feed(engine: &Engine) -> FeedStatus {
    let triggers = engine.triggers().await.unwrap().triggers;
    triggers.into_iter().flat_map(|trigger| trigger.feeds).find(|feed| feed.wanted).unwrap()
}

#[tokio::test]
async fn an_entry_counts_once_however_often_it_is_read_and_by_whichever_way_it_came() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    tower.write(NINE - 60, 1, "fp", "history");
    let workflow = listener("on-failure", "tower.log.fp");
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_read(&premises).await;
    tower.write(NINE + 1, 2, "fp", "ada");
    let last = tower.write(NINE + 2, 3, "fp", "bob");
    for _ in 0..3 {
        tower.is_read(&premises).await;
    }
    let feed = wanted_feed(&engine).await;
    assert_eq!((feed.position.as_ref(), feed.events), (Some(&last), 2));
    let at = feed.last_event_at;
    let also = tower.write(NINE + 3, 4, "fp", "cy");
    let record = json!({"log_id": also, "data": {"type": "fp", "date": "2026-01-05T09:00:03Z", "user_id": "cy"}});
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", "knock".parse().unwrap());
    let body = record.to_string();
    let sent = engine.receive_webhook("tower", "logs", &headers, body.as_bytes()).await.unwrap();
    assert!(!sent.events[0].duplicate);
    tower.is_read(&premises).await;
    drop(engine);
    // A new life reads what is at the end of the log once more.
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_read(&premises).await;
    tower.is_read(&premises).await;
    let feed = wanted_feed(&engine).await;
    assert_eq!((feed.position, feed.events, feed.last_event_at), (Some(also), 2, at));
}

#[tokio::test]
async fn a_stream_that_brings_nothing_for_too_long_is_opened_again_and_is_not_called_healthy() {
    let premises = Premises::new();
    let tower = Tower::beside(&premises);
    let workflow = listener("on-user", "tower.user.created");
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_opened(1).await;
    let began = premises.time.now();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while wanted_feed(&engine).await.trouble.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "the silence is noticed");
        premises.time.advance(SignedDuration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let feed = wanted_feed(&engine).await;
    assert_eq!(feed.read_at, Some(began), "nothing was read since");
    assert!(premises.time.now().duration_since(began) >= SILENCE);
    reopen(&premises, &tower, 2).await;
}

#[tokio::test]
async fn of_two_nodes_that_were_given_one_name_one_reads() {
    if crate::backend::postgres().is_none() {
        return;
    }
    let premises = Premises::new();
    let (tower, other) = (Tower::beside(&premises), Tower::beside(&premises));
    let workflow = listener("on-failure", "tower.log.fp");
    let engine = tower.open(&premises, &[&workflow]).await;
    tower.is_read(&premises).await;
    let twin = other.open(&premises, &[&workflow]).await;
    for _ in 0..3 {
        tower.is_read(&premises).await;
    }
    assert_eq!(*other.reads.borrow(), 0);
    engine.stop(PATIENCE).await;
    twin.stop(PATIENCE).await;
}

/// Moves the clock until so many streams were opened.
async fn reopen(premises: &Premises, tower: &Tower, times: usize) {
    let mut opened = tower.opened.subscribe();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while opened.borrow_and_update().len() < times {
        assert!(tokio::time::Instant::now() < deadline, "the stream is not opened again");
        premises.time.advance(SignedDuration::from_secs(1));
        tokio::task::yield_now().await;
    }
}
