//! Questions to people: who may answer, when, and what becomes of them.

use callboard_engine::{
    AgainRequest, AnswerError, Approval, ApprovalError, ApprovalFilter, ApprovalReply,
    ApprovalState, Caller, Engine, Resolution, Role, RunFilter, RunId, RunStatus, Verdict,
};
use callboard_flow::StepId;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{
    Fate, PATIENCE, Premises, at_rest, facts, office_link, printed, start, to_the_end,
};

/// A workflow that asks with these arguments; what `set` makes of the answer is its output.
fn asking(with: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: asking, version: 1.0.0}}\n\
         do: [{{ask: {{call: 'callboard.approvals.ask:1@callboard', with: {with}}}}}]\n"
    )
}

fn person(name: &str, groups: &[&str]) -> Caller {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Caller { name: name.into(), groups, role: Role::Approver }
}

fn yes() -> ApprovalReply {
    ApprovalReply { approve: true, reason: Some("looks right".into()), round: None }
}

fn no() -> ApprovalReply {
    ApprovalReply { approve: false, ..yes() }
}

async fn open_ones(engine: &Engine) -> Vec<Approval> {
    let filter = ApprovalFilter { open: true, limit: 10, ..ApprovalFilter::default() };
    engine.approvals(&filter).await.unwrap()
}

/// A run that has asked, and what it asked.
async fn asked(engine: &Engine) -> (RunId, Approval) {
    let run = engine.start_run(start("asking", None)).await.unwrap().run;
    at_rest(engine, &run).await;
    let mut open = open_ones(engine).await;
    assert_eq!(open.len(), 1, "{open:#?}");
    (run, open.remove(0))
}

async fn answer(
    engine: &Engine,
    approval: &Approval,
    by: &Caller,
    reply: ApprovalReply,
) -> Result<Approval, ApprovalError> {
    engine.answer_approval(&approval.asked.id, by, reply).await
}

#[tokio::test]
async fn only_who_is_asked_may_answer_and_not_who_asked_for_the_run() {
    let premises = Premises::new();
    let text = asking(
        "{question: 'Block Ada?', evidence: {logins: 3}, from: {groups: [hr-leads]}, fourEyes: true}",
    );
    let engine = premises.open(&[&text]).await;
    let (run, approval) = asked(&engine).await;
    let waits = engine.run(&run).await.unwrap();
    assert_eq!((waits.status, waits.next_at), (RunStatus::Waiting, None), "waiting costs nothing");
    let note = waits.steps[0].note.clone().unwrap();
    assert!(note.contains("Block Ada?") && note.contains(&approval.asked.id), "{note}");

    let outsider = answer(&engine, &approval, &person("mallory", &["it"]), yes()).await;
    let sentence = outsider.unwrap_err().to_string();
    assert_eq!(sentence, "mallory may not answer this: it is asked of the group hr-leads");
    let viewer = Caller { role: Role::Viewer, ..person("vic", &["hr-leads"]) };
    let refused = answer(&engine, &approval, &viewer, yes()).await;
    assert!(matches!(refused, Err(ApprovalError::SmallRole { .. })), "{refused:?}");
    // `test` started the run.
    let own = answer(&engine, &approval, &person("test", &["hr-leads"]), yes()).await;
    assert!(matches!(own, Err(ApprovalError::FourEyes { .. })), "{own:?}");
    let unknown = engine.answer_approval("apr_none", &person("bob", &["hr-leads"]), yes()).await;
    assert!(matches!(unknown, Err(ApprovalError::Unknown { .. })), "{unknown:?}");

    let taken = answer(&engine, &approval, &person("bob", &["hr-leads"]), yes()).await.unwrap();
    assert_eq!((taken.state, taken.answers[0].by.as_str()), (ApprovalState::Approved, "bob"));
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    let output = done.output.unwrap();
    assert_eq!(
        (&output["approved"], &output["by"], &output["reason"]),
        (&json!(true), &json!("bob"), &json!("looks right"))
    );
    let late = answer(&engine, &approval, &person("carl", &["hr-leads"]), no()).await;
    assert_eq!(late.unwrap_err().to_string(), "this was answered already: bob said yes");
    assert!(open_ones(&engine).await.is_empty());
    let history = engine.history(&run).await.unwrap();
    assert_eq!(facts(&history), ["started", "approval", "approval", "completed"]);
}

