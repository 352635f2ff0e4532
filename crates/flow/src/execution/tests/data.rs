//! Filters, schemas, context, conditions, events out.

use super::*;

#[test]
fn data_is_filtered_on_its_way() {
    let text = "
input: {from: .body}
do:
  - pick: {input: {from: .user.claims}, set: {id: '${ .sub }', whole: '${ $task.input.user.n }'}, output: {as: '{id: .id, w: .whole, n: $input.n}'}}
  - keep: {set: '${ . }', export: {as: {id: '${ .id }', constant: x}}}
  - raw: {set: {input: '${ $workflow.input.body.user.n }', ctx: '${ $context }', out: .id}}
output: {as: '. + {last: $context.id}'}";
    let input = json!({"body": {"user": {"n": 3, "claims": {"sub": "6As", "n": 4}}}});
    assert_eq!(
        play(text, input).output(),
        json!({
            "input": 3, "ctx": {"id": "6As", "constant": "x"}, "out": ".id", "last": "6As"
        })
    );
}

#[test]
fn schemas_are_enforced_where_they_stand() {
    let text = "
input: {schema: {document: {type: object, required: [a]}}}
do:
  - one: {input: {schema: {document: {required: [b]}}}, set: {c: 1}}";
    for (input, pointer) in [(json!({}), "/input"), (json!({"a": 1}), "/do/0/one")] {
        let error = play(text, input.clone()).error();
        assert_eq!(error.instance.as_deref(), Some(pointer), "{input}");
        assert!(error.kind.ends_with("/validation"), "{error:?}");
    }
    assert_eq!(play(text, json!({"a": 1, "b": 2})).output(), json!({"c": 1}));
    for part in ["output", "export"] {
        let text = format!(
            "do: [{{one: {{set: {{c: 1}}, {part}: {{as: ., schema: {{document: {{type: array}}}}}}}}}}]"
        );
        assert_eq!(play(&text, json!({})).error().status, 400, "{part}");
    }
}

#[test]
fn a_task_whose_condition_is_false_is_passed_by() {
    let text = "
do:
  - young: {if: .age < 18, raise: {error: {type: 'https://e.example/young', status: 403}}, then: end}
  - old: {if: '${ .age >= 18 }', set: {ok: '${ .age }'}}";
    let played = play(text, json!({"age": 30}));
    assert_eq!(played.output(), json!({"ok": 30}));
    assert_eq!(played.started(), ["old"]);
    assert_eq!(play(text, json!({"age": 3})).error().status, 403);
}

#[test]
fn an_event_is_complete_and_the_same_in_every_replay() {
    let text = "
do:
  - tell: {emit: {event: {with: {source: 'https://x.example', type: greeted, data: {text: '${ \"Hi \\(.n)\" }'}}}}}
  - more: {emit: {event: {with: {type: t, time: '2020-01-01T00:00:00Z', subject: s, extra: 1}}}, output: {as: '[., $input.type]'}}";
    let played = play(text, json!({"n": "Ada"}));
    let Command::Emit { event, .. } = &played.commands[0] else { panic!("{:?}", played.commands) };
    assert_eq!(
        event,
        &json!({
            "specversion": "1.0", "id": "run-1:do/tell", "time": "2026-11-24T08:00:00Z", "source": "https://x.example",
            "datacontenttype": "application/json", "type": "greeted", "data": {"text": "Hi Ada"}
        })
    );
    assert_eq!(played.output()[0]["source"], "/test/sample");
    assert_eq!(played.output()[1], "greeted");
}

#[test]
fn a_raised_error_faults_the_run_with_its_place() {
    let text = "
use: {errors: {teapot: {type: 'https://e.example/teapot', status: 418, title: Teapot, detail: '${ \"short and \\(.shape) in \\($workflow.definition.document.name)\" }'}}}
do:
  - outer: {do: [{brew: {raise: {error: teapot}}}]}";
    let error = play(text, json!({"shape": "stout"})).error();
    assert_eq!(
        serde_json::to_value(&error).unwrap(),
        json!({
            "type": "https://e.example/teapot", "status": 418, "title": "Teapot",
            "detail": "short and stout in sample", "instance": "/do/0/outer/do/0/brew"
        })
    );
}

#[test]
fn secrets_and_runtime_can_be_read() {
    let text = "
use: {secrets: [key]}
do: [{a: {set: {k: '${ $secrets.key }', r: '${ $runtime.name }', at: '${ $workflow.startedAt.epoch.seconds }', t: '${ $task.startedAt.iso8601 }'}}}]";
    assert_eq!(
        play(text, json!({})).output(),
        json!({
            "k": "s3cret", "r": "callboard", "at": 1_795_507_200, "t": "2026-11-24T08:00:00Z"
        })
    );
}

#[test]
fn a_failing_expression_is_an_error_of_the_task() {
    let error = play("do: [{a: {set: {x: '${ .a + 1 | error(\"no\") }'}}}]", json!({})).error();
    assert_eq!((error.status, error.instance.as_deref()), (400, Some("/do/0/a")));
    assert!(error.kind.ends_with("/expression"));
}

#[test]
fn a_secret_that_the_run_was_not_given_is_an_authorization_error() {
    let error = play("use: {secrets: [key, other]}\ndo: [{a: {set: {x: 1}}}]", json!({})).error();
    assert_eq!((error.status, error.instance.as_deref()), (403, Some("/use/secrets")));
}

#[test]
fn errors_do_not_quote_secrets() {
    for value in ["$secrets.key | .field", "$secrets.key + 1", "[$secrets.key] | error"] {
        let text =
            format!("use: {{secrets: [key]}}\ndo: [{{a: {{set: {{x: '${{ {value} }}'}}}}}}]");
        let error = format!("{:?}", play(&text, json!({})).error());
        assert!(error.contains("secret") && !error.contains("s3cret"), "{error}");
    }
    let text = "
use: {secrets: [key]}
do: [{a: {call: http, with: {method: get, endpoint: 'https://x.example', headers: '${ $secrets.key }'}}}]";
    let error = format!("{:?}", play(text, json!({})).error());
    assert!(error.contains("not a text") && !error.contains("s3cret"), "{error}");
}
