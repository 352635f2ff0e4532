use std::path::Path;
use std::process::Output;

use crate::theatre::binary;

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(binary());
    command.args(["workflows", "check"]).args(arguments).current_dir(folder);
    command
        .env_remove("CALLBOARD_ALLOW_HOSTS")
        .env_remove("CALLBOARD_ALLOW_PRIVATE_HOSTS")
        .env_remove("CALLBOARD_APPS")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn mistakes_and_doubts_of_several_files_are_told_as_a_compiler_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "slip.yaml",
        "document:
  dsl: 1.0.3
  namespace: test
  name: slip
  version: 1.0.0
  metadata: {timezone: Europe/Berln, mised: once}
schedule: {cron: '61 6 * * *'}
do:
  - list: {call: auth0.users.lits:1@callboard}
  - script: {run: {shell: {command: rm -rf /}}}
",
    );
    write(
        "call.yaml",
        "document: {dsl: 1.0.3, namespace: test, name: call, version: 1.0.0}
do:
  - fetch: {call: http, with: {method: get, endpoint: 'http://169.254.169.254/latest'}}
",
    );
    let output = check(folder.path(), &["slip.yaml", "call.yaml", "none.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output.stderr), @"error: 5 mistakes, 2 warnings");
    insta::assert_snapshot!(text(&output.stdout), @r#"
    mistake: "Europe/Berln" is not a time zone
       --> slip.yaml:6:24
        6 |   metadata: {timezone: Europe/Berln, mised: once}
          |                        ^
          = did you mean "Europe/Berlin", "Europe/Dublin" or "Europe/Belgrade"?

    mistake: `61 6 * * *` is not a plan: Component error: Number out of bounds
       --> slip.yaml:7:18
        7 | schedule: {cron: '61 6 * * *'}
          |                  ^
          = write five fields: minute, hour, day of the month, month, weekday, like `30 6 * * MON-FRI`

    mistake: task list calls "auth0.users.lits:1@callboard", which does not exist
       --> slip.yaml:9:18
        9 |   - list: {call: auth0.users.lits:1@callboard}
          |                  ^
          = did you mean "auth0.users.list:1@callboard", "auth0.users.delete:1@callboard" or "auth0.users.get:1@callboard"?

    mistake: task script: "run: shell" is not supported: this runtime starts no processes; call a catalogued function instead
       --> slip.yaml:10:5
       10 |   - script: {run: {shell: {command: rm -rf /}}}
          |     ^

    warning: "mised" means nothing here
       --> slip.yaml:6:38
        6 |   metadata: {timezone: Europe/Berln, mised: once}
          |                                      ^
          = did you mean "missed"?

    warning: the host 169.254.169.254 is not among those that workflows may call
       --> call.yaml:3:55
        3 |   - fetch: {call: http, with: {method: get, endpoint: 'http://169.254.169.254/latest'}}
          |                                                       ^
          = call a public host by its name, or a catalogued action; an address of your own network needs --allow-private-host 169.254.169.254

    ok call.yaml

    test/call 1.0.0
    When somebody starts it:
      1. Send GET to "http://169.254.169.254/latest". [fetch]

    mistake: the file cannot be read: No such file or directory (os error 2)
       --> none.yaml
    "#);
    let calm = check(folder.path(), &["call.yaml", "--quiet"]);
    assert_eq!(calm.status.code(), Some(0), "a doubt is no mistake");
    let strict = check(folder.path(), &["call.yaml", "--quiet", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
}

#[test]
fn a_right_workflow_is_read_out_in_plain_words() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library/workflows");
    let output = check(&library, &["new-hire.yaml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @r##"
    ok new-hire.yaml

    New hire: identity before day one (hr/new-hire 1.0.0)
    When BambooHR tells of "employee created":
      1. Set connection to "Username-Password-Authentication", roles to {"default":["employee"],"department":{"Engineering":["engineering"],"Sales":["sales"],"Marketing":["…, tracker to "IT provisioning", channel to "#it-ops", ticketDays to 5. Its result is remembered. [plan]
      2. Get Employee in BambooHR with employee `$workflow.input | if type == "array" then .[0].id else .employee end`. Its result is remembered. [readEmployee]
      3. Only if `($context.employee.workEmail // "") == ""`: stop with the error "No work e-mail address". [refuseWithoutAddress]
      4. Try [identity]:
        4.1. Create User in Auth0 with connection `$context.plan.connection`, email `$context.employee.workEmail`, name `$context.name`, given_name `$context.employee.firstName`, family_name `$context.employee.lastName`, app_metadata `$context.metadata`. Its result is remembered. [createUser]
      If that fails with a communication error, status 409, do this:
        4a.1. List Users in Auth0 with email `$context.employee.workEmail`. Its result is remembered. [findUser]
        4a.2. Only if `$context.user_id == null`: stop with the error "The account cannot be adopted". [refuseWhenHidden]
        4a.3. Update User in Auth0 with user `$context.user_id`, changes (app_metadata `$context.metadata`). [updateUser]
      5. List Roles in Auth0. Its result is remembered. [listRoles]
      6. Only if `$context.roles != []`: Assign Roles to User in Auth0 with user `$context.user_id`, roles `[$context.roles[].id]`. [assignRoles]
      7. Only if `$context.identity == "created" and ($context.employee.homeEmail // "") != ""`: do the following [invite]:
        7.1. Create Password Change Ticket in Auth0 with user `$context.user_id`, ttl_seconds `$context.plan.ticketDays * 86400`. [createTicket]
        7.2. Send E-mail in Resend with to `$context.employee.homeEmail`, subject "Your account is ready", text `"Hello \($context.employee.firstName // $context.name),\n\nyour account \($context.employee.workEmai…`. Its result is remembered. [sendInvitation]
      8. Create or Update Rows in Airtable with table `$context.plan.tracker`, key ["Employee"], rows [(Employee `$context.employee.id`, Name `$context.name`, E-mail `$context.employee.workEmail`, Department `$context.employee.department // ""`, Start `$context.employee.hireDate // ""`, User `$context.user_id`, Role `[$context.roles[].name] | join(", ")`, Missing roles `$context.missing | join(", ")`, Identity `$context.identity`, Invited `$context.invited // false`)]. [writeTrackerRow]
      9. Post Message in Slack with channel `$context.plan.channel`, text `"\($context.name) (\($context.employee.department // "no department"), starts \($context.employee.hi…`. [tellIt]
    The result is `$context | {user_id, identity, roles: [.roles[].name], missing_roles: .missing, invited: (.invited /…`.
    Its runs with the same `if type == "array" then .[0].id else .employee end` take turns, one at a time.
    A run saves about 25 minutes of work by hand.
    Its owner is it-ops.
    "##);
}

#[test]
fn what_this_runtime_does_not_do_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (task, sentence) in [
        ("run: {shell: {command: ls}}", "\"run: shell\" is not supported"),
        ("run: {script: {language: js, code: '1'}}", "\"run: script\" is not supported"),
        ("run: {container: {image: alpine}}", "\"run: container\" is not supported"),
        (
            "call: grpc, with: {proto: {endpoint: 'file://a.proto'}, service: {name: s, host: h}, method: m}",
            "\"call: grpc\" is not supported",
        ),
        (
            "call: asyncapi, with: {document: {endpoint: 'https://a.example/d.json'}, operation: x, message: {payload: {}}}",
            "\"call: asyncapi\" is not supported",
        ),
    ] {
        let definition = format!(
            "document: {{dsl: 1.0.3, namespace: test, name: refused, version: 1.0.0}}\ndo:\n  - it: {{{task}}}\n"
        );
        std::fs::write(folder.path().join("refused.yaml"), definition).unwrap();
        let output = check(folder.path(), &["refused.yaml"]);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{task}");
        assert!(told.contains(sentence) && told.contains("refused.yaml:3:5"), "{task}: {told}");
    }
}

#[test]
fn a_private_host_is_pointed_out_unless_it_is_named_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let call = "document: {dsl: 1.0.3, namespace: test, name: call, version: 1.0.0}
do:
  - fetch: {call: http, with: {method: get, endpoint: 'http://10.1.2.3:8080/stock'}}
";
    std::fs::write(folder.path().join("call.yaml"), call).unwrap();
    let strict = ["call.yaml", "--strict", "--quiet"];
    for (hosts, code) in [
        (&["--allow-host", "10.1.2.3"][..], 1),
        (&["--allow-private-host", "10.2.0.0/16"], 1),
        (&["--allow-private-host", "10.1.2.3"], 0),
        (&["--allow-private-host", "10.1.0.0/16"], 0),
        (&["--allow-private-host", "http://10.1.2.3"], 1),
    ] {
        let output = check(folder.path(), &[&strict, hosts].concat());
        assert_eq!(output.status.code(), Some(code), "{hosts:?}: {output:?}");
    }
}
