//! The story of the library's `new-hire` workflow: real tenant, stand-ins for the rest, no engine.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use callboard_apps::{Attempt, Failure, Link, LinkCredentials};
use callboard_flow::{
    Command, Definition, Event, Execution, FunctionCall, Runtime, Start, Status, WorkflowError,
};
use callboard_tenant::{Data, Durability, RateLimits, Scheme, Settings, Tenants};
use serde_json::{Map, Value, json};
use support::{SECRET, Stage, ada};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

const CLIENT_ID: &str = "callboardclient00000000000000000";
/// What the interpreter sees instead of a ticket.
const SEALED: &str = "sealed:v1:token";

struct Story {
    stage: Stage,
    tenant: Link,
    definition: Arc<Definition>,
    _stop: DropGuard,
}

impl Story {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let now = stage.now();
        let counter = AtomicU8::new(0);
        let tenants = Tenants::open(Settings {
            data: Data::Memory,
            durability: Durability::Process,
            scheme: Scheme::Http,
            rate_limits: RateLimits::Off,
            names: vec!["test".into()],
            clock: Arc::new(move || now),
            rng: Arc::new(move |bytes| {
                bytes.fill_with(|| counter.fetch_add(89, Ordering::Relaxed));
            }),
        });
        let tenants = tenants.await.unwrap();
        tenants.ensure_client(CLIENT_ID, SECRET).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(callboard_tenant::serve(
            listener,
            tenants,
            stop.clone().cancelled_owned(),
        ));
        let credentials = LinkCredentials::ClientCredentials {
            client_id: CLIENT_ID.to_owned(),
            client_secret: SECRET.into(),
        };
        let tenant = Link {
            name: "auth0".into(),
            app: "auth0".into(),
            base_url: url.parse().unwrap(),
            settings: Map::new(),
            credentials,
        };
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library/workflows/new-hire.yaml");
        let definition =
            callboard_flow::parse("new-hire.yaml", &std::fs::read_to_string(path).unwrap())
                .unwrap();
        let story =
            Self { stage, tenant, definition: Arc::new(definition), _stop: stop.drop_guard() };
        for role in ["employee", "engineering", "people-manager"] {
            story
                .perform(
                    "auth0.raw",
                    json!({"method": "POST", "path": "/roles", "body": {"name": role}}),
                    "seed",
                )
                .await
                .unwrap();
        }
        story
    }

    fn link(&self, app: &str) -> Link {
        if app == "auth0" { self.tenant.clone() } else { self.stage.link(app) }
    }

    async fn perform(&self, name: &str, arguments: Value, key: &str) -> Result<Value, Failure> {
        let action = self.stage.catalogue.action(name).unwrap();
        let attempt =
            Attempt::new(action, arguments, key.to_owned(), self.stage.now(), "run".into());
        let performed = self.stage.executor.perform(&self.link(action.app()), &attempt).await;
        performed.map(|performed| performed.output).map_err(|failed| failed.failure)
    }

    /// Runs the workflow as the webhook starts it; answers its end and the tasks in their order.
    async fn run(&self, run: &str, employee: &str) -> (Status, Vec<String>) {
        let schedule = self.definition.schedule.as_ref().unwrap();
        let event = json!({"type": "bamboohr.employee.created", "data": {"id": employee}});
        let start = Start {
            run_id: run.to_owned(),
            input: json!([schedule.read.of(&event)]),
            started_at: self.stage.now(),
            secrets: Map::new(),
            runtime: Runtime { name: "test".into(), version: "1".into(), metadata: Map::new() },
        };
        let (mut execution, mut commands) = Execution::start(Arc::clone(&self.definition), start);
        let mut tasks = Vec::new();
        while !commands.is_empty() {
            let mut next = Vec::new();
            for command in commands {
                let Command::Call { step, task, function, .. } = command else { continue };
                let FunctionCall::Catalogued { name, arguments } = function else {
                    panic!("{task}")
                };
                tasks.push(task);
                let answered = if name.starts_with("auth0.password_tickets") {
                    Ok(json!({ "ticket": SEALED }))
                } else {
                    self.perform(&name, arguments, &format!("{run}:{step}")).await
                };
                let at = self.stage.now();
                let event = match answered {
                    Ok(output) => Event::CallSucceeded { step, output, at },
                    Err(Failure::Rejected { status, title, .. }) => {
                        let error =
                            WorkflowError::communication(status.into(), title.clone(), title);
                        Event::CallFailed { step, error, at }
                    }
                    Err(failure) => panic!("{name}: {failure}"),
                };
                next.extend(execution.apply(&event).unwrap());
            }
            commands = next;
        }
        (execution.status().clone(), tasks)
    }

    async fn account(&self, email: &str) -> (Value, Vec<String>) {
        let users =
            self.perform("auth0.users.list", json!({ "email": email }), "look").await.unwrap();
        assert_eq!(users["users"].as_array().map(Vec::len), Some(1), "{email}: {users}");
        let user = users["users"][0].clone();
        let roles = self
            .perform("auth0.users.roles.list", json!({"user": user["user_id"]}), "look")
            .await
            .unwrap();
        let names = roles["roles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned());
        (user, names.collect())
    }
}

