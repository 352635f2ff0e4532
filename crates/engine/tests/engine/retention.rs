//! What is over moves to files; keys of repetitions expire.

use std::io::Read as _;

use callboard_engine::{Engine, LookError, Retention, RunStatus, Settings};
use jiff::SignedDuration;
use serde_json::Value;

use crate::harness::{ARRIVAL, PATIENCE, Premises, at_rest, office_link, one_call, start};

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

async fn open(premises: &Premises, keep_runs: Option<SignedDuration>) -> Engine {
    let folder = premises.folder.path().join("archive");
    let retention = Some(Retention { folder, keep_runs, keep_keys: days(30) });
    let text = one_call("office.desks.assign");
    let settings = Settings { retention, ..premises.settings(&[&text, ARRIVAL]) };
    let engine = Engine::open(settings).await.unwrap();
    engine.put_link(office_link()).await.unwrap();
    engine
}

#[tokio::test]
async fn old_runs_move_to_a_file_and_unfinished_ones_stay() {
    let premises = Premises::new();
    let engine = open(&premises, None).await;
    let old = engine.start_run(start("one-call", None)).await.unwrap().run;
    engine.wait_for_run(&old, PATIENCE).await.unwrap();
    let waiting = engine.start_run(start("arrival", None)).await.unwrap().run;
    at_rest(&engine, &waiting).await;
    engine.pause(&waiting, "ann").await.unwrap();
    let is_paused = |detail: &callboard_engine::RunDetail| detail.status == RunStatus::Paused;
    engine.wait_until(&waiting, PATIENCE, is_paused).await.unwrap();
    premises.time.advance(days(100));
    let new = engine.start_run(start("one-call", None)).await.unwrap().run;
    engine.wait_for_run(&new, PATIENCE).await.unwrap();

    let archived = engine.archive_runs(days(90)).await.unwrap();
    assert_eq!((archived.runs, archived.files.len()), (1, 1), "{archived:?}");
    let gone = engine.run(&old).await.unwrap_err();
    let file = archived.files[0].display().to_string();
    assert!(
        matches!(gone, LookError::Archived { .. }) && gone.to_string().contains(&file),
        "{gone}"
    );
    for kept in [&waiting, &new] {
        engine.run(kept).await.unwrap();
    }
    let mut text = String::new();
    let packed = std::fs::File::open(&archived.files[0]).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["definition"]["text"].as_str().unwrap().contains("one-call"), "{text}");
    assert_eq!(lines[1]["run"]["id"], old.as_str());
    let entries: Vec<callboard_engine::Entry> =
        serde_json::from_value(lines[1]["entries"].clone()).unwrap();
    assert_eq!(entries.len(), 4, "the journal as it was");
    let again = engine.archive_runs(days(90)).await.unwrap();
    assert_eq!(again.runs, 0);
}

#[tokio::test]
async fn two_nodes_that_put_away_the_same_runs_do_not_stop_each_other_and_files_are_whole() {
    let long = "document: {dsl: 1.0.3, namespace: test, name: long, version: 1.0.0}\n\
        do: [{all: {for: {each: n, in: '${ [range(400)] }'}, metadata: {concurrency: 50}, do: [{nap: {wait: PT0S}}]}}]\n";
    let premises = Premises::new();
    let folder = premises.folder.path().join("archive");
    let retention = Some(Retention { folder, keep_runs: None, keep_keys: days(30) });
    let settings = |node: &str| Settings {
        retention: retention.clone(),
        node: node.into(),
        ..premises.settings(&[long])
    };
    let engine = Engine::open(settings("a")).await.unwrap();
    let run = engine.start_run(start("long", None)).await.unwrap().run;
    engine.wait_for_run(&run, PATIENCE).await.unwrap();
    let entries = engine.history(&run).await.unwrap();
    assert!(entries.len() > 500, "more than a page: {}", entries.len());
    premises.time.advance(days(1));
    let other = Engine::open(settings("b")).await.unwrap();
    let (one, other) = tokio::join!(engine.archive_runs(days(0)), other.archive_runs(days(0)));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.runs + other.runs, 1, "{one:?} {other:?}");
    for file in one.files.iter().chain(&other.files) {
        let mut text = String::new();
        let packed = std::fs::File::open(file).unwrap();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        let packed: Vec<callboard_engine::Entry> =
            serde_json::from_value(line["entries"].clone()).unwrap();
        assert_eq!(packed, entries);
    }
}

#[tokio::test]
async fn it_happens_by_itself_once_a_day() {
    let premises = Premises::new();
    let engine = open(&premises, Some(days(90))).await;
    let old = engine.start_run(start("one-call", None)).await.unwrap().run;
    engine.wait_for_run(&old, PATIENCE).await.unwrap();
    premises.time.advance(days(91));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while engine.run(&old).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "it should be archived by now");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_key_of_a_start_is_recognised_for_a_month() {
    let premises = Premises::new();
    let engine = open(&premises, None).await;
    let first = engine.start_run(start("one-call", Some("k"))).await.unwrap().run;
    premises.time.advance(days(29));
    let same = engine.start_run(start("one-call", Some("k"))).await.unwrap().run;
    assert_eq!(first, same);
    premises.time.advance(days(2));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while engine.start_run(start("one-call", Some("k"))).await.unwrap().run == first {
        assert!(tokio::time::Instant::now() < deadline, "it should be forgotten by now");
        tokio::task::yield_now().await;
    }
}
