//! The library of workflows.

use callboard_engine::{Engine, RunStatus, Settings};

use crate::harness::{PATIENCE, Premises, one_call, start, to_the_end};

fn settings(premises: &Premises) -> Settings {
    Settings { workflows_folder: Some(premises.library_folder()), ..premises.settings(&[]) }
}

#[tokio::test]
async fn a_file_with_a_mistake_leaves_the_old_version_running_also_after_a_restart() {
    let premises = Premises::new();
    let file = premises.library_folder().join("one.yaml");
    std::fs::write(&file, one_call("office.desks.assign")).unwrap();
    let engine = Engine::open(settings(&premises)).await.unwrap();
    engine.put_link(crate::harness::office_link()).await.unwrap();
    std::fs::write(&file, one_call("office.desks.asign")).unwrap();
    let problems = engine.reload_library().await.unwrap();
    assert!(
        problems.iter().any(|problem| problem.file == "one.yaml" && problem.line > 0),
        "{problems:?}"
    );
    engine.stop(PATIENCE).await;

    let engine = Engine::open(settings(&premises)).await.unwrap();
    assert!(!engine.library().problems().is_empty(), "it is still reported");
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(engine.wait_for_run(&run, PATIENCE).await.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_run_keeps_the_version_it_began_with() {
    let premises = Premises::new();
    let file = premises.library_folder().join("a.yaml");
    std::fs::write(&file, crate::harness::ARRIVAL).unwrap();
    let engine = Engine::open(settings(&premises)).await.unwrap();
    engine.put_link(crate::harness::office_link()).await.unwrap();
    let run = engine.start_run(start("arrival", None)).await.unwrap().run;
    crate::harness::at_rest(&engine, &run).await;
    std::fs::write(&file, crate::harness::ARRIVAL.replace("{desk: $context.desk}", "{other: 1}"))
        .unwrap();
    assert!(engine.reload_library().await.unwrap().is_empty());
    let old = to_the_end(&engine, &premises.time, &run).await;
    assert_eq!(old.output, Some(serde_json::json!({"desk": 7})));
    let new = engine.start_run(start("arrival", None)).await.unwrap().run;
    assert_eq!(
        to_the_end(&engine, &premises.time, &new).await.output,
        Some(serde_json::json!({"other": 1}))
    );
}

#[tokio::test]
async fn what_this_version_cannot_do_is_refused_when_it_is_loaded() {
    let premises = Premises::new();
    let head = "document: {dsl: 1.0.3, namespace: t, name: n, version: 1.0.0}\n";
    for (text, what) in [(
        "do: [{a: {call: http, with: {method: get, endpoint: 'https://example.com'}}}]",
        "`call: http`",
    )] {
        let engine = premises.open(&[&format!("{head}{text}")]).await;
        let problems = engine.library().problems();
        assert!(
            problems.iter().any(|problem| problem.message.contains(what)),
            "{what}: {problems:?}"
        );
        assert!(engine.library().list().is_empty());
        engine.stop(PATIENCE).await;
    }
}
