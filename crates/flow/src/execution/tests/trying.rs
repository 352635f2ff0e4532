//! Errors caught, attempts repeated, timeouts.

use super::*;

#[test]
fn a_caught_error_is_handled() {
    let text = "
do:
  - tryGet:
      try:
        - get: {call: http, with: {method: get, endpoint: 'https://p.example/{name}'}}
      catch:
        errors: {with: {type: 'https://open-workflow-specification.org/dsl/errors/types/communication', status: 404}}
        as: err
        do: [{tell: {set: {error: '${ $err }', name: '${ .name }'}}}]
  - after: {set: '${ . + {after: true} }'}";
    let played = play_with(text, json!({"name": "x"}), &|_, _| Err(failing(404)), &[]);
    let output = played.output();
    assert_eq!(output["error"]["instance"], "/do/0/tryGet/try/0/get");
    assert_eq!(output["error"]["title"], "Upstream");
    assert_eq!((&output["name"], &output["after"]), (&json!("x"), &json!(true)));
    let played = play_with(text, json!({"name": "x"}), &|_, _| Err(failing(503)), &[]);
    assert_eq!(played.error().status, 503);
    let played = play_with(text, json!({"name": "x"}), &|_, _| Ok(json!({"fine": 1})), &[]);
    assert_eq!(played.output(), json!({"fine": 1, "after": true}));
}

#[test]
fn conditions_decide_what_is_caught() {
    for (condition, caught) in [
        ("when: .status == 404", true),
        ("when: '${ $error.status == 500 }'", false),
        ("exceptWhen: .status == 404", false),
        ("exceptWhen: .status == 500", true),
        ("errors: {}", true),
        ("errors: {with: {title: Upstream}}", true),
    ] {
        let text =
            format!("do: [{{t: {{try: [{{c: {{call: f:1@c}}}}], catch: {{{condition}}}}}}}]");
        let played = play_with(&text, json!({"in": 1}), &|_, _| Err(failing(404)), &[]);
        if caught {
            assert_eq!(played.output(), json!({"in": 1}), "{condition}");
        } else {
            assert_eq!(played.error().status, 404, "{condition}");
        }
    }
}

#[test]
fn a_catch_may_lead_elsewhere() {
    let text = "
do:
  - t: {try: [{c: {call: f:1@c}}], catch: {then: failed}}
  - fine: {set: {is: fine}, then: end}
  - failed: {set: {is: failed}}";
    let played = play_with(text, json!({}), &|_, _| Err(failing(404)), &[]);
    assert_eq!(played.output(), json!({"is": "failed"}));
    assert_eq!(play(text, json!({})).output(), json!({"is": "fine"}));
}

fn waits(played: &Played) -> Vec<i64> {
    let mut before = beginning(json!({})).started_at;
    let mut waits = Vec::new();
    for command in &played.commands {
        if let Command::Wait { until, purpose: crate::WaitPurpose::Retry, .. } = command {
            waits.push(until.duration_since(before).as_secs());
            before = *until;
        }
    }
    waits
}

#[test]
fn attempts_are_repeated_as_the_policy_says() {
    for (policy, delays) in [
        ("delay: PT3S, limit: {attempt: {count: 4}}", vec![3, 3, 3, 3]),
        ("delay: PT3S, backoff: {constant: {}}, limit: {attempt: {count: 1}}", vec![3]),
        ("delay: PT3S, backoff: {linear: {}}, limit: {attempt: {count: 3}}", vec![3, 6, 9]),
        (
            "delay: PT3S, backoff: {exponential: {}}, limit: {attempt: {count: 4}}",
            vec![3, 6, 12, 24],
        ),
        ("delay: PT3S, backoff: {exponential: {}}, limit: {duration: PT20S}", vec![3, 6]),
        ("limit: {attempt: {count: 2}}", vec![0, 0]),
        ("delay: PT1S, when: .status == 500, limit: {attempt: {count: 2}}", vec![]),
        ("delay: PT1S, exceptWhen: .status == 503, limit: {attempt: {count: 2}}", vec![]),
    ] {
        let text = format!(
            "do: [{{t: {{try: [{{c: {{call: f:1@c}}}}], catch: {{retry: {{{policy}}}}}}}}}]"
        );
        let played = play_with(&text, json!({"in": 1}), &|_, _| Err(failing(503)), &[]);
        assert_eq!(waits(&played), delays, "{policy}");
        let calls = played.steps().iter().filter(|step| step.ends_with("/c")).count();
        assert_eq!(calls, delays.len() + 1, "{policy}");
        assert_eq!(played.error().status, 503, "{policy}");
    }
}

