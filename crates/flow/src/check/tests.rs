use serde_json::json;

use super::*;
use crate::parse;

struct Catalogue;

impl Functions for Catalogue {
    fn find(&self, name: &str) -> Option<FunctionSignature> {
        let input = match name {
            "auth0.users.create:1@callboard" => json!({
                "type": "object",
                "required": ["connection", "email"],
                "additionalProperties": false,
                "properties": {
                    "connection": {"type": "string"},
                    "email": {"type": "string", "title": "address"},
                    "app_metadata": {"type": "object"},
                    "roles": {"type": "array", "items": {"$ref": "#/$defs/role"}},
                    "blocked": {"type": "boolean"}
                },
                "$defs": {"role": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 3}}}}
            }),
            "slack.chat.post:1@callboard" => json!({}),
            _ => return None,
        };
        Some(FunctionSignature { title: name.to_owned(), input, output: json!({}) })
    }

    fn names(&self) -> Vec<String> {
        vec!["auth0.users.create:1@callboard".to_owned(), "slack.chat.post:1@callboard".to_owned()]
    }
}

/// The problems of a text that may not even parse, each as `line:column message | suggestion`.
fn problems(tasks: &str) -> Vec<String> {
    let text = format!("document: {{dsl: 1.0.3, namespace: n, name: n, version: 1.0.0}}\n{tasks}");
    let problems = match parse("w.yaml", &text) {
        Ok(definition) => check(&definition, &Catalogue),
        Err(problems) => problems.0,
    };
    problems
        .into_iter()
        .map(|problem| {
            let help = problem.suggestion.map(|help| format!(" | {help}")).unwrap_or_default();
            format!("{}:{} {}{help}", problem.line, problem.column, problem.message)
        })
        .collect()
}

