//! The store's contract: transactions, ownership, waking. Written once, for every backend.

use std::collections::BTreeSet;

use callboard_engine::journal::{Entry, Fact, Trigger};
use callboard_engine::store::{
    Advance, Change, Claim, Handover, NewRun, Refusal, Signal, SqlStore, Store, WorkflowRecord,
};
use callboard_engine::{Mode, Place, RunId, RunStatus, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::backend::{self, fresh_store};

pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn seconds(count: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(count)
}

fn run_id(letter: char) -> RunId {
    format!("run_{}", letter.to_string().repeat(26)).parse().unwrap()
}

pub(crate) fn create(run: &RunId) -> Vec<Change> {
    let workflow = WorkflowRecord {
        hash: "h".into(),
        name: "w".into(),
        version: "1".into(),
        source_name: "w.yaml".into(),
        text: "{}".into(),
        at: NOW,
    };
    let trigger = Trigger::Request { by: "test".into() };
    let fact = Fact::Started {
        workflow: "w".into(),
        hash: "h".into(),
        input: json!({}),
        trigger,
        mode: Mode::Live,
        secrets: serde_json::Map::new(),
        requesters: None,
        origin: None,
        priority: None,
        lane: None,
    };
    let (first, workflow_hash) = (Entry { at: NOW, fact }, "h".into());
    let new = NewRun {
        id: run.clone(),
        workflow: "w".into(),
        workflow_hash,
        mode: Mode::Live,
        first,
        at: NOW,
    };
    vec![Change::KeepWorkflow(workflow), Change::CreateRun(Box::new(new))]
}

pub(crate) fn claim(node: &str, boot: &str, now: Timestamp) -> Claim {
    let (lease_now, lease_until) = (now, now + SignedDuration::from_secs(60));
    Claim {
        node: node.into(),
        boot: boot.into(),
        now,
        lease_now,
        lease_until,
        driving: Vec::new(),
        limit: 10,
    }
}

pub(crate) fn advance(run: &RunId, epoch: i64, first_seq: i64, handover: Handover) -> Change {
    let entries = vec![Entry {
        at: NOW,
        fact: Fact::TimerFired { step: callboard_flow::StepId::new("do/a") },
    }];
    let (run, status, at, signals_up_to) = (run.clone(), RunStatus::Waiting, NOW, None);
    Change::Advance(Box::new(Advance {
        run,
        epoch,
        first_seq,
        entries,
        signals_up_to,
        status,
        handover,
        at,
        again: false,
    }))
}

fn keep() -> Handover {
    Handover::Keep { lease_until: seconds(60) }
}

fn refusal(result: Result<(), StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("it should be refused: {other:?}"),
    }
}

async fn with_run(run: &RunId) -> SqlStore {
    let store = fresh_store();
    store.commit(create(run)).await.unwrap();
    store
}

