//! The same history gives the same commands.

use proptest::prelude::*;

use super::*;

const DEFINITION: &str = "
timeout: {after: P30D}
do:
  - each:
      for: {each: n, in: .numbers}
      do:
        - careful:
            try:
              - call: {call: f:1@c, with: {n: '${ $n }'}, timeout: {after: PT1M}}
            catch:
              errors: {with: {status: 503}}
              retry: {delay: PT2S, backoff: {exponential: {}}, jitter: {from: PT1S, to: PT5S}, limit: {attempt: {count: 2}}}
              do: [{tell: {emit: {event: {with: {type: failed, data: '${ $error.status }'}}}}}]
        - both:
            fork:
              compete: true
              branches:
                - nap: {wait: PT3S}
                - other: {call: g:1@c}
        - keep: {set: {numbers: '${ $workflow.input.numbers }', seen: '${ .seen + [$n] }'}}
  - hear: {listen: {to: {any: [{with: {type: t}}], until: length >= 2}}}";

/// Folds a history; all commands that came of it.
fn fold(input: &Value, history: &[Event]) -> Vec<Command> {
    let (mut execution, mut commands) =
        Execution::start(definition(DEFINITION), beginning(input.clone()));
    for event in history {
        commands.extend(execution.apply(event).unwrap());
    }
    commands
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_history_folded_again_or_in_halves_gives_the_same_commands(
        numbers in proptest::collection::vec(0..100_i32, 0..5),
        failures in proptest::collection::vec(0..4_usize, 1..20),
        cut in 0..1000_usize,
    ) {
        let input = json!({"numbers": numbers});
        let calls = std::cell::Cell::new(0);
        let answer = |_: &StepId, _: &FunctionCall| {
            let turn = calls.get();
            calls.set(turn + 1);
            match failures[turn % failures.len()] {
                0 => Err(failing(503)),
                1 if turn > 3 => Err(failing(404)),
                other => Ok(json!({"turn": turn, "other": other})),
            }
        };
        let events = [json!({"type": "t", "data": 1}), json!({"type": "t", "data": 2})];
        let played = play_with(DEFINITION, input.clone(), &answer, &events);
        prop_assert_eq!(&fold(&input, &played.history), &played.commands);

        let stored = serde_json::to_string(&played.history).unwrap();
        let restored: Vec<Event> = serde_json::from_str(&stored).unwrap();
        let (before, after) = restored.split_at(cut % (restored.len() + 1));
        let (mut execution, mut commands) = Execution::start(definition(DEFINITION), beginning(input.clone()));
        for event in before {
            commands.extend(execution.apply(event).unwrap());
        }
        // A restart in the middle: only what is pending is still to be done.
        let pending: Vec<Command> = execution.pending().cloned().collect();
        for command in &pending {
            prop_assert!(commands.contains(command));
        }
        for event in after {
            commands.extend(execution.apply(event).unwrap());
        }
        prop_assert_eq!(&commands, &played.commands);
        let stored = serde_json::to_string(&commands).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Command>>(&stored).unwrap(), commands);
    }
}

#[test]
fn foreign_events_are_inconsistencies_and_never_panics() {
    let at = beginning(json!({})).started_at;
    let (mut execution, _) =
        Execution::start(definition(DEFINITION), beginning(json!({"numbers": [1]})));
    for name in ["", "do", "do/each", "do/each[0]/careful/call#9", "%", "do:timeout:timeout"] {
        let step = StepId::new(name);
        for event in [
            Event::CallSucceeded { step: step.clone(), output: json!(1), at },
            Event::CallFailed { step: step.clone(), error: failing(1), at },
            Event::TimerFired { step: step.clone(), at },
            Event::Emitted { step: step.clone(), at },
            Event::EventReceived { step: step.clone(), event: json!(1), at },
            Event::WorkflowSucceeded { step: step.clone(), output: json!(1), at },
            Event::WorkflowFailed { step: step.clone(), error: failing(1), at },
        ] {
            assert!(execution.apply(&event).is_err(), "{event:?}");
        }
    }
}
