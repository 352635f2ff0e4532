//! One run, many items.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use callboard_apps::Failure;
use callboard_engine::{Engine, Observer, RunStatus, StepStatus};
use serde_json::json;
use tokio::sync::Notify;

use crate::crashes::{Hold, Holder, runtime};
use crate::harness::{Fate, PATIENCE, Premises, at_rest, office_link, start, to_the_end};

fn everybody(items: usize, metadata: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: everybody, version: 1.0.0}}\n\
         do: [{{all: {{for: {{each: n, in: '${{ [range({items})] }}'}}, metadata: {{{metadata}}}, do: [{{note: \
         {{call: 'office.notes.write:1@callboard', with: {{text: '${{ \"note \\($n)\" }}'}}}}}}]}}}}]\n"
    )
}

#[test]
fn a_loop_of_a_thousand_items_is_taken_up_at_the_item_after_a_crash() {
    const ITEMS: usize = 1_000;
    let text = everybody(ITEMS, "concurrency: 20");
    for hold in [Hold::Before(900), Hold::After(1_300)] {
        let premises = Premises::new();
        let crashed = runtime();
        let holder =
            Arc::new(Holder { hold, held: AtomicBool::new(false), reached: Notify::new() });
        let settings = premises.observed(&[&text], Arc::clone(&holder) as Arc<dyn Observer>);
        let engine = crashed.block_on(async {
            let engine = Engine::open(settings).await.unwrap();
            engine.put_link(office_link()).await.unwrap();
            engine.start_run(start("everybody", Some("once"))).await.unwrap();
            holder.reached.notified().await;
            engine
        });
        crashed.shutdown_timeout(PATIENCE);
        drop(engine);
        let before = premises.office.effects().len();
        assert!((300..700).contains(&before), "{hold:?}: {before} were done by then");
        runtime().block_on(async {
            let engine = premises.open(&[&text]).await;
            let started = engine.start_run(start("everybody", Some("once"))).await.unwrap();
            let detail = at_rest(&engine, &started.run).await;
            assert_eq!(detail.status, RunStatus::Completed, "{hold:?}: {:?}", detail.error);
            let output = json!({"count": ITEMS, "succeeded": ITEMS, "failed": 0, "errors": []});
            assert_eq!(detail.output, Some(output), "{hold:?}");
            let effects = premises.office.effects();
            assert_eq!(effects.len(), ITEMS, "{hold:?}");
            assert!(effects.values().all(|count| *count == 1), "{hold:?}: nothing twice");
            engine.stop(PATIENCE).await;
        });
    }
}

#[tokio::test]
async fn items_that_fail_are_counted_or_stop_the_loop() {
    let premises = Premises::new();
    let fail = || {
        let why = "the board is full".to_owned();
        premises.office.will(
            "office.notes.write",
            Fate::Fails(Failure::Rejected { status: 409, title: why, body: json!({}) }),
        );
    };
    let counted = everybody(30, "concurrency: 4, onError: continue");
    let stopped =
        everybody(30, "concurrency: 4").replace("name: everybody", "name: until-one-fails");
    let engine = premises.open_with_link(&[&counted, &stopped]).await;
    fail();
    let run = engine.start_run(start("everybody", None)).await.unwrap().run;
    let detail = at_rest(&engine, &run).await;
    let output = detail.output.unwrap();
    assert_eq!([&output["count"], &output["succeeded"], &output["failed"]], [30, 29, 1]);
    assert_eq!(output["errors"][0]["error"]["status"], 409);

    fail();
    let run = engine.start_run(start("until-one-fails", None)).await.unwrap().run;
    let detail = at_rest(&engine, &run).await;
    assert_eq!(detail.status, RunStatus::Faulted);
    assert_eq!(detail.error.unwrap().status, 409);
    assert!(premises.office.notes.lock().unwrap().len() < 45, "the others did not begin");
}

#[tokio::test]
async fn a_long_loop_shows_as_a_summary_and_its_steps_page_by_page() {
    const ITEMS: usize = 700;
    let premises = Premises::new();
    let text = everybody(ITEMS, "concurrency: 30, onError: continue");
    let engine = premises.open_with_link(&[&text]).await;
    for _ in 0..25 {
        let failure =
            Failure::Rejected { status: 409, title: "full".into(), body: json!({"why": "full"}) };
        premises.office.will("office.notes.write", Fate::Fails(failure));
    }
    let run = engine.start_run(start("everybody", None)).await.unwrap().run;
    let detail = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(detail.status, RunStatus::Completed);
    assert_eq!(detail.loops.len(), 1, "{:#?}", detail.loops);
    let of = &detail.loops[0];
    assert_eq!((of.step.as_str(), of.items, of.open), ("do/all", 700, 0));
    assert_eq!((of.completed, of.failed), (675, 25));
    assert_eq!(detail.steps.len(), 20, "the first that failed");
    assert!(detail.steps.iter().all(|step| step.status == StepStatus::Faulted));

    let (mut seen, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page = engine.steps(&run, from, 300).await.unwrap();
        assert!(
            page.steps.len() <= 300 && page.steps.iter().all(|step| step.finished_at.is_some())
        );
        seen.extend(page.steps.into_iter().map(|step| step.step.to_string()));
        after = page.next;
    }
    assert_eq!(seen.len(), ITEMS);
    assert_eq!((seen[0].as_str(), seen[699].as_str()), ("do/all[0]/note", "do/all[699]/note"));
}

/// Waits in its loop, so that it rests and is claimed again at each item.
const NAPPER: &str = "
document: {dsl: 1.0.3, namespace: test, name: napper, version: 1.0.0}
do:
  - all:
      for: {each: n, in: '[range(200)]'}
      do:
        - nap: {wait: PT1S}
        - note: {call: 'office.notes.write:1@callboard', with: {text: '${ \"note \\($n)\" }'}}
";

#[tokio::test]
async fn a_run_that_rests_often_goes_on_where_it_was() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[NAPPER]).await;
    let run = engine.start_run(start("napper", None)).await.unwrap().run;
    let detail = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(detail.status, RunStatus::Completed, "{:?}", detail.error);
    let notes = premises.office.notes.lock().unwrap().clone();
    assert_eq!(notes, (0..200).map(|n| format!("note {n}")).collect::<Vec<_>>());
    assert!(detail.steps.is_empty(), "all of them completed: {}", detail.steps.len());
}
