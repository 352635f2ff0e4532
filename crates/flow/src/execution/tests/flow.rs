//! Order of tasks, branches, loops, waits, calls.

use super::*;

#[test]
fn tasks_follow_the_text_or_then() {
    let text = "
do:
  - one: {set: {seen: '${ .seen + [1] }'}, then: three}
  - two: {set: {seen: '${ .seen + [2] }'}, then: end}
  - three: {set: {seen: '${ .seen + [3] }'}, then: two}
  - four: {set: {seen: never}}";
    let played = play(text, json!({}));
    assert_eq!(played.output(), json!({"seen": [1, 3, 2]}));
    assert_eq!(played.started(), ["one", "three", "two"]);

    let nested = "
do:
  - outer:
      do:
        - a: {set: {seen: '${ .seen + [\"a\"] }'}, then: exit}
        - b: {set: {seen: never}}
  - after: {set: {seen: '${ .seen + [\"after\"] }'}}";
    assert_eq!(play(nested, json!({})).output(), json!({"seen": ["a", "after"]}));
    let ended = nested.replace("then: exit", "then: end");
    assert_eq!(play(&ended, json!({})).output(), json!({"seen": ["a"]}));
}

#[test]
fn a_switch_goes_where_the_first_case_says() {
    let text = "
do:
  - pick:
      switch:
        - small: {when: .n < 10, then: low}
        - large: {when: '${ .n < 100 }', then: high}
        - other: {then: exit}
      then: end
  - low: {set: {is: low}, then: end}
  - high: {set: {is: high, was: '${ $input.n }'}, then: end}";
    for (number, expected) in [
        (5, json!({"is": "low"})),
        (50, json!({"is": "high", "was": 50})),
        (500, json!({"n": 500})),
    ] {
        let played = play(text, json!({"n": number}));
        assert_eq!(played.output(), expected, "{number}");
        assert_eq!(played.started()[0], "pick");
    }
    let without = text.replace("        - other: {then: exit}\n", "");
    let played = play(&without, json!({"n": 500}));
    assert_eq!(played.output(), json!({"n": 500}));
    assert_eq!(played.started(), ["pick"]);
}