const ANNOUNCING: &str = "document: {dsl: 1.0.3, namespace: test, name: announcing, version: 1.0.0}\n\
    do: [{tell: {emit: {event: {with: {source: /test, type: test.leaves}}}}}]\n";

#[tokio::test]
async fn four_eyes_are_not_got_round_by_an_event() {
    let text = asking("{question: 'Block Ada?', fourEyes: true}")
        .replace("do:", "schedule: {on: {one: {with: {type: test.leaves}}}}\ndo:");
    let premises = Premises::new();
    let engine = premises.open(&[&text, ANNOUNCING]).await;
    let event =
        |id: &str| json!({"specversion": "1.0", "source": "/t", "type": "test.leaves", "id": id});
    let begun = engine.receive_events_of("ann", vec![event("1")]).await.unwrap();
    let run = begun.events[0].runs[0].clone();
    at_rest(&engine, &run).await;
    let own = answer(&engine, &open_ones(&engine).await[0], &person("ann", &[]), yes()).await;
    assert!(matches!(own, Err(ApprovalError::FourEyes { .. })), "{own:?}");
    engine.cancel(&run, "eve").await.unwrap();
    engine.wait_for_run(&run, PATIENCE).await.unwrap();

    // Also by one that their run announces, and by having it again.
    let request =
        |by: &str| AgainRequest { run: run.clone(), idempotency_key: None, by: by.into() };
    let heir = engine.retry(request("bob"), None).await.unwrap().run;
    at_rest(&engine, &heir).await;
    let both = open_ones(&engine).await[0].asked.requested_by.clone();
    assert_eq!(both, ["ann".to_owned(), "bob".to_owned()].into());
    engine.cancel(&heir, "eve").await.unwrap();
    engine.wait_for_run(&heir, PATIENCE).await.unwrap();
    let telling = engine.start_run(start("announcing", None)).await.unwrap().run;
    engine.wait_for_run(&telling, PATIENCE).await.unwrap();
    let filter = RunFilter { workflow: Some("asking".into()), limit: 1, ..RunFilter::default() };
    let newest = engine.runs(&filter).await.unwrap().runs[0].id.clone();
    at_rest(&engine, &newest).await;
    assert_eq!(open_ones(&engine).await[0].asked.requested_by, ["test".to_owned()].into());
    engine.cancel(&newest, "eve").await.unwrap();
    engine.wait_for_run(&newest, PATIENCE).await.unwrap();

    // Where nobody knows, one of two people is not who asked.
    let begun = engine.receive_events(vec![event("2")]).await.unwrap();
    at_rest(&engine, &begun.events[0].runs[0]).await;
    assert_eq!(open_ones(&engine).await[0].asked.count, 2);
}