#[test]
fn an_attempt_that_succeeds_ends_the_repetition() {
    let text = "
use: {retries: {calm: {delay: PT1M, limit: {attempt: {count: 5}}, jitter: {from: PT1S, to: PT9S}}}}
do:
  - t:
      try: [{c: {call: f:1@c}}]
      catch: {retry: calm, do: [{never: {set: {x: 1}}}]}";
    let answer = |step: &StepId, _: &FunctionCall| match step.as_str() {
        "do/t#3/c" => Ok(json!("third")),
        _ => Err(failing(503)),
    };
    let played = play_with(text, json!({}), &answer, &[]);
    assert_eq!(played.output(), json!("third"));
    assert_eq!(played.steps(), ["do/t/c", "do/t:retry", "do/t#2/c", "do/t#2:retry", "do/t#3/c"]);
    let delays = waits(&played);
    assert!(delays.iter().all(|delay| (61..=69).contains(delay)), "{delays:?}");
    assert_eq!(waits(&play_with(text, json!({}), &answer, &[])), delays);
    let retried = played.facts.iter().filter(|fact| matches!(fact.change, Change::Retried { .. }));
    assert_eq!(retried.count(), 2);
}

#[test]
fn exhausted_attempts_are_handled_where_there_is_a_handler() {
    let text = "
do:
  - t:
      try: [{c: {call: f:1@c}}]
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 1}}}
        do: [{plan b: {set: {status: '${ $error.status }'}}}]";
    let played = play_with(text, json!({}), &|_, _| Err(failing(503)), &[]);
    assert_eq!(played.output(), json!({"status": 503}));
    assert_eq!(played.started(), ["t", "c", "c", "plan b"]);
}

#[test]
fn an_error_in_a_handler_is_not_caught_by_its_own_try() {
    let text = "
do:
  - outer:
      try:
        - inner:
            try: [{c: {call: f:1@c}}]
            catch: {do: [{worse: {raise: {error: {type: 'https://e.example/worse', status: 500}}}}]}
      catch: {as: e, do: [{tell: {set: {at: '${ $e.instance }', kind: '${ $e.type }'}}}]}";
    let played = play_with(text, json!({}), &|_, _| Err(failing(404)), &[]);
    assert_eq!(
        played.output(),
        json!({
            "at": "/do/0/outer/try/0/inner/catch/do/0/worse", "kind": "https://e.example/worse"
        })
    );
}

#[test]
fn tasks_attempts_and_workflows_time_out() {
    let text = "
use: {timeouts: {short: {after: PT5S}}}
do:
  - t:
      try: [{slow: {timeout: short, do: [{nap: {wait: PT1H}}]}}]
      catch: {errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout', status: 408}}, do: [{tell: {set: {at: '${ $error.instance }'}}}]}";
    let played = play(text, json!({}));
    assert_eq!(played.output(), json!({"at": "/do/0/t/try/0/slow"}));
    assert!(played.steps().contains(&"do/t/slow:timeout".to_owned()));

    let text = "
do:
  - t:
      try: [{nap: {wait: '${ \"PT\\($context.s // 60)S\" }'}}]
      catch: {retry: {delay: PT1S, limit: {attempt: {duration: PT10S, count: 2}}}}";
    let error = play(text, json!({})).error();
    assert_eq!((error.status, error.instance.as_deref()), (408, Some("/do/0/t")));

    let played = play("timeout: {after: {hours: 1}}\ndo: [{nap: {wait: P1D}}]", json!({}));
    assert_eq!(
        (played.error().status, played.error().instance.as_deref()),
        (408, Some("/timeout"))
    );
    assert!(played.execution.waiting.is_empty());

    let quick = play(
        "timeout: {after: {hours: 1}}\ndo: [{nap: {timeout: {after: PT9S}, wait: PT1S}}]",
        json!({}),
    );
    assert_eq!(quick.output(), json!({}));
    assert!(quick.execution.waiting.is_empty());
}