#[test]
fn a_loop_carries_its_output_from_item_to_item() {
    let text = "
do:
  - all:
      for: {each: colour, in: .colours, at: place}
      while: ((.done // []) | length) < 3
      do:
        - mark: {set: {done: '${ .done + [{c: $colour, i: $place}] }'}}";
    let played = play(text, json!({"colours": ["r", "g", "b", "never"]}));
    let expected = json!({"done": [{"c": "r", "i": 0}, {"c": "g", "i": 1}, {"c": "b", "i": 2}]});
    assert_eq!(played.output(), expected);
    assert_eq!(play(text, json!({"colours": []})).output(), json!({"colours": []}));
    let error = play(text, json!({"colours": 5})).error();
    assert_eq!(error.instance.as_deref(), Some("/do/0/all"));
}

#[test]
fn steps_are_unique_and_readable() {
    let text = "
do:
  - each item:
      for: {in: '[1, 2]'}
      do:
        - again: {call: f:1@c, with: {item: '${ $item }', index: '${ $index }'}}
        - back:
            switch:
              - once: {when: '$context.n != 3', then: count}
              - done: {then: exit}
        - count: {set: {x: 1}, export: {as: '{n: (($context.n // 0) + 1)}'}, then: again}";
    let played = play(text, json!({}));
    let steps = played.steps();
    assert_eq!(steps[0], "do/each%20item[0]/again");
    assert_eq!(steps[1], "do/each%20item[0]/again~2");
    assert_eq!(steps.last().unwrap(), "do/each%20item[1]/again");
    let unique: BTreeSet<_> = steps.iter().collect();
    assert_eq!(unique.len(), steps.len());
}

#[test]
fn a_call_waits_for_its_answer() {
    let text = "
do:
  - create:
      call: auth0.users.create:1@callboard
      with: {email: '${ .mail }', tags: [new, '${ .team }']}
      export: {as: '$context + {user: .}'}
  - use: {set: {id: '${ $context.user.id }', name: '${ $task.name }', run: '${ $workflow.id }'}}";
    let (mut execution, commands) =
        Execution::start(definition(text), beginning(json!({"mail": "a@b.c", "team": "it"})));
    let expected = FunctionCall::Catalogued {
        name: "auth0.users.create:1@callboard".to_owned(),
        arguments: json!({"email": "a@b.c", "tags": ["new", "it"]}),
    };
    let step = StepId::new("do/create");
    assert_eq!(
        commands,
        vec![Command::Call {
            step: step.clone(),
            task: "create".to_owned(),
            pointer: "/do/0/create".to_owned(),
            function: expected,
        }]
    );
    assert_eq!(execution.pending().collect::<Vec<_>>(), commands.iter().collect::<Vec<_>>());
    let at = execution.now;
    let stranger = Event::TimerFired { step: StepId::new("do/other"), at };
    let text = execution.apply(&stranger).unwrap_err().to_string();
    assert_eq!(text, "no step do/other waits for anything, a timer does not belong to this run");
    let timer = Event::TimerFired { step: step.clone(), at };
    let text = execution.apply(&timer).unwrap_err().to_string();
    assert_eq!(text, "the step do/create waits for an answer to a call, not for a timer");
    let answer = Event::CallSucceeded { step, output: json!({"id": 7}), at };
    let commands = execution.apply(&answer).unwrap();
    let output = json!({"id": 7, "name": "use", "run": "run-1"});
    assert_eq!(commands, vec![Command::Complete { output }]);
    assert_eq!(execution.context(), json!({"user": {"id": 7}}));
    assert!(matches!(execution.apply(&answer), Err(Inconsistency::Ended { .. })));
}

#[test]
fn http_calls_have_their_placeholders_filled() {
    let text = "
use: {authentications: {shop: {bearer: {token: '${ $secrets.key }'}}}}
do:
  - get:
      call: http
      with:
        method: post
        endpoint: {uri: 'https://pets.example/v2/pet/{petId}/{name}', authentication: {use: shop}}
        headers: {x-a: '${ .name }'}
        query: '${ {q: .petId} }'
        body: {pet: '${ . }'}
        output: response
  - open:
      call: openapi
      with: {document: {endpoint: 'https://pets.example/api.json'}, operationId: find, parameters: {s: 1}}
  - tool:
      call: mcp
      with: {method: tools/call, parameters: {name: t, arguments: {a: '${ 1 + 1 }'}}, transport: {http: {endpoint: 'https://mcp.example'}}}";
    let played = play(text, json!({"petId": 12, "name": "a b/ü"}));
    let calls: Vec<Value> = played
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Call { function, .. } => serde_json::to_value(function).ok(),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls[0],
        json!({
            "kind": "http", "method": "POST", "endpoint": "https://pets.example/v2/pet/12/a%20b%2F%C3%BC",
            "headers": {"x-a": "a b/ü"}, "query": {"q": 12}, "body": {"pet": {"petId": 12, "name": "a b/ü"}},
            "output": "response", "redirect": false, "authentication": {"bearer": {"token": "s3cret"}}
        })
    );
    assert_eq!(
        calls[1],
        json!({
            "kind": "openapi", "document": "https://pets.example/api.json", "operationId": "find",
            "parameters": {"s": 1}, "output": "content", "redirect": false
        })
    );
    assert_eq!(
        calls[2],
        json!({
            "kind": "mcp", "method": "tools/call", "parameters": {"name": "t", "arguments": {"a": 2}},
            "transport": {"http": {"endpoint": "https://mcp.example"}}
        })
    );
    let error = play(text, json!({})).error();
    assert!(error.to_string().contains("needs petId, which the input lacks"), "{error}");
    assert!(!format!("{:?}", beginning(json!({}))).contains("s3cret"));
}

#[test]
fn a_wait_ends_at_its_instant_and_not_before() {
    let text = "do: [{pause: {wait: {minutes: 2}}}, {span: {wait: '${ \"PT\\(.s)S\" }'}}, {done: {set: {ok: true}}}]";
    let (mut execution, commands) = Execution::start(definition(text), beginning(json!({"s": 30})));
    let Command::Wait { step, until, .. } = commands[0].clone() else { panic!("{commands:?}") };
    assert_eq!(until.to_string(), "2026-11-24T08:02:00Z");
    let early = Event::TimerFired { step: step.clone(), at: execution.now };
    assert!(matches!(execution.apply(&early), Err(Inconsistency::TooEarly { .. })));
    let commands = execution.apply(&Event::TimerFired { step, at: until }).unwrap();
    let Command::Wait { until, .. } = &commands[0] else { panic!("{commands:?}") };
    assert_eq!(until.to_string(), "2026-11-24T08:02:30Z");
    assert_eq!(play(text, json!({"s": 30})).output(), json!({"ok": true}));
    let error = play(text, json!({"s": "x"})).error();
    assert_eq!((error.status, error.instance.as_deref()), (400, Some("/do/1/span")));
}

#[test]
fn a_race_has_one_winner() {
    let text = "
do:
  - race:
      fork:
        compete: true
        branches:
          - red: {set: {colours: '${ .colours + [\"red\"] }'}}
          - green: {set: {colours: '${ .colours + [\"green\"] }'}}";
    assert_eq!(play(text, json!({})).output(), json!({"colours": ["red"]}));

    let text = "
do:
  - race:
      fork:
        compete: true
        branches:
          - slow: {do: [{nap: {wait: PT10S}}, {never: {set: {won: slow}}}]}
          - call: {call: f:1@c}
          - quick: {do: [{nap: {wait: PT1S}}, {won: {set: {won: quick}}}]}
  - after: {set: {won: '${ .won }'}}";
    let played = play_with(text, json!({}), &|_, _| Err(failing(500)), &[]);
    assert_eq!(played.output(), json!({"won": "quick"}));
    let forgotten: Vec<_> = played
        .commands
        .iter()
        .filter(|command| matches!(command, Command::Forget { .. }))
        .filter_map(Command::step)
        .map(StepId::as_str)
        .collect();
    assert_eq!(forgotten, ["do/race/slow/nap"]);
}

#[test]
fn branches_together_give_all_their_outputs() {
    let text = "
do:
  - both:
      fork:
        branches:
          - slow: {do: [{nap: {wait: PT10S}}, {end: {set: {is: slow}}}]}
          - call: {call: f:1@c}
          - quick: {set: {is: quick}}";
    let played = play_with(text, json!({}), &|_, _| Ok(json!("called")), &[]);
    assert_eq!(played.output(), json!([{"is": "slow"}, "called", {"is": "quick"}]));
    let played = play_with(text, json!({}), &|_, _| Err(failing(404)), &[]);
    assert_eq!(played.error().instance.as_deref(), Some("/do/0/both/fork/branches/1/call"));
    assert!(played.execution.waiting.is_empty());
}

#[test]
fn the_late_answer_to_a_forgotten_call_is_ignored_once() {
    let text = "
do:
  - race:
      fork:
        compete: true
        branches:
          - call: {call: f:1@c}
          - nap: {wait: PT1S}
  - hold: {wait: PT1H}";
    let (mut execution, _) = Execution::start(definition(text), beginning(json!({})));
    let at = "2026-11-24T09:00:00Z".parse().unwrap();
    execution.apply(&Event::TimerFired { step: StepId::new("do/race/nap"), at }).unwrap();
    let late = Event::CallSucceeded { step: StepId::new("do/race/call"), output: json!(1), at };
    assert_eq!(execution.apply(&late), Ok(Vec::new()));
    assert!(matches!(execution.apply(&late), Err(Inconsistency::UnknownStep { .. })));
}

#[test]
fn a_loop_without_end_faults() {
    let text = "do: [{a: {set: {x: 1}}}, {b: {set: {x: 2}, then: a}}]";
    let error = play(text, json!({})).error();
    assert!(error.to_string().contains("is there a loop?"), "{error}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about how long it takes")]
fn a_long_loop_shares_its_data() {
    let text = "
do:
  - sum:
      for: {each: n, in: .numbers}
      do: [{add: {set: '${ {numbers, sum: ((.sum // 0) + $n)} }'}}]
    output: {as: .sum}"
        .replace("\n    output", "\n      output");
    let numbers: Vec<u32> = (0..5_000).collect();
    let started = std::time::Instant::now();
    assert_eq!(play(&text, json!({"numbers": numbers})).output(), json!(12_497_500));
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn a_function_of_the_workflow_is_called_with_its_arguments() {
    let text = "
use:
  functions:
    greet:
      input: {schema: {document: {type: object, required: [name]}}}
      set: {text: '${ \"Hello \\(.name)\" }'}
do:
  - one: {call: greet, with: {name: '${ .who }'}}
  - two: {set: '${ {text: (.text + \"!\")} }'}";
    assert_eq!(play(text, json!({"who": "Ada"})).output(), json!({"text": "Hello Ada!"}));
    let error = play(&text.replace("name: '${ .who }'", "nam: 1"), json!({})).error();
    assert_eq!(error.instance.as_deref(), Some("/use/functions/greet"));
    assert!(error.to_string().contains("name"), "{error}");
}

#[test]
fn a_sub_workflow_is_started_with_its_input() {
    let text = "
do:
  - sub:
      run: {workflow: {namespace: hr, name: hire, version: 1.0.0, input: {who: '${ .who }'}}}
  - free:
      run: {await: false, workflow: {namespace: hr, name: hire, version: latest}}";
    let played = play(text, json!({"who": 1}));
    assert_eq!(played.output(), json!({"ran": {"who": 1}}));
    let Command::RunWorkflow { awaits, version, input, .. } = &played.commands[1] else { panic!() };
    assert_eq!((awaits, version.as_str(), input), (&false, "latest", &json!({"ran": {"who": 1}})));
}

#[test]
fn extensions_surround_the_tasks_they_choose() {
    let text = "
use:
  extensions:
    - log:
        extend: call
        before: [{note: {emit: {event: {with: {type: before, data: '${ $input }'}}}}}]
        after: [{note: {emit: {event: {with: {type: after}}}}}]
    - mock:
        extend: call
        when: $task.with.endpoint == \"https://mocked.example\"
        before: [{answer: {set: {mocked: true}, then: exit}}]
do:
  - real: {call: http, with: {method: get, endpoint: 'https://real.example'}, output: {as: .call.endpoint}}
  - mocked: {call: http, with: {method: get, endpoint: 'https://mocked.example'}}";
    let played = play(text, json!({}));
    assert_eq!(played.output(), json!({"mocked": true}));
    assert_eq!(played.started(), ["real", "note", "note", "mocked", "note", "answer", "note"]);
    assert!(played.steps().contains(&"do/real:before/log/note".to_owned()), "{:?}", played.steps());
}

#[test]
fn a_cancelled_run_waits_for_nothing() {
    let (mut execution, _) =
        Execution::start(definition("do: [{nap: {wait: PT1H}}]"), beginning(json!({})));
    let at = execution.now;
    let commands = execution.apply(&Event::Cancelled { at }).unwrap();
    assert_eq!(commands, vec![Command::Forget { step: StepId::new("do/nap") }, Command::Cancel]);
    assert_eq!(execution.status(), &Status::Cancelled);
    assert_eq!(execution.pending().count(), 0);
    assert!(matches!(execution.apply(&Event::Cancelled { at }), Err(Inconsistency::Ended { .. })));
}

#[test]
fn the_end_completes_what_it_stands_in_and_abandons_what_runs_beside_it() {
    let text = "
do:
  - both:
      fork:
        branches:
          - nap: {wait: PT1H}
          - stop: {do: [{now: {set: {ended: true}, then: end}}]}";
    let played = play(text, json!({}));
    assert_eq!(played.output(), json!({"ended": true}));
    let ends: Vec<(&str, &Change)> = played
        .facts
        .iter()
        .filter(|fact| fact.change != Change::Started)
        .map(|fact| (fact.task.as_str(), &fact.change))
        .collect();
    let completed = |name| (name, &Change::Completed);
    assert_eq!(
        ends,
        [completed("now"), completed("stop"), completed("both"), ("nap", &Change::Cancelled)]
    );
}

#[test]
fn tasks_cannot_nest_values_without_end() {
    for body in
        ["{wrap: {set: {deeper: '${ . }'}}}", "{wrap: {fork: {branches: [{a: {set: '${ . }'}}]}}}"]
    {
        let text = format!("do: [{{all: {{for: {{in: '[range(1000)]'}}, do: [{body}]}}}}]");
        let error = play(&text, json!({})).error();
        assert!(error.to_string().contains("nested"), "{error}");
    }
}

#[test]
fn a_run_can_move_between_threads() {
    fn movable<T: Send + Sync>() {}
    movable::<Execution>();
    movable::<crate::Definition>();
}

#[test]
fn a_definition_lists_what_it_calls() {
    let text = "
use: {functions: {own: {call: f:1@c}}}
do:
  - a: {try: [{b: {call: g:1@c}}], catch: {do: [{c: {for: {in: .}, do: [{d: {call: own}}]}}]}}
  - e: {call: g:1@c}";
    let definition = definition(text);
    let names: Vec<&str> =
        definition.all_tasks().into_iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "own"]);
    assert_eq!(definition.functions_called().into_iter().collect::<Vec<_>>(), ["f:1@c", "g:1@c"]);
}
