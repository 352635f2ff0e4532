//! `for` with items beside each other.

use proptest::prelude::*;

use super::*;

fn each(metadata: &str, tasks: &str) -> String {
    format!(
        "do:\n  - all:\n      for: {{each: n, in: .numbers}}\n      metadata: {{{metadata}}}\n      do: [{tasks}]"
    )
}

const CALL: &str = "{call: {call: 'f:1@c', with: {n: '${ $n }', base: '${ .base }'}}}";

fn numbers(count: usize) -> Value {
    json!({"base": 7, "numbers": (0..count).collect::<Vec<_>>()})
}

fn succeed(step: &StepId, output: Value, at: Timestamp) -> Event {
    Event::CallSucceeded { step: step.clone(), output, at }
}

/// Steps of the calls that wait for an answer, in the order of their names.
fn open(execution: &Execution) -> Vec<StepId> {
    execution.pending().filter_map(Command::step).cloned().collect()
}

#[test]
fn items_run_at_once_up_to_the_limit_each_on_the_input_of_the_loop() {
    let text = each("concurrency: 3", CALL);
    let (mut execution, commands) = Execution::start(definition(&text), beginning(numbers(5)));
    let arguments = |command: &Command| match command {
        Command::Call { function: FunctionCall::Catalogued { arguments, .. }, .. } => {
            arguments.clone()
        }
        other => panic!("{other:?}"),
    };
    let first: Vec<Value> = commands.iter().map(arguments).collect();
    let expected: Vec<Value> = (0..3).map(|n| json!({"n": n, "base": 7})).collect();
    assert_eq!(first, expected);
    let at = execution.now;
    let next = execution.apply(&succeed(&StepId::new("do/all[1]/call"), json!(1), at)).unwrap();
    assert_eq!(next[0].step(), Some(&StepId::new("do/all[3]/call")));
    assert_eq!(arguments(&next[0]), json!({"n": 3, "base": 7}));
    while let Some(step) = open(&execution).pop() {
        assert!(open(&execution).len() <= 3);
        execution.apply(&succeed(&step, json!(1), at)).unwrap();
    }
    let output = json!({"count": 5, "succeeded": 5, "failed": 0, "errors": []});
    assert_eq!(*execution.status(), Status::Completed { output });
}

#[test]
fn a_loop_without_items_has_a_summary_too() {
    let played = play(&each("concurrency: 3", CALL), numbers(0));
    assert_eq!(played.output(), json!({"count": 0, "succeeded": 0, "failed": 0, "errors": []}));
}

#[test]
fn the_first_failure_stops_the_loop_unless_it_is_to_go_on() {
    let answer = |step: &StepId, _: &FunctionCall| match step.as_str() {
        "do/all[2]/call" => Err(failing(404)),
        _ => Ok(json!(1)),
    };
    let stopped = play_with(&each("concurrency: 2", CALL), numbers(9), &answer, &[]);
    let error = stopped.error();
    assert_eq!((error.status, error.instance.as_deref()), (404, Some("/do/0/all/do/0/call")));
    assert!(!stopped.steps().contains(&"do/all[5]/call".to_owned()), "{:?}", stopped.steps());
    assert!(
        stopped.commands.iter().any(|command| matches!(command, Command::Forget { .. })),
        "what is on its way is abandoned"
    );

    let text = each("concurrency: 2, onError: continue", CALL);
    let output = play_with(&text, numbers(9), &answer, &[]).output();
    assert_eq!([&output["count"], &output["succeeded"], &output["failed"]], [9, 8, 1]);
    assert_eq!(output["errors"][0]["index"], 2);
    assert_eq!(output["errors"][0]["error"]["status"], 404);
}

#[test]
fn only_the_first_errors_are_told() {
    let text = each("concurrency: 4, onError: continue", CALL);
    let output = play_with(&text, numbers(50), &|_, _| Err(failing(500)), &[]).output();
    assert_eq!(output["failed"], 50);
    assert_eq!(output["errors"].as_array().unwrap().len(), 20);
}

#[test]
fn outputs_are_collected_in_the_order_of_the_items() {
    let text = each("concurrency: 3, onError: continue, collect: true", CALL);
    let (mut execution, _) = Execution::start(definition(&text), beginning(numbers(4)));
    let at = execution.now;
    // The last that began is answered first.
    while let Some(step) = open(&execution).pop() {
        let event = if step.as_str() == "do/all[1]/call" {
            Event::CallFailed { step, error: failing(400), at }
        } else {
            succeed(&step, json!(step.as_str()), at)
        };
        execution.apply(&event).unwrap();
    }
    let Status::Completed { output } = execution.status() else { panic!("{execution:?}") };
    let expected = json!(["do/all[0]/call", null, "do/all[2]/call", "do/all[3]/call"]);
    assert_eq!(output["outputs"], expected);
}