#[tokio::test]
async fn a_write_of_a_stale_owner_is_refused_and_leaves_nothing() {
    let run = run_id('a');
    let store = with_run(&run).await;
    let first = store.claim(claim("one", "boot", NOW)).await.unwrap();
    assert_eq!(first[0].epoch, 1);
    assert!(store.claim(claim("two", "other", NOW)).await.unwrap().is_empty(), "it has an owner");
    let second = store.claim(claim("two", "other", seconds(61))).await.unwrap();
    assert_eq!(second[0].epoch, 2, "the lease has expired");

    let late = vec![Change::DeleteLink { name: "none".into() }];
    assert_eq!(refusal(store.commit(late).await), Refusal::NoSuchLink { name: "none".into() });
    let stale = store.commit(vec![advance(&run, 1, 2, keep())]).await;
    assert_eq!(refusal(stale), Refusal::NotOwner { run: run.clone(), epoch: 1 });
    assert_eq!(store.journal(&run).await.unwrap().len(), 1, "nothing of it was written");
    store.commit(vec![advance(&run, 2, 2, keep())]).await.unwrap();
    assert_eq!(store.journal(&run).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_journal_is_read_page_by_page() {
    let run = run_id('a');
    let store = with_run(&run).await;
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    for seq in 2..=7 {
        store.commit(vec![advance(&run, 1, seq, keep())]).await.unwrap();
    }
    let all = store.journal(&run).await.unwrap();
    assert_eq!(all.len(), 7);
    for (after, limit, expected) in [(0, 3, 0..3), (3, 3, 3..6), (6, 3, 6..7), (7, 3, 7..7)] {
        let page = store.journal_after(&run, after, limit).await.unwrap();
        assert_eq!(page, all[expected], "after {after}");
    }
}

#[tokio::test]
async fn what_was_done_and_whose_answer_got_lost_is_not_done_twice() {
    let run = run_id('a');
    let store = with_run(&run).await;
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let release = Handover::Release {
        wake_at: Some(seconds(9)),
        blocked_on: BTreeSet::new(),
        on_leave: None,
    };
    for handover in [keep(), release] {
        let seq = store.last_seq(&run).await.unwrap() + 1;
        let first = advance(&run, 1, seq, handover);
        let Change::Advance(mut again) = first.clone() else { unreachable!() };
        again.again = true;
        store.commit(vec![first]).await.unwrap();
        store.commit(vec![Change::Advance(again)]).await.unwrap();
        assert_eq!(store.last_seq(&run).await.unwrap(), seq);
    }
}

#[tokio::test]
async fn a_run_whose_claim_nobody_learnt_of_is_taken_again_after_the_lease() {
    let run = run_id('a');
    let store = with_run(&run).await;
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let driving = Claim { driving: vec![run.clone()], ..claim("one", "boot", seconds(61)) };
    assert!(store.claim(driving).await.unwrap().is_empty(), "its driver goes on");
    assert!(store.claim(claim("one", "boot", seconds(59))).await.unwrap().is_empty());
    assert_eq!(store.claim(claim("one", "boot", seconds(61))).await.unwrap()[0].epoch, 2);
}

#[tokio::test]
async fn a_new_life_of_a_node_takes_up_its_own_runs_at_once_and_nobody_elses() {
    let (own, others) = (run_id('a'), run_id('b'));
    let store = with_run(&own).await;
    store.claim(claim("one", "first", NOW)).await.unwrap();
    store.commit(create(&others)).await.unwrap();
    store.claim(claim("two", "boot", NOW)).await.unwrap();
    store.disown("one", "second").await.unwrap();
    let taken = store.claim(claim("one", "second", NOW)).await.unwrap();
    assert_eq!(taken.iter().map(|claimed| &claimed.id).collect::<Vec<_>>(), [&own]);
}

#[tokio::test]
async fn a_run_wakes_when_it_is_due_or_spoken_to() {
    let run = run_id('a');
    let store = with_run(&run).await;
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let release = Handover::Release {
        wake_at: Some(seconds(100)),
        blocked_on: BTreeSet::new(),
        on_leave: None,
    };
    store.commit(vec![advance(&run, 1, 2, release.clone())]).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(seconds(100)));
    assert!(store.claim(claim("one", "boot", seconds(99))).await.unwrap().is_empty());
    assert_eq!(store.claim(claim("one", "boot", seconds(100))).await.unwrap()[0].epoch, 2);

    let signal = Change::Signal {
        run: run.clone(),
        signal: Signal::Cancel { by: "a".into() },
        at: seconds(101),
    };
    store.commit(vec![signal.clone()]).await.unwrap();
    store.commit(vec![advance(&run, 2, 3, release)]).await.unwrap();
    let wake = store.next_wake().await.unwrap();
    assert!(
        wake.is_some_and(|wake| wake < seconds(100)),
        "what was said meanwhile is not slept over: {wake:?}"
    );

    assert_eq!(store.claim(claim("one", "boot", seconds(101))).await.unwrap()[0].epoch, 3);
    let Change::Advance(mut end) = advance(
        &run,
        3,
        4,
        Handover::Release { wake_at: None, blocked_on: BTreeSet::new(), on_leave: None },
    ) else {
        unreachable!("it was just made")
    };
    end.status = RunStatus::Cancelled;
    store.commit(vec![Change::Advance(end)]).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), None);
    let status = RunStatus::Cancelled;
    assert_eq!(refusal(store.commit(vec![signal]).await), Refusal::RunIsFinal { run, status });
}