#[test]
fn a_sound_definition_has_no_problems() {
    let text = "
use: {secrets: [key]}
do:
  - create:
      call: auth0.users.create:1@callboard
      with: {connection: '${ .c }', email: '${ $secrets.key }', roles: [{id: '${ .r }'}, {id: abc}], blocked: '${ .b }'}
      export: {as: '$context + {user: $output}'}
  - each: {for: {each: x, in: .xs}, while: $x != null, do: [{post: {call: slack.chat.post:1@callboard, with: {a: '${ $x + $index }'}}}]}
  - pick: {switch: [{a: {when: .x, then: last}}, {b: {then: exit}}]}
  - last: {try: [{t: {raise: {error: {type: 'https://e.example/x', status: 400}}}}], catch: {as: e, do: [{s: {set: {e: '${ $e }', c: '${ $context.user }'}}}]}}";
    assert_eq!(problems(text), Vec::<String>::new());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_mistake_has_a_place_a_name_and_a_way_out() {
    let mut wrong = Vec::new();
    for (text, expected) in [
        (
            "do:\n  - createUser:\n      call: auth0.users.create:1@callboard\n      wiht: {}",
            "5:7 task createUser has \"wiht\" | did you mean \"with\"?",
        ),
        ("do:\n  - a:\n      cal: x", "3:5 task a does nothing | did you mean \"call\"?"),
        (
            "do:\n  - a:\n    set: {x: 1}",
            "3:5 the list item \"a\" has 2 keys, a task has one: its name | indent what belongs to a by two more spaces",
        ),
        (
            "do:\n  - a: {set: {x: 1}, wait: PT1S}",
            "3:5 task a does several things: \"set\", \"wait\" | make one task of each",
        ),
        (
            "do:\n  - a: {call: auth0.user.create:1@callboard}",
            "3:15 task a calls \"auth0.user.create:1@callboard\", which does not exist | did you mean \
             \"auth0.users.create:1@callboard\"?",
        ),
        (
            "do:\n  - a: {call: chat.post}",
            "3:15 task a calls \"chat.post\", which does not exist | did you mean \"slack.chat.post:1@callboard\"?",
        ),
        (
            "do:\n  - a: {call: auth0.users.create:1@callboard, with: {connection: x}}",
            "3:47 task a calls auth0.users.create:1@callboard without \"email\" | email: address",
        ),
        (
            "do:\n  - a: {call: auth0.users.create:1@callboard, with: {connection: x, email: y, bloked: true}}",
            "3:79 task a gives auth0.users.create:1@callboard \"bloked\", which it does not take | did you mean \"blocked\"?",
        ),
        (
            "do:\n  - a: {call: auth0.users.create:1@callboard, with: {connection: x, email: y, blocked: 'no'}}",
            "3:88 task a: blocked does not fit auth0.users.create:1@callboard: the value is not of type \"boolean\"",
        ),
        (
            "do:\n  - a: {call: auth0.users.create:1@callboard, with: {connection: x, email: '${ .e }', roles: [{id: '${ .x }'}, {id: long}]}}",
            "3:117 task a: id does not fit auth0.users.create:1@callboard: the value is longer than 3 characters",
        ),
        (
            "do:\n  - a: {call: auth0.users.create:1@callboard, with: {connection: x, email: ['${ .e }']}}",
            "3:76 task a: email is a list, auth0.users.create:1@callboard takes string",
        ),
        (
            "do:\n  - a: {call: 'https://x.example/f.yaml'}",
            "3:15 task a calls https://x.example/f.yaml: functions are not fetched by address | call a catalogued \
             function, or put the function into \"use.functions\"",
        ),
        (
            "do:\n  - a: {set: {x: '${ .a | }'}}",
            "3:27 term expected at the end (in the expression \"${ .a | }\")",
        ),
        (
            "do:\n  - a: {set: {x: '${ $contxt.x }'}}",
            "3:18 $contxt does not exist here (in \"$contxt.x\") | did you mean $context?",
        ),
        (
            "do:\n  - a: {set: {x: '${ $context.x }'}}",
            "3:18 $context is always empty: no task has \"export\" | add export: {as: …} to the task that knows it",
        ),
        (
            "use: {secrets: [token]}\ndo:\n  - a: {set: {x: '${ $secrets.tokn }'}}",
            "4:18 the secret tokn is not declared | did you mean \"token\"?",
        ),
        (
            "do:\n  - a: {call: http, with: {method: get, endpoint: {uri: 'https://x.example', authentication: {bearer: {use: token}}}}}",
            "3:94 the secret token is not declared | add token to \"use.secrets\"",
        ),
        (
            "do:\n  - a: {set: {x: 1}, then: bb}\n  - b: {set: {x: 1}}",
            "3:28 task a goes on to \"bb\", which is no task of the same list | did you mean \"b\"?",
        ),
        (
            "do:\n  - a: {set: {x: 1}, then: end}\n  - b: {set: {x: 1}}",
            "4:5 task b can never run: nothing leads to it",
        ),
        (
            "do:\n  - a: {set: {x: 1}}\n  - a: {set: {x: 1}}",
            "4:5 two tasks of this list are called a | rename one of them",
        ),
        (
            "do:\n  - a: {run: {shell: {command: ls}}}",
            "3:5 task a: \"run: shell\" is not supported: this runtime starts no processes; call a catalogued function \
             instead",
        ),
        (
            "do:\n  - a: {call: http, with: {method: get, endpont: 'https://x.example'}}",
            "3:41 \"with\" of task a has \"endpont\" | did you mean \"endpoint\"?",
        ),
        ("do:\n  - a: {call: http, with: {method: get}}", "3:27 task a: with lacks \"endpoint\""),
        (
            "do:\n  - a: {wait: 30s}",
            "3:15 task a: wait does not have the right form: \"30s\"; write PT5M or {minutes: 5}",
        ),
        (
            "do:\n  - a: {set: {x: 1}, if: true}",
            "3:26 task a: if must be a text, not true; put it in quotes",
        ),
        (
            "do:\n  - a: {try: [{b: {set: {x: 1}}}], catch: {retry: clam}}\nuse: {retries: {calm: {delay: PT1S}}}",
            "3:51 there is no \"clam\" among use.retries | did you mean \"calm\"?",
        ),
        (
            "do:\n  - a: {set: {x: 1}, output: {schema: {document: {type: strin}}}}",
            "3:50 not a JSON schema: ",
        ),
        (
            "do:\n  - a: {set: {x: ['Hello ${ .name }!']}}",
            "3:19 an expression inside a text is not evaluated | make the whole text one expression: ${ \"Hello \\(…)\" }",
        ),
        (
            "do:\n  - a: {set: {x: '${ .a'}}",
            "3:18 an expression that begins with \"${\" must end with \"}\"",
        ),
        ("do:\n  - a: {wait: 5}", "3:15 task a: wait must be a mapping or a text, not 5"),
        (
            "do:\n  - a: {set: {x: 1}, output: .foo}",
            "3:22 \"output\" of task a must be a mapping | write output: {as: '.foo'}",
        ),
        (
            "do:\n  - a: {call: http, with: {method: get, endpoint: {uri: 'https://x', authentication: {bearer: {tok: x}}}}}",
            "3:95 task a: with.endpoint.authentication.bearer lacks \"token\"",
        ),
        (
            "do:\n  - a: {set: {x: 1}, timeout: PT5S}",
            "3:31 a timeout is a mapping | write timeout: {after: PT5S}",
        ),
        (
            "do:\n  - a: {try: [{b: {set: {x: 1}}}], catch: {errors: {status: 400}}}",
            "3:53 \"errors\" of task a has \"status\" | it may have \"with\"",
        ),
        ("do:\n  - a: {switch: [{x: {when: .y}}]}", "3:22 task a: switch.0.x lacks \"then\""),
        (
            "do:\n  - a: {raise: {error: {type: 'https://x', title: y}}}",
            "3:24 task a: raise.error lacks \"status\"",
        ),
        (
            "do:\n  - a: {for: {in: .x}, metadata: {concurrency: 0}, do: [{b: {set: {x: 1}}}]}",
            "3:48 \"concurrency\" is how many items run at once, not 0 | write a whole number from 1 to 1000",
        ),
        (
            "do:\n  - a: {for: {in: .x}, metadata: {concurrency: 5, onError: skip}, do: [{b: {set: {x: 1}}}]}",
            "3:60 \"onError\" says what follows when an item fails, not \"skip\" | write stop or continue",
        ),
        (
            "do:\n  - a: {for: {in: .x}, metadata: {collect: true}, do: [{b: {set: {x: 1}}}]}",
            "3:44 \"collect\" is for items that run beside each other; this loop has no \"concurrency\" | write \
             metadata: {concurrency: 10}",
        ),
        (
            "do:\n  - a: {for: {in: .x}, while: .y, metadata: {concurrency: 5}, do: [{b: {set: {x: 1}}}]}",
            "3:31 \"while\" looks at the output of the item before; items that run beside each other have none | \
             remove \"while\" or \"concurrency\"",
        ),
        ("dos: []", "1:1 the workflow lacks \"do\""),
    ] {
        let found = problems(text);
        if !found.iter().any(|problem| problem.starts_with(expected)) {
            wrong.push(format!("{text}\n{found:#?}\nwanted: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_problem_reads_like_a_compilers() {
    let text = "document: {dsl: 1.0.3, namespace: n, name: n, version: 1.0.0}\ndo:\n  - a:\n      sett: {x: 1}\n";
    let problems = parse("flows/a.yaml", text).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "flows/a.yaml:3:5: task a does nothing\n  help: did you mean \"set\"?"
    );
}