fn output(status: Status) -> Value {
    match status {
        Status::Completed { output } => output,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_hire_has_an_identity_before_day_one() {
    let story = Story::new().await;
    let (status, tasks) = story.run("run-1", "42").await;
    assert_eq!(
        tasks,
        [
            "readEmployee",
            "createUser",
            "listRoles",
            "assignRoles",
            "createTicket",
            "sendInvitation",
            "writeTrackerRow",
            "tellIt"
        ]
    );
    let (user, roles) = story.account("ada.lovelace@acme.example").await;
    let expected = json!({
        "user_id": user["user_id"], "identity": "created", "roles": ["employee", "engineering"], "missing_roles": [],
        "invited": true, "employee": "42",
    });
    assert_eq!(output(status), expected);
    assert_eq!(roles, ["employee", "engineering"]);
    let metadata = json!({"department": "Engineering", "job_level": "Senior", "start_date": "2026-12-01", "employee_id": "42"});
    assert_eq!((&user["app_metadata"], &user["name"]), (&metadata, &json!("Ada Lovelace")));
    let mail = &story.stage.sandbox.rows("resend", "emails")[0];
    assert_eq!(mail["to"], json!(["ada@home.example"]));
    assert!(mail["text"].as_str().unwrap().contains(&format!("\n\n{SEALED}\n\n")), "{mail}");
    let row = &story.stage.sandbox.rows("airtable", "records")[0]["fields"];
    assert_eq!(
        (&row["User"], &row["Role"], &row["Identity"]),
        (&user["user_id"], &json!("employee, engineering"), &json!("created"))
    );
    let said = &story.stage.sandbox.rows("slack", "messages")[0];
    assert_eq!(said["channel"], "C0ITOPS0000");
    let text = said["text"].as_str().unwrap();
    assert!(text.starts_with("Ada Lovelace (Engineering, starts 2026-12-01): account created, roles employee, engineering, invitation sent. `auth0|"), "{text}");
}

#[tokio::test]
async fn an_account_that_exists_is_adopted_and_gets_no_invitation() {
    let story = Story::new().await;
    let mine = json!({
        "connection": "Username-Password-Authentication", "email": "ada.lovelace@acme.example", "name": "A. Byron",
        "app_metadata": {"pager": "7", "department": "Mathematics"},
    });
    let existing = story.perform("auth0.users.create", mine, "earlier").await.unwrap();
    let (status, tasks) = story.run("run-1", "42").await;
    assert_eq!(
        tasks,
        [
            "readEmployee",
            "createUser",
            "findUser",
            "updateUser",
            "listRoles",
            "assignRoles",
            "writeTrackerRow",
            "tellIt"
        ]
    );
    let (user, roles) = story.account("ada.lovelace@acme.example").await;
    assert_eq!((&user["user_id"], &user["name"]), (&existing["user_id"], &json!("A. Byron")));
    assert_eq!(
        (&user["app_metadata"]["pager"], &user["app_metadata"]["department"]),
        (&json!("7"), &json!("Engineering"))
    );
    assert_eq!(roles, ["employee", "engineering"]);
    let ended = output(status);
    assert_eq!((&ended["identity"], &ended["invited"]), (&json!("adopted"), &json!(false)));
    assert_eq!(story.stage.sandbox.rows("airtable", "records")[0]["fields"]["Identity"], "adopted");
    assert!(story.stage.sandbox.rows("resend", "emails").is_empty());
}

#[tokio::test]
async fn an_unknown_department_gets_the_default_and_missing_things_are_said() {
    let story = Story::new().await;
    let mut legal = ada();
    legal["id"] = json!("43");
    legal["workEmail"] = json!("grace@acme.example");
    legal["department"] = json!("Falconry");
    legal["jobLevel"] = json!("Lead");
    legal["displayName"] = Value::Null;
    legal.as_object_mut().unwrap().remove("homeEmail");
    story.stage.sandbox.seed(&json!({"bamboohr": {"employees": [legal]}})).unwrap();
    let ended = output(story.run("run-1", "43").await.0);
    assert_eq!(
        (&ended["roles"], &ended["missing_roles"], &ended["invited"]),
        (&json!(["employee"]), &json!(["team-lead"]), &json!(false))
    );
    let said = story.stage.sandbox.rows("slack", "messages")[0]["text"].clone();
    let said = said.as_str().unwrap();
    assert!(
        said.contains("roles employee, no invitation sent. The tenant lacks: team-lead."),
        "{said}"
    );
    assert!(said.starts_with("Ada Lovelace (Falconry"), "{said}");
}

#[tokio::test]
async fn an_employee_without_an_address_ends_with_a_sentence() {
    let story = Story::new().await;
    story
        .stage
        .sandbox
        .seed(&json!({"bamboohr": {"employees": [{"id": "44", "firstName": "Nemo"}]}}))
        .unwrap();
    let (status, tasks) = story.run("run-1", "44").await;
    let Status::Faulted { error } = status else { panic!("{status:?}") };
    assert!(
        error.detail.unwrap().starts_with("employee 44 has no work e-mail address in BambooHR")
    );
    assert_eq!(tasks, ["readEmployee"]);
}

#[tokio::test]
async fn a_run_that_is_repeated_from_the_start_leaves_one_of_everything() {
    let story = Story::new().await;
    let first = output(story.run("run-1", "42").await.0);
    let again = output(story.run("run-1", "42").await.0);
    assert_eq!(first, again, "the same run recognises its own user");
    let sandbox = &story.stage.sandbox;
    assert_eq!(
        (sandbox.rows("airtable", "records").len(), sandbox.rows("resend", "emails").len()),
        (1, 1)
    );
}