#[tokio::test]
async fn a_refused_change_undoes_those_before_it_and_no_other_transaction() {
    let (good, bad) = (run_id('a'), run_id('b'));
    let store = fresh_store();
    let mut half = create(&bad);
    half.push(Change::DeleteLink { name: "none".into() });
    let (kept, refused) = tokio::join!(store.commit(create(&good)), store.commit(half));
    kept.unwrap();
    assert_eq!(refusal(refused), Refusal::NoSuchLink { name: "none".into() });
    assert!(store.find_run(&good).await.unwrap().is_some());
    assert!(store.find_run(&bad).await.unwrap().is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_its_owners_alone_also_where_it_was_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for found in [None, Some(0o644)] {
        if let Some(mode) = found {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let store = SqlStore::open(&Place::File(path.clone())).unwrap();
        store.list_links().await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let place = backend::place(folder.path());
    SqlStore::open(&place).unwrap().commit(create(&run_id('a'))).await.unwrap();
    let store = SqlStore::open(&place).unwrap();
    assert!(store.find_run(&run_id('a')).await.unwrap().is_some());
}

#[tokio::test]
async fn data_of_a_newer_version_opens_where_that_version_only_added_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = backend::place(folder.path());
    SqlStore::open(&place).unwrap().commit(create(&run_id('a'))).await.unwrap();
    let migrated = "INSERT INTO schema_migrations (version, needs) VALUES";
    backend::execute_at(&place, &format!("{migrated} (998, 0)"));
    let store = SqlStore::open(&place).unwrap();
    assert!(store.find_run(&run_id('a')).await.unwrap().is_some());
    drop(store);
    backend::execute_at(&place, &format!("{migrated} (999, 999)"));
    let refused = SqlStore::open(&place).err();
    assert!(matches!(refused, Some(StoreError::TooNew { found: 999, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_is_over_stays_over_and_waits_for_no_link() {
    let run = run_id('a');
    let store = with_run(&run).await;
    let release = Handover::Release {
        wake_at: None,
        blocked_on: ["office".to_owned()].into(),
        on_leave: None,
    };
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let Change::Advance(mut end) = advance(&run, 1, 2, release.clone()) else {
        unreachable!("it was just made")
    };
    end.status = RunStatus::Cancelled;
    store.commit(vec![Change::Advance(end)]).await.unwrap();
    assert_eq!(store.find_run(&run).await.unwrap().unwrap().blocked_on, BTreeSet::new());

    let signal = Signal::LinkChanged { app: "office".into(), link: "office".into() };
    let blocked = Change::SignalBlocked { on: "office".into(), signal, at: NOW };
    store.commit(vec![blocked]).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), None, "nothing wakes it");
    assert!(store.signals(&run).await.unwrap().is_empty());
    let late = store.commit(vec![advance(&run, 1, 3, release)]).await;
    assert_eq!(refusal(late), Refusal::NotOwner { run, epoch: 1 });
}

#[tokio::test]
async fn a_run_set_aside_wakes_only_for_what_it_has_not_heard() {
    let run = run_id('a');
    let store = with_run(&run).await;
    let say = || Change::Signal {
        run: run.clone(),
        signal: Signal::LinkChanged { app: "office".into(), link: "office".into() },
        at: NOW,
    };
    for (said_late, wake) in [(false, None), (true, Some(NOW))] {
        store.commit(vec![say()]).await.unwrap();
        let epoch = store.claim(claim("one", "boot", NOW)).await.unwrap()[0].epoch;
        let heard = store.signals(&run).await.unwrap().last().unwrap().0;
        if said_late {
            store.commit(vec![say()]).await.unwrap();
        }
        let aside = Handover::SetAside { wake_at: None, heard };
        let seq = store.last_seq(&run).await.unwrap() + 1;
        store.commit(vec![advance(&run, epoch, seq, aside)]).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), wake, "said late: {said_late}");
    }
}

#[tokio::test]
async fn a_run_hears_of_each_app_that_it_waits_for_also_while_it_has_an_owner() {
    let run = run_id('a');
    let store = with_run(&run).await;
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let blocked_on = ["airtable".to_owned(), "slack".to_owned()].into();
    let release = Handover::Release { wake_at: Some(NOW), blocked_on, on_leave: None };
    store.commit(vec![advance(&run, 1, 2, release)]).await.unwrap();
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    for (on, heard) in [("air", 0), ("airtable", 1), ("slack", 2), ("office", 2)] {
        let signal = Signal::LinkChanged { app: on.into(), link: on.into() };
        store.commit(vec![Change::SignalBlocked { on: on.into(), signal, at: NOW }]).await.unwrap();
        assert_eq!(store.signals(&run).await.unwrap().len(), heard, "{on}");
    }
}

#[tokio::test]
async fn runs_on_leave_are_called_in_first_come_first_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(&backend::place(folder.path())).unwrap();
    let (late, early, elsewhere, busy) = (run_id('a'), run_id('b'), run_id('c'), run_id('d'));
    for run in [&late, &early, &elsewhere, &busy] {
        store.commit(create(run)).await.unwrap();
    }
    store.claim(claim("one", "boot", NOW)).await.unwrap();
    let leave = |run: &RunId, key: &str, wake: i64| {
        let (wake_at, on_leave) = (Some(seconds(wake)), Some(key.to_owned()));
        let release = Handover::Release { wake_at, blocked_on: BTreeSet::new(), on_leave };
        advance(run, 1, 2, release)
    };
    let changes = [leave(&late, "rate:a:w", 300), leave(&early, "rate:a:w", 200)];
    store.commit(changes.into()).await.unwrap();
    store.commit(vec![leave(&elsewhere, "rate:a:w2", 200)]).await.unwrap();
    let call_in = |limit| Change::CallIn { on: "rate:a:w".into(), limit, at: NOW };
    store.commit(vec![call_in(1)]).await.unwrap();
    let due = store.claim(claim("one", "boot", NOW)).await.unwrap();
    assert_eq!(due.iter().map(|run| &run.id).collect::<Vec<_>>(), [&early]);
    store.commit(vec![call_in(5)]).await.unwrap();
    let due = store.claim(claim("one", "boot", NOW)).await.unwrap();
    assert_eq!(due.iter().map(|run| &run.id).collect::<Vec<_>>(), [&late]);
}
