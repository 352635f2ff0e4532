use http::Method;
use serde_json::{Value, json};

use crate::interposer::{Interposer, Trouble};
use crate::theatre::{Theatre, Traces, engineer, now};

const BUSY: &str = r#"{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}"#;
const BROKEN: &str = r#"{"statusCode":500,"error":"Internal Server Error","message":"An internal server error occurred"}"#;
const EXPIRED: &str = r#"{"statusCode":401,"error":"Unauthorized","message":"Expired token received for JSON Web Token validation","attributes":{"error":"Expired token received for JSON Web Token validation"}}"#;

fn trouble(path: &'static str, status: u16, body: &'static str) -> Trouble {
    Trouble { path, status, headers: Vec::new(), body, executed: false }
}

/// A theatre whose autopilot reaches the tenant through an interposer.
async fn open() -> (Theatre, Interposer) {
    let theatre = Theatre::open().await;
    let interposer = Interposer::before(&theatre.stage.tenant.url).await;
    link(&theatre, &interposer.url, &theatre.stage.client.1).await;
    (theatre, interposer)
}

async fn link(theatre: &Theatre, url: &str, secret: &str) {
    let link = json!({"app": "auth0", "url": url, "secrets": {"client_id": theatre.stage.client.0, "client_secret": secret}});
    theatre.stage.expect(Method::PUT, "/v1/links/tenant", Some(&link)).await.unwrap();
}

#[tokio::test]
async fn answers_429_and_500_for_a_while_delay_the_run_and_lose_nothing() {
    let (theatre, interposer) = open().await;
    let reset = (now().as_second() + 1).to_string();
    let busy = Trouble {
        headers: vec![("x-ratelimit-reset", reset)],
        ..trouble("/api/v2/users", 429, BUSY)
    };
    interposer.order([busy]);
    interposer.order((0..4).map(|_| trouble("/api/v2/roles", 500, BROKEN)));
    let hire = engineer("1", "Patient");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert!(interposer.is_quiet(), "not every trouble was met");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
}

