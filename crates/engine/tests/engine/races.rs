//! Preconditions of changes hold also where several are decided at once.

use std::sync::Arc;

use callboard_engine::store::{
    Change, EventRecord, Handover, Occurrence, OccurrenceState, Origin, Refusal, ScheduleRecord,
    Signal, SqlStore, StartKey, Store,
};
use callboard_engine::{RunId, StoreError};
use serde_json::json;
use tokio::task::JoinSet;

use crate::backend::fresh_store;
use crate::store::{NOW, advance, claim, create, seconds};

const TIMES: usize = 40;

fn run_id(number: usize) -> RunId {
    format!("run_{number:0>26}").parse().unwrap()
}

/// Does all at once; answers what became of each, in no order.
async fn at_once(
    store: &Arc<SqlStore>,
    all: impl IntoIterator<Item = Vec<Change>>,
) -> Vec<Result<(), StoreError>> {
    let mut doing = JoinSet::new();
    for changes in all {
        let store = Arc::clone(store);
        doing.spawn(async move { store.commit(changes).await });
    }
    doing.join_all().await
}

/// One of them was done; answers why the others were not.
fn refusals(results: Vec<Result<(), StoreError>>) -> Vec<Refusal> {
    let count = results.len();
    let refused: Vec<Refusal> = results
        .into_iter()
        .filter_map(|result| match result {
            Ok(()) => None,
            Err(StoreError::Refused(refusal)) => Some(refusal),
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(refused.len() + 1, count, "one of them is done: {refused:?}");
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_spoken_to_while_it_is_let_go_of_is_due_or_has_heard() {
    let store = Arc::new(fresh_store());
    for number in 0..TIMES {
        let run = run_id(number);
        store.commit(create(&run)).await.unwrap();
        let claimed = store.claim(claim("one", "boot", NOW)).await.unwrap();
        assert_eq!(claimed.len(), 1, "only this one is due");
        let aside = Handover::SetAside { wake_at: None, heard: 0 };
        let signal = Signal::Cancel { by: "ada".into() };
        let blocked = Signal::LinkChanged { app: "office".into(), link: "office".into() };
        let said = Change::Signal { run: run.clone(), signal, at: NOW };
        let told = Change::Tell { run: run.clone(), signal: blocked, at: NOW };
        let results =
            at_once(&store, [vec![advance(&run, 1, 2, aside)], vec![said], vec![told]]).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let claimed = store.claim(claim("one", "boot", NOW)).await.unwrap();
        assert_eq!(claimed.len(), 1, "somebody spoke to it: it is due, in round {number}");
        assert_eq!(store.signals(&run).await.unwrap().len(), 2);
        let rest = Handover::SetAside { wake_at: None, heard: i64::MAX };
        store.commit(vec![advance(&run, 2, 3, rest)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claimers_each_run_has_one() {
    let store = Arc::new(fresh_store());
    for number in 0..TIMES {
        store.commit(create(&run_id(number))).await.unwrap();
    }
    let mut claiming = JoinSet::new();
    for node in ["one", "two", "three", "four"] {
        let store = Arc::clone(&store);
        claiming.spawn(async move {
            let mut claimed = Vec::new();
            loop {
                match store.claim(claim(node, node, NOW)).await.unwrap() {
                    some if some.is_empty() => return claimed,
                    some => claimed.extend(some.into_iter().map(|run| (run.id, run.epoch))),
                }
            }
        });
    }
    let mut all: Vec<_> = claiming.join_all().await.into_iter().flatten().collect();
    all.sort();
    let each: Vec<_> = (0..TIMES).map(|number| (run_id(number), 1)).collect();
    assert_eq!(all, each);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_one_event_one_occurrence_one_revision() {
    let store = Arc::new(fresh_store());
    let anchor = seconds(0);
    let schedule = |revision| {
        let (workflow, plan) = ("w".to_owned(), Some("p".to_owned()));
        let (next_at, wake_at, paused) = (None, None, None);
        let watermark = anchor;
        let record = ScheduleRecord {
            workflow,
            revision,
            plan,
            anchor,
            watermark,
            next_at,
            wake_at,
            paused,
        };
        Change::PutSchedule(Box::new(record))
    };
    for number in 0..TIMES {
        let racers = |kind: usize| (0..5).map(move |racer| run_id((number * 5 + racer) * 4 + kind));
        let with = |run: &RunId, change: Change| {
            let mut changes = create(run);
            changes.push(change);
            changes
        };
        let keys = racers(0).map(|run| {
            let (key, fingerprint) = (format!("key {number}"), "f".into());
            with(
                &run,
                Change::TakeStartKey(StartKey { key, fingerprint, run: run.clone(), at: NOW }),
            )
        });
        for refusal in refusals(at_once(&store, keys).await) {
            let Refusal::StartKeyTaken { run, .. } = refusal else { panic!("{refusal}") };
            assert!(store.find_run(&run).await.unwrap().is_some(), "the winner's run is told");
        }
        let events = racers(1).map(|run| {
            let record = EventRecord {
                app: "office".into(),
                trigger: "arrived".into(),
                link: String::new(),
                dedupe_key: number.to_string(),
                event_type: "a".into(),
                subject: String::new(),
                data: json!({}),
                runs: vec![run.clone()],
                at: NOW,
            };
            with(&run, Change::StoreEvent(record))
        });
        for refusal in refusals(at_once(&store, events).await) {
            let Refusal::EventSeen { runs, .. } = refusal else { panic!("{refusal}") };
            assert!(store.find_run(&runs[0]).await.unwrap().is_some(), "the winner's run is told");
        }
        let occurrences = racers(2).map(|run| {
            let planned_at = seconds(i64::try_from(number).unwrap());
            let occurrence = Occurrence {
                id: 0,
                workflow: "w".into(),
                planned_at,
                last_at: planned_at,
                count: Some(1),
                origin: Origin::Time,
                asked_by: None,
                state: OccurrenceState::Started,
                why: None,
                run: Some(run.clone()),
                at: NOW,
                ended_at: None,
            };
            with(&run, Change::AddOccurrence(Box::new(occurrence)))
        });
        refusals(at_once(&store, occurrences).await);
        let revision = i64::try_from(number).unwrap();
        refusals(at_once(&store, racers(3).map(|run| with(&run, schedule(revision)))).await);
    }
    let page = callboard_engine::RunFilter { limit: 500, ..Default::default() };
    let runs = store.list_runs(&page).await.unwrap().runs;
    assert_eq!(runs.len(), TIMES * 4, "who was refused left nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_speak_to_each_other_at_once_all_get_through() {
    let store = Arc::new(fresh_store());
    let (a, b) = (run_id(1), run_id(2));
    for run in [&a, &b] {
        store.commit(create(run)).await.unwrap();
    }
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    for round in 0..i64::try_from(TIMES).unwrap() {
        let keep = || Handover::Keep { lease_until: seconds(60) };
        let tell = |run: &RunId| Change::Tell {
            run: run.clone(),
            signal: Signal::Cancel { by: "other".into() },
            at: NOW,
        };
        let both = [
            vec![advance(&a, 1, round + 2, keep()), tell(&b)],
            vec![advance(&b, 1, round + 2, keep()), tell(&a)],
        ];
        let results = at_once(&store, both).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
    assert_eq!(store.signals(&a).await.unwrap().len(), TIMES);
    assert_eq!(store.journal(&b).await.unwrap().len(), TIMES + 1);
}
