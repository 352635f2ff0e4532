//! The workflows of a simulation: every kind of task that waits for something, over every kind of recovery.

use callboard_engine::Source;

use crate::dice::Dice;

/// Those that somebody starts by name.
const STARTED: [(&str, &str); 12] = [
    (
        "onboard",
        "schedule: {on: {one: {with: {type: office.person.arrived}}}}
do:
  - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
  - pause: {wait: {seconds: 7}}
  - invite:
      call: office.invites.send:1@callboard
      with: {person: Ada}
      export: {as: '${ $context + {ticket: .ticket} }'}
  - note: {call: 'office.notes.write:1@callboard', with: {text: '${ \"open \\($context.ticket)\" }'}}
",
    ),
    (
        "badge",
        "do:
  - print: {call: 'office.badges.print:1@callboard', with: {person: Ada}}
  - move: {call: 'office.desks.move:1@callboard', with: {person: Ada}}
",
    ),
    (
        "together",
        "do:
  - all:
      fork:
        branches:
          - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
          - move: {call: 'office.desks.move:1@callboard', with: {person: Ada}}
          - print: {call: 'office.badges.print:1@callboard', with: {person: Ada}}
          - pause: {wait: {seconds: 3}}
",
    ),
    (
        "each",
        "do:
  - everybody:
      for: {each: person, in: '${ [\"Ada\", \"Bob\", \"Eve\"] }'}
      do:
        - desk: {call: 'office.desks.assign:1@callboard', with: {person: '${ $person }'}}
        - invite: {call: 'office.invites.send:1@callboard', with: {person: '${ $person }'}}
",
    ),
    (
        "stubborn",
        "do:
  - hard:
      try:
        - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
        - print: {call: 'office.badges.print:1@callboard', with: {person: Ada}}
      catch:
        errors: {with: {status: 422}}
        retry: {delay: PT3S, backoff: {exponential: {}}, limit: {attempt: {count: 3}}}
  - note: {call: 'office.notes.write:1@callboard', with: {text: done}}
",
    ),
    (
        "race",
        "do:
  - first:
      fork:
        compete: true
        branches:
          - print: {call: 'office.badges.print:1@callboard', with: {person: Ada}}
          - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
          - pause: {wait: {seconds: 2}}
  - note: {call: 'office.notes.write:1@callboard', with: {text: done}}
",
    ),
    (
        "parent",
        "do:
  - below: {run: {workflow: {namespace: test, name: child, version: latest, input: {who: Ada}}}}
  - alone: {run: {await: false, workflow: {namespace: test, name: child, version: latest}}}
  - note: {call: 'office.notes.write:1@callboard', with: {text: done}}
",
    ),
    (
        "child",
        "do:
  - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
  - pause: {wait: {seconds: 12}}
",
    ),
    (
        "herald",
        "do:
  - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
  - tell: {emit: {event: {with: {source: /herald, type: ping, data: {n: 1}}}}}
  - again: {emit: {event: {with: {source: /herald, type: ping, data: {n: 2}}}}}
",
    ),
    (
        "answer",
        "schedule: {on: {one: {with: {type: ping}}}}
do:
  - move: {call: 'office.desks.move:1@callboard', with: {person: Ada}}
",
    ),
    (
        "listener",
        "do:
  - desk: {call: 'office.desks.assign:1@callboard', with: {person: Ada}}
  - hear: {listen: {to: {one: {with: {type: go}}}}}
  - note: {call: 'office.notes.write:1@callboard', with: {text: heard}}
",
    ),
    (
        "impatient",
        "do:
  - soon:
      try:
        - hear:
            timeout: {after: PT20S}
            listen: {to: {one: {with: {type: never}}}}
      catch: {do: [{late: {call: 'office.notes.write:1@callboard', with: {text: late}}}]}
  - slow:
      try:
        - print:
            timeout: {after: PT1S}
            call: office.badges.print:1@callboard
            with: {person: Ada}
      catch: {do: [{move: {call: 'office.desks.move:1@callboard', with: {person: Ada}}}]}
",
    ),
];

const SCHEDULES: [&str; 5] = [
    "every: {seconds: 20}",
    "every: {seconds: 90}",
    "cron: '* * * * *'",
    "cron: '*/15 * * * * *'",
    "after: {seconds: 25}",
];
const OVERLAPS: [&str; 5] = [
    "overlap: skip",
    "overlap: queue",
    "overlap: parallel",
    "overlap: cancel-running",
    "overlap: parallel, concurrency: {limit: 2}",
];
const MISSED: [&str; 4] = ["missed: once", "missed: skip", "missed: all, missedLimit: 7", ""];
const OTHERS: [&str; 4] = ["", "jitter: {seconds: 9}", "deadline: {minutes: 2}", ""];

/// The library of one simulation.
pub(crate) struct Shelf {
    pub(crate) sources: Vec<Source>,
    pub(crate) names: Vec<&'static str>,
    pub(crate) schedules: Vec<String>,
}

pub(crate) fn shelf(dice: &mut Dice) -> Shelf {
    let mut chosen: Vec<(&'static str, &'static str)> = Vec::new();
    for _ in 0..dice.between(2, 4) {
        let (name, body) = dice.pick(&STARTED);
        let needed = match name {
            "parent" => Some("child"),
            "herald" => Some("answer"),
            _ => None,
        };
        let needed = STARTED.into_iter().filter(|(other, _)| Some(*other) == needed);
        for (name, body) in needed.chain([(name, body)]) {
            if !chosen.iter().any(|(known, _)| *known == name) {
                chosen.push((name, body));
            }
        }
    }
    let mut sources: Vec<Source> =
        chosen.iter().map(|(name, body)| source(name, "", body)).collect();
    let mut schedules = Vec::new();
    for number in 0..dice.pick(&[0, 0, 1, 1, 2]) {
        let name = format!("tick{number}");
        let metadata: Vec<&str> = [dice.pick(&OVERLAPS), dice.pick(&MISSED), dice.pick(&OTHERS)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let (plan, wait) = (dice.pick(&SCHEDULES), dice.pick(&[1, 10, 40]));
        let body = format!(
            "schedule: {{{plan}}}
do:
  - desk: {{call: 'office.desks.assign:1@callboard', with: {{person: Ada}}}}
  - pause: {{wait: {{seconds: {wait}}}}}
"
        );
        sources.push(source(&name, &metadata.join(", "), &body));
        schedules.push(name);
    }
    Shelf { sources, names: chosen.into_iter().map(|(name, _)| name).collect(), schedules }
}

fn source(name: &str, metadata: &str, body: &str) -> Source {
    let text = format!(
        "document: {{dsl: 1.0.3, namespace: test, name: {name}, version: 1.0.0, metadata: {{{metadata}}}}}\n{body}"
    );
    Source { file: format!("{name}.yaml"), text }
}