#[tokio::test]
async fn a_500_after_the_account_was_made_does_not_make_it_twice() {
    let (theatre, interposer) = open().await;
    interposer.order([Trouble { executed: true, ..trouble("/api/v2/users", 500, BROKEN) }]);
    let hire = engineer("1", "Onceonly");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(run["output"]["identity"], "created");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_leaves_the_run_waiting_with_its_next_try() {
    let theatre = Theatre::open().await;
    // A port where nobody listens.
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    link(&theatre, &nobody, &theatre.stage.client.1).await;
    let hire = engineer("1", "Waiting");
    let id = theatre.announce(&hire).await;
    let run = theatre.stage.run_until(&id, |run| run["status"] == "waiting").await.unwrap();
    assert!(run["next_at"].is_string(), "no next try in {run}");
    let step =
        run["steps"].as_array().unwrap().iter().find(|step| step["name"] == "createUser").unwrap();
    assert!(step["next_at"].is_string() && step["note"].is_string(), "no reason in {step}");
    link(&theatre, &theatre.stage.tenant.url, &theatre.stage.client.1).await;
    let run = theatre.stage.settled(&id).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_a_run_is_renewed_once() {
    let (theatre, interposer) = open().await;
    interposer.order([trouble("/api/v2/roles", 401, EXPIRED)]);
    let hire = engineer("1", "Renewed");
    let run = theatre.stage.settled(&theatre.announce(&hire).await).await.unwrap();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
    assert_eq!(interposer.seen("/oauth/token"), 2);
}

#[tokio::test]
async fn a_changed_secret_stops_the_run_with_a_remedy_and_the_new_one_lets_it_go_on() {
    let (theatre, interposer) = open().await;
    link(&theatre, &interposer.url, "an old secret").await;
    let hire = engineer("1", "Rotated");
    let id = theatre.announce(&hire).await;
    let run = theatre.stage.settled(&id).await.unwrap();
    assert_eq!(run["status"], "attention", "{run}");
    let step =
        run["steps"].as_array().unwrap().iter().find(|step| step["name"] == "createUser").unwrap();
    assert!(
        step["remedy"].as_str().is_some_and(|remedy| remedy.contains("secret")),
        "no remedy in {step}"
    );
    assert!(!run.to_string().contains("an old secret"));
    let tested = theatre
        .stage
        .expect(Method::POST, "/v1/links/tenant/test", Some(&json!({})))
        .await
        .unwrap();
    assert_eq!(tested["works"], false);
    assert!(tested["remedy"].is_string(), "{tested}");
    link(&theatre, &interposer.url, &theatre.stage.client.1).await;
    let run = theatre.stage.run_until(&id, |run| run["status"] == "completed").await.unwrap();
    assert_eq!(run["error"], Value::Null);
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer());
}

#[tokio::test]
async fn a_link_test_says_who_until_when_and_which_scopes_are_lacking() {
    let theatre = Theatre::open().await;
    let tested = theatre
        .stage
        .expect(Method::POST, "/v1/links/tenant/test", Some(&json!({})))
        .await
        .unwrap();
    assert_eq!(tested["works"], true, "{tested}");
    assert!(
        tested["who"].as_str().is_some_and(|who| who.contains(&theatre.stage.client.0)),
        "{tested}"
    );
    assert!(tested["expires_at"].is_string());
    assert_eq!(tested["lacking"], json!([]));
    let few = reader(&theatre).await;
    let link = json!({"app": "auth0", "url": theatre.stage.tenant.url, "secrets": few});
    theatre.stage.expect(Method::PUT, "/v1/links/tenant", Some(&link)).await.unwrap();
    let tested = theatre
        .stage
        .expect(Method::POST, "/v1/links/tenant/test", Some(&json!({})))
        .await
        .unwrap();
    assert_eq!(tested["works"], true, "{tested}");
    assert_eq!(tested["granted"], json!(["read:users"]));
    let lacking = tested["lacking"].to_string();
    assert!(lacking.contains("create:users") && lacking.contains("new-hire"), "{lacking}");
}

#[tokio::test]
async fn a_scope_that_is_granted_later_counts_without_a_restart() {
    let theatre = Theatre::open().await;
    let few = reader(&theatre).await;
    let link = json!({"app": "auth0", "url": theatre.stage.tenant.url, "secrets": few});
    theatre.stage.expect(Method::PUT, "/v1/links/tenant", Some(&link)).await.unwrap();
    let path = "/v1/actions/auth0.roles.list/run?wait=20";
    let started = theatre
        .stage
        .expect(Method::POST, "/v1/actions/auth0.roles.list/run", Some(&json!({})))
        .await
        .unwrap();
    let refused = theatre.stage.settled(started["id"].as_str().unwrap()).await.unwrap();
    assert_ne!(refused["status"], "completed", "{refused}");
    let grants = format!("/client-grants?client_id={}", few["client_id"].as_str().unwrap());
    let grants = theatre.stage.management(Method::GET, &grants, None).await.unwrap();
    let grant = format!("/client-grants/{}", grants[0]["id"].as_str().unwrap());
    let wider = json!({"scope": ["read:users", "read:roles"]});
    theatre.stage.management(Method::PATCH, &grant, Some(&wider)).await.unwrap();
    let granted = theatre.stage.expect(Method::POST, path, Some(&json!({}))).await.unwrap();
    assert_eq!(granted["status"], "completed", "{granted}");
}

/// An application that may only read users.
async fn reader(theatre: &Theatre) -> Value {
    let client = json!({"name": "Reader", "app_type": "non_interactive", "grant_types": ["client_credentials"]});
    let client = theatre.stage.management(Method::POST, "/clients", Some(&client)).await.unwrap();
    let audience = format!("{}/api/v2/", theatre.stage.tenant.url);
    let grant =
        json!({"client_id": client["client_id"], "audience": audience, "scope": ["read:users"]});
    theatre.stage.management(Method::POST, "/client-grants", Some(&grant)).await.unwrap();
    json!({"client_id": client["client_id"], "client_secret": client["client_secret"]})
}
