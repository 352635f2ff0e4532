//! Ending a run: what may have happened is found out or named, and what is over stays over.

use callboard_engine::{RunFilter, RunStatus, StepStatus};

use crate::harness::{
    Fate, PATIENCE, Premises, at_rest, facts, office_link, one_call, printed, start,
};

#[tokio::test]
async fn a_run_cancelled_while_it_waits_for_a_link_stays_cancelled_when_the_link_comes() {
    let premises = Premises::new();
    let engine = premises.open(&[&one_call("office.desks.assign")]).await;
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Attention);
    engine.cancel(&run, "ada").await.unwrap();
    assert_eq!(engine.wait_for_run(&run, PATIENCE).await.unwrap().status, RunStatus::Cancelled);

    engine.put_link(office_link()).await.unwrap();
    let record =
        engine.runs(&RunFilter { limit: 1, ..RunFilter::default() }).await.unwrap().runs.remove(0);
    assert_eq!((record.status, record.wake_at), (RunStatus::Cancelled, None), "{record:?}");
}

#[tokio::test]
async fn cancelling_finds_out_what_may_have_happened_or_names_it() {
    for (action, entries, status) in [
        (
            "office.desks.assign",
            &["started", "attempted", "deferred", "succeeded", "cancelled"],
            StepStatus::Completed,
        ),
        (
            "office.badges.print",
            &["started", "attempted", "deferred", "attention_required", "cancelled"],
            StepStatus::Attention,
        ),
    ] {
        let premises = Premises::new();
        let engine = premises.open_with_link(&[&one_call(action)]).await;
        premises.office.will(action, Fate::Vanishes);
        let run = engine.start_run(start("one-call", None)).await.unwrap().run;
        assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting, "{action}");
        engine.cancel(&run, "ada").await.unwrap();
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        assert_eq!(done.status, RunStatus::Cancelled, "{action}: {done:#?}");
        assert_eq!(done.steps[0].status, status, "{action}: {done:#?}");
        let history = engine.history(&run).await.unwrap();
        assert_eq!(facts(&history), entries, "{action}");
        let named = printed(&history.last()).contains("do/only");
        assert_eq!(named, status == StepStatus::Attention, "{action}");
        engine.replay(&run).await.unwrap();
    }
}

#[tokio::test]
async fn cancelling_a_step_that_cannot_be_found_out_now_does_not_wait_for_it() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&one_call("office.invites.send")]).await;
    for _ in 0..2 {
        premises.office.will("office.invites.send", Fate::Vanishes);
    }
    let run = engine.start_run(start("one-call", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Waiting);
    engine.cancel(&run, "ada").await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.status, RunStatus::Cancelled, "{done:#?}");
    assert_eq!(done.steps[0].status, StepStatus::Attention, "{done:#?}");
}