#[tokio::test]
async fn two_approvals_are_of_two_people_and_one_no_is_enough() {
    let premises = Premises::new();
    let text = asking("{question: 'Delete all?', from: {people: [ann, bob, carl]}, count: 2}");
    let engine = premises.open(&[&text]).await;
    for (second, approved) in [(yes(), true), (no(), false)] {
        let (run, approval) = asked(&engine).await;
        let first = answer(&engine, &approval, &person("ann", &[]), yes()).await.unwrap();
        assert_eq!((first.state, first.answers.len()), (ApprovalState::Open, 1));
        let twice = answer(&engine, &approval, &person("ann", &[]), yes()).await;
        assert!(matches!(twice, Err(ApprovalError::Twice { .. })), "{twice:?}");
        answer(&engine, &approval, &person("bob", &[]), second).await.unwrap();
        let output = engine.wait_for_run(&run, PATIENCE).await.unwrap().output.unwrap();
        assert_eq!((&output["approved"], &output["by"]), (&json!(approved), &json!("bob")));
        assert_eq!(output["answers"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn an_answer_survives_a_restart_between_question_and_answer() {
    let premises = Premises::new();
    let text = asking("{question: 'Go?', from: {people: [ann]}}");
    let engine = premises.open(&[&text]).await;
    let (run, approval) = asked(&engine).await;
    engine.stop(PATIENCE).await;
    drop(engine);
    let engine = premises.open(&[&text]).await;
    answer(&engine, &approval, &person("ann", &[]), no()).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.output.unwrap()["approved"], false);
}

#[tokio::test]
async fn when_nobody_answers_there_are_reminders_and_then_what_was_said_for_the_deadline() {
    for (on_deadline, status, approved) in [
        ("reject", RunStatus::Completed, json!(false)),
        ("approve", RunStatus::Completed, json!(true)),
        ("fail", RunStatus::Faulted, Value::Null),
    ] {
        let premises = Premises::new();
        let text = asking(&format!(
            "{{question: 'Go?', deadline: P1D, remind: PT10H, onDeadline: {on_deadline}}}"
        ));
        let engine = premises.open(&[&text]).await;
        let (run, approval) = asked(&engine).await;
        let done = to_the_end(&engine, &premises.time, &run).await;
        assert_eq!(done.status, status, "{on_deadline}: {done:#?}");
        let output = done.output.unwrap_or_default();
        assert_eq!(
            (&output["approved"], &output["by"]),
            (&approved, &Value::Null),
            "{on_deadline}"
        );
        let error = done.error.map(|error| error.status);
        assert_eq!(error, (on_deadline == "fail").then_some(408), "{on_deadline}");
        let late = answer(&engine, &approval, &person("ann", &[]), yes()).await;
        let sentence = late.unwrap_err().to_string();
        assert_eq!(sentence, "the time to answer ended at 2026-01-06T09:00:00Z");
        let history = printed(&engine.history(&run).await.unwrap());
        assert_eq!(history.matches("\"reminded\"").count(), 2, "{history}");
    }
}

#[tokio::test]
async fn what_happens_to_a_question_is_announced_with_the_way_to_the_page() {
    let premises = Premises::new();
    let telling = |name: &str, what: &str| {
        format!(
            "document: {{dsl: 1.0.3, namespace: test, name: {name}, version: 1.0.0}}\n\
             schedule: {{on: {{one: {{with: {{type: callboard.approval.{what}.v1}}}}}}}}\n\
             do: [{{tell: {{call: 'office.notes.write:1@callboard', with: {{text: '${{ \"{what} \\(.[0].question) \\(.[0].url)\" }}'}}}}}}]\n"
        )
    };
    let text = asking("{question: 'Go?', deadline: P1D, remind: PT20H}");
    let workflows =
        [text, telling("a", "asked"), telling("b", "reminded"), telling("c", "expired")];
    let workflows: Vec<&str> = workflows.iter().map(String::as_str).collect();
    let engine = premises.open_with_link(&workflows).await;
    let (run, approval) = asked(&engine).await;
    to_the_end(&engine, &premises.time, &run).await;
    for name in ["a", "b", "c"] {
        let filter = RunFilter { workflow: Some(name.into()), limit: 5, ..RunFilter::default() };
        let told = engine.runs(&filter).await.unwrap().runs;
        assert_eq!(told.len(), 1, "{name}");
        engine.wait_for_run(&told[0].id, PATIENCE).await.unwrap();
    }
    let url = format!("https://callboard.test/approvals/{}", approval.asked.id);
    let mut notes = premises.office.notes.lock().unwrap().clone();
    notes.sort();
    let expected = ["asked", "expired", "reminded"].map(|what| format!("{what} Go? {url}"));
    assert_eq!(notes, expected);
}

const ABOUT: &str = "{question: 'Move Ada?', from: {people: [ann]}, \
                     about: {call: 'office.desks.look:1@callboard', with: {person: Ada}}";

#[tokio::test]
async fn an_answer_about_something_that_has_changed_is_not_taken_and_it_is_asked_afresh() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&asking(&format!("{ABOUT}}}"))]).await;
    let (run, approval) = asked(&engine).await;
    assert_eq!((approval.asked.round, &approval.asked.seen), (1, &json!({"desk": 7})));
    premises.office.move_desks();
    let ann = person("ann", &[]);
    let stale = answer(&engine, &approval, &ann, yes()).await;
    assert!(matches!(stale, Err(ApprovalError::Stale)), "{stale:?}");
    let afresh = |detail: &callboard_engine::RunDetail| {
        detail.steps[0].approval.as_ref().is_some_and(|approval| approval.asked.round == 2)
    };
    engine.wait_until(&run, PATIENCE, afresh).await.unwrap();
    let again = engine.approval(&approval.asked.id).await.unwrap();
    assert_eq!((again.asked.round, &again.asked.seen), (2, &json!({"desk": 8})));
    let read_before = ApprovalReply { round: Some(1), ..yes() };
    let refused = answer(&engine, &approval, &ann, read_before).await;
    assert!(matches!(refused, Err(ApprovalError::AskedAfresh { round: 2 })), "{refused:?}");
    let read_again = ApprovalReply { round: Some(2), ..yes() };
    answer(&engine, &approval, &ann, read_again).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.output.unwrap()["approved"], true);
    assert_eq!(premises.office.effects().len(), 0, "reading changes nothing");
}

