//! `listen`: events in.

use super::*;

fn hear(tasks: &str, input: Value, events: &[Value]) -> Played {
    play_with(tasks, input, &|_, _| Ok(json!("called")), events)
}

fn event(kind: &str, data: impl Into<Value>) -> Value {
    json!({"specversion": "1.0", "id": "1", "source": "https://s.example", "type": kind, "data": data.into()})
}

#[test]
fn one_event_is_taken_and_others_are_not() {
    let text =
        "do: [{hear: {listen: {to: {one: {with: {type: hired, data: '${ .level > 3 }'}}}}}}]";
    let (execution, commands) = Execution::start(definition(text), beginning(json!({})));
    let Command::Listen { step, subscriptions, .. } = &commands[0] else { panic!("{commands:?}") };
    assert_eq!(subscriptions[0].attributes, json!({"type": "hired"}).as_object().cloned().unwrap());
    for (kind, level, taken) in [("hired", 4, true), ("hired", 3, false), ("fired", 4, false)] {
        assert_eq!(
            execution.consumes(step, &event(kind, json!({"level": level}))),
            taken,
            "{kind} {level}"
        );
    }
    let played = hear(text, json!({}), &[event("hired", json!({"level": 5}))]);
    assert_eq!(played.output(), json!([{"level": 5}]));
    assert!(matches!(played.commands[1], Command::Forget { .. }));
    assert!(!execution.consumes(step, &event("hired", "no mapping")));
    let envelope = text.replace("{to: ", "{read: envelope, to: ");
    let played = hear(&envelope, json!({}), &[event("hired", json!({"level": 5}))]);
    assert_eq!(played.output()[0]["type"], "hired");
}

#[test]
fn all_events_are_awaited_in_any_order_and_correlated() {
    let text = "
do:
  - both:
      listen:
        to:
          all:
            - {with: {type: temperature}, correlate: {room: {from: .data.room}}}
            - {with: {type: humidity}, correlate: {room: {from: .data.room}}}
      output: {as: 'map(.value)'}";
    let reading =
        |kind: &str, room: i32, value: i32| event(kind, json!({"room": room, "value": value}));
    let played =
        hear(text, json!({}), &[reading("humidity", 1, 50), reading("temperature", 1, 20)]);
    assert_eq!(played.output(), json!([50, 20]));
    let (mut execution, _) = Execution::start(definition(text), beginning(json!({})));
    let step = StepId::new("do/both");
    let at = execution.now;
    let first = Event::EventReceived { step: step.clone(), event: reading("humidity", 1, 50), at };
    execution.apply(&first).unwrap();
    assert!(!execution.consumes(&step, &reading("temperature", 2, 20)));
    assert!(!execution.consumes(&step, &reading("humidity", 1, 51)));
    assert!(execution.consumes(&step, &reading("temperature", 1, 20)));
    assert_eq!(execution.apply(&first), Ok(Vec::new()));
    let expecting = text.replace("from: .data.room}", "from: .data.room, expect: '${ .wanted }'}");
    let (execution, _) = Execution::start(definition(&expecting), beginning(json!({"wanted": 7})));
    assert!(!execution.consumes(&step, &reading("humidity", 1, 50)));
    assert!(execution.consumes(&step, &reading("humidity", 7, 50)));
}

#[test]
fn any_event_is_taken_until_enough() {
    let data = |number: i32| event("t", json!(number));
    let events = [data(1), data(2), data(3), event("stop", json!(0))];
    for (to, expected) in [
        ("{any: []}", json!([1])),
        ("{any: [{with: {type: t}}, {with: {type: u}}]}", json!([1])),
        ("{any: [], until: '( . | length ) >= 2'}", json!([1, 2])),
        ("{any: [{with: {type: t}}], until: {one: {with: {type: stop}}}}", json!([1, 2, 3])),
        ("{all: []}", json!([])),
    ] {
        let text = format!("do: [{{hear: {{listen: {{to: {to}}}}}}}]");
        assert_eq!(hear(&text, json!({}), &events).output(), expected, "{to}");
    }
}

#[test]
fn each_event_has_its_turn() {
    let text = "
do:
  - hear:
      listen: {to: {any: [{with: {type: t}}], until: {one: {with: {type: stop}}}}}
      foreach:
        item: it
        at: i
        do: [{call: {call: f:1@c, with: {it: '${ $it }'}}}, {note: {set: {it: '${ $it }', i: '${ $i }'}}}]
        output: {as: '[.it, .i]'}
        export: {as: '{count: (($context.count // 0) + 1)}'}
    ";
    let events = [event("t", json!("a")), event("t", json!("b")), event("stop", json!(0))];
    let played = hear(text, json!({}), &events);
    assert_eq!(played.output(), json!([["a", 0], ["b", 1]]));
    assert_eq!(played.execution.context(), json!({"count": 2}));
    assert!(played.steps().contains(&"do/hear:each[1]/call".to_owned()), "{:?}", played.steps());

    let until = text.replace("{one: {with: {type: stop}}}", "'length == 1'");
    assert_eq!(hear(&until, json!({}), &events).output(), json!([["a", 0]]));

    // Two events before the first call is answered: the second waits for its turn.
    let (mut execution, _) = Execution::start(definition(text), beginning(json!({})));
    let (step, at) = (StepId::new("do/hear"), execution.now);
    let mut commands = Vec::new();
    for event in &events {
        let event = Event::EventReceived { step: step.clone(), event: event.clone(), at };
        commands.extend(execution.apply(&event).unwrap());
    }
    let calls = |commands: &[Command]| {
        commands.iter().filter(|command| matches!(command, Command::Call { .. })).count()
    };
    assert_eq!(calls(&commands), 1);
    let answer =
        |step: &str| Event::CallSucceeded { step: StepId::new(step), output: json!(1), at };
    assert_eq!(calls(&execution.apply(&answer("do/hear:each[0]/call")).unwrap()), 1);
    execution.apply(&answer("do/hear:each[1]/call")).unwrap();
    assert_eq!(execution.status(), &Status::Completed { output: json!([["a", 0], ["b", 1]]) });
}

#[test]
fn a_deadline_ends_the_listening() {
    let text = "do: [{hear: {timeout: {after: PT1M}, listen: {to: {one: {with: {type: never}}}}}}]";
    let played = hear(text, json!({}), &[]);
    assert_eq!(played.error().status, 408);
    assert!(played.execution.waiting.is_empty());
}