#[test]
fn an_item_may_catch_its_own_failure_wait_and_leave() {
    let text = each(
        "concurrency: 2, collect: true",
        "{careful: {try: [{call: {call: 'f:1@c'}}], catch: {do: [{note: {set: {is: caught}}}]}}}, \
         {nap: {wait: PT1S}}, {leave: {set: {n: '${ $n }'}, then: exit}}, {never: {set: {is: never}}}",
    );
    let played = play_with(&text, numbers(3), &|_, _| Err(failing(503)), &[]);
    assert_eq!(played.output()["outputs"], json!([{"n": 0}, {"n": 1}, {"n": 2}]));
}

#[test]
fn a_timeout_of_the_loop_abandons_what_is_under_way() {
    let text = each("concurrency: 2", "{nap: {wait: PT1H}}")
        .replace("      do:", "      timeout: {after: PT90M}\n      do:");
    let played = play(&text, numbers(5));
    assert_eq!(played.error().status, 408);
    assert!(played.execution.frames.is_empty());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a bound on real time, far above what it takes")]
fn a_hundred_thousand_items_take_no_more_memory_than_a_hundred() {
    const ITEMS: usize = 100_000;
    let began = std::time::Instant::now();
    let text = each("concurrency: 50, onError: continue", CALL);
    let (mut execution, mut commands) =
        Execution::start(definition(&text), beginning(numbers(ITEMS)));
    let at = execution.now;
    let (mut answered, mut most) = (0_usize, 0);
    while let Some(step) = commands.pop().and_then(|command| command.step().cloned()) {
        let event = if answered % 10 == 0 {
            Event::CallFailed { step, error: failing(400), at }
        } else {
            succeed(&step, json!({"id": answered}), at)
        };
        answered += 1;
        commands.extend(execution.apply(&event).unwrap());
        execution.take_facts();
        let kept = execution.frames.len() + execution.waiting.len() + execution.work.len();
        most = most.max(kept + execution.forgotten.len() + commands.len());
    }
    assert_eq!(answered, ITEMS);
    assert!(most < 300, "a frame of the item, one of its task, and its wish: {most}");
    let Status::Completed { output } = execution.status() else { panic!("{execution:?}") };
    assert_eq!(output["failed"], ITEMS / 10);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn items_that_wait_for_nothing_need_no_more_room_either() {
    let text = each("concurrency: 10", "{note: {set: {n: '${ $n }'}}}");
    let played = play(&text, numbers(20_000));
    assert_eq!(played.output()["succeeded"], 20_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn in_whatever_order_answers_come_the_history_folds_again(
        count in 0..12_usize,
        concurrency in 1..6_usize,
        picks in proptest::collection::vec((0..100_usize, 0..4_u8), 1..30),
    ) {
        let text = each(
            &format!("concurrency: {concurrency}, onError: continue, collect: true"),
            "{careful: {try: [{call: {call: 'f:1@c'}}], catch: {errors: {with: {status: 503}}, \
             retry: {delay: PT1S, limit: {attempt: {count: 1}}}}}}, {nap: {wait: PT2S}}",
        );
        let (mut execution, mut commands) = Execution::start(definition(&text), beginning(numbers(count)));
        let (mut history, mut now, mut turn) = (Vec::new(), execution.now, 0);
        while *execution.status() == Status::Running {
            let pending: Vec<Command> = execution.pending().cloned().collect();
            prop_assert!(pending.len() <= concurrency);
            let (place, fate) = picks[turn % picks.len()];
            turn += 1;
            let event = match &pending[place % pending.len()] {
                Command::Wait { step, until, .. } => {
                    now = now.max(*until);
                    Event::TimerFired { step: step.clone(), at: now }
                }
                command => {
                    let step = command.step().unwrap().clone();
                    match fate {
                        0 => Event::CallFailed { step, error: failing(503), at: now },
                        1 => Event::CallFailed { step, error: failing(404), at: now },
                        _ => succeed(&step, json!(turn), now),
                    }
                }
            };
            commands.extend(execution.apply(&event).unwrap());
            history.push(event);
        }
        let (mut again, mut repeated) = Execution::start(definition(&text), beginning(numbers(count)));
        for event in &history {
            repeated.extend(again.apply(event).unwrap());
        }
        prop_assert_eq!(repeated, commands);
        let Status::Completed { output } = again.status() else { panic!("{again:?}") };
        prop_assert_eq!(output["count"].as_u64(), Some(count as u64));
    }
}