#[tokio::test]
async fn what_cannot_be_read_again_can_be_refused_only() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&asking(&format!("{ABOUT}}}"))]).await;
    let (run, approval) = asked(&engine).await;
    engine.links().remove("office").await.unwrap();
    let ann = person("ann", &[]);
    let blind = answer(&engine, &approval, &ann, yes()).await;
    assert!(matches!(blind, Err(ApprovalError::Unreadable { .. })), "{blind:?}");
    answer(&engine, &approval, &ann, no()).await.unwrap();
    let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
    assert_eq!(done.output.unwrap()["approved"], false);
}

#[tokio::test]
async fn a_deadline_approves_only_what_has_not_changed() {
    for changed in [false, true] {
        let premises = Premises::new();
        let text = asking(&format!("{ABOUT}, deadline: PT1H, onDeadline: approve}}"));
        let engine = premises.open_with_link(&[&text]).await;
        let (run, _) = asked(&engine).await;
        if changed {
            premises.office.move_desks();
        }
        premises.time.advance(SignedDuration::from_hours(1));
        let decided = |detail: &callboard_engine::RunDetail| {
            let asked = detail.steps[0].approval.as_ref();
            detail.status.is_final() || asked.is_some_and(|asked| asked.asked.round == 2)
        };
        let now = engine.wait_until(&run, PATIENCE, decided).await.unwrap();
        assert_eq!(now.status.is_final(), !changed, "{now:#?}");
    }
}

