use serde_json::json;

use super::*;
use crate::{FunctionSignature, parse};

struct Catalogue;

impl Functions for Catalogue {
    fn find(&self, name: &str) -> Option<FunctionSignature> {
        (name == "auth0.users.create:1@callboard").then(|| FunctionSignature {
            title: "Create User".to_owned(),
            input: json!({}),
            output: json!({}),
        })
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn event_title(&self, kind: &str) -> Option<String> {
        (kind == "bamboohr.employee.created").then(|| "BambooHR says hired".to_owned())
    }
}

#[test]
fn a_workflow_reads_as_prose() {
    let text = "
document: {dsl: 1.0.3, namespace: hr, name: new-hire, version: 1.0.0, title: New hire, metadata: {timezone: Europe/Berlin}}
schedule: {on: {one: {with: {type: bamboohr.employee.created}}}}
timeout: {after: {hours: 2, minutes: 30}}
do:
  - createUser:
      call: auth0.users.create:1@callboard
      with: {connection: Users, email: '${ .employee.workEmail }', app_metadata: {level: '${ .l }'}}
      export: {as: '{user: .}'}
  - choose: {switch: [{boss: {when: .level > 5, then: tell}}, {rest: {then: end}}]}
  - tell:
      if: .tell
      try: [{send: {call: http, with: {method: post, endpoint: 'https://chat.example/post'}, timeout: {after: PT30S}}}]
      catch:
        errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication', status: 503}}
        retry: {delay: PT3S, backoff: {exponential: {}}, limit: {attempt: {count: 5}}}
        do: [{note: {emit: {event: {with: {type: chat.down}}}}}]
  - roles: {for: {each: role, in: .roles}, metadata: {concurrency: 8}, do: [{pause: {wait: PT1S}}, {give: {call: slack.x:1@callboard}}]}
  - last: {raise: {error: {type: 'https://e.example/x', status: 400, title: Nothing fits}}}
output: {as: .id}
";
    let definition = parse("new-hire.yaml", text).unwrap();
    insta::assert_snapshot!(reading(&definition, &Catalogue), @r#"
    New hire (hr/new-hire 1.0.0)
    When BambooHR says hired (at most 2 hours 30 minutes):
      1. Create User with connection "Users", email `.employee.workEmail`, app_metadata (level `.l`). Its result is remembered. [createUser]
      2. If `.level > 5`, go on with tell; otherwise end. [choose]
      3. Only if `.tell`: try [tell]:
        3.1. Send POST to "https://chat.example/post". It may take 30 seconds. [send]
      If that fails with a communication error, status 503, try again up to 5 times, after 3 seconds, doubled each time; after that do this:
        3a.1. Announce the event "chat.down". [note]
      4. For each role of `.roles`, 8 at a time, stopping at the first that fails [roles]:
        4.1. Wait 1 second. [pause]
        4.2. Call slack.x:1@callboard. [give]
      5. Stop with the error "Nothing fits". [last]
    The result is `.id`.
    "#);
}