#[tokio::test]
async fn a_question_waits_for_the_link_it_needs_and_no_verdict_answers_it() {
    let premises = Premises::new();
    let engine = premises.open(&[&asking(&format!("{ABOUT}}}"))]).await;
    let run = engine.start_run(start("asking", None)).await.unwrap().run;
    assert_eq!(at_rest(&engine, &run).await.status, RunStatus::Attention);
    let resolution = Resolution {
        step: StepId::new("do/ask"),
        verdict: Verdict::Happened,
        output: Some(json!({"approved": true})),
        by: "mallory".into(),
    };
    let refused = engine.resolve(&run, resolution).await;
    assert!(matches!(refused, Err(AnswerError::AsksPeople { .. })), "{refused:?}");
    engine.put_link(office_link()).await.unwrap();
    let asked = |detail: &callboard_engine::RunDetail| {
        detail.steps[0].approval.is_some() && detail.status == RunStatus::Waiting
    };
    let now = engine.wait_until(&run, PATIENCE, asked).await.unwrap();
    assert!(asked(&now), "{now:#?}");
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_cannot_be_answered() {
    let premises = Premises::new();
    let text = "document: {dsl: 1.0.3, namespace: test, name: asking, version: 1.0.0}\n\
                do: [{ask: {call: 'callboard.approvals.ask:1@callboard', with: {question: 'Go?'}, timeout: {after: PT1H}}}]\n";
    let engine = premises.open(&[text]).await;
    let (cancelled, first) = asked(&engine).await;
    engine.cancel(&cancelled, "ann").await.unwrap();
    engine.wait_for_run(&cancelled, PATIENCE).await.unwrap();
    let (timed_out, second) = asked(&engine).await;
    to_the_end(&engine, &premises.time, &timed_out).await;
    for approval in [first, second] {
        let refused = answer(&engine, &approval, &person("ann", &[]), yes()).await;
        assert!(matches!(refused, Err(ApprovalError::Dropped)), "{refused:?}");
    }
    assert!(open_ones(&engine).await.is_empty());
}

#[tokio::test]
async fn secrets_in_the_evidence_are_masked_everywhere() {
    let premises = Premises::new();
    let text = "document: {dsl: 1.0.3, namespace: test, name: asking, version: 1.0.0}\n\
                do: [{invite: {call: 'office.invites.send:1@callboard', with: {person: Ada}}}, \
                     {ask: {call: 'callboard.approvals.ask:1@callboard', with: {question: 'Send?', evidence: '${ . }'}}}]\n";
    let engine = premises.open_with_link(&[text]).await;
    let (run, approval) = asked(&engine).await;
    assert_eq!(approval.asked.evidence, json!({"ticket": "[sealed]"}));
    let shown = printed(&engine.history(&run).await.unwrap());
    assert!(!shown.contains(crate::harness::TICKET), "{shown}");
    let stored = premises.store().find_approval(&approval.asked.id).await.unwrap().unwrap();
    assert!(!printed(&stored).contains(crate::harness::TICKET), "{stored:?}");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_fails_its_step_and_a_library_names_what_is_wrong() {
    let premises = Premises::new();
    let changes =
        "{question: 'Go?', about: {call: 'office.notes.write:1@callboard', with: {text: x}}}";
    for (with, why) in [
        ("{question: '${ \" \" }'}", "`question` is empty"),
        ("{question: 'Go?', deadline: '${ \"soon\" }'}", "is not a duration"),
        (changes, "`office.notes.write` changes things"),
    ] {
        let engine = premises.open_with_link(&[&asking(with)]).await;
        let run = engine.start_run(start("asking", None)).await.unwrap().run;
        let done = engine.wait_for_run(&run, PATIENCE).await.unwrap();
        let detail = done.error.and_then(|error| error.detail).unwrap_or_default();
        assert!(detail.contains(why), "{with}: {detail}");
        engine.stop(PATIENCE).await;
    }
    let engine = premises.open(&[&asking("{query: 'Go?'}")]).await;
    let problems = engine.library().problems();
    assert!(
        problems.iter().any(|problem| problem.to_string().contains("question")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn reading_that_fails_for_now_is_tried_again_before_anybody_is_asked() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[&asking(&format!("{ABOUT}}}"))]).await;
    let failure = callboard_apps::Failure::Later { retry_at: None, why: "busy".into() };
    premises.office.will("office.desks.look", Fate::Fails(failure));
    let run = engine.start_run(start("asking", None)).await.unwrap().run;
    let waits = at_rest(&engine, &run).await;
    assert!(open_ones(&engine).await.is_empty());
    let next_at = waits.next_at.unwrap();
    premises
        .time
        .advance(next_at.duration_since(callboard_engine::Time::now(premises.time.as_ref())));
    let asked = |detail: &callboard_engine::RunDetail| detail.steps[0].approval.is_some();
    assert!(asked(&engine.wait_until(&run, PATIENCE, asked).await.unwrap()));
}
