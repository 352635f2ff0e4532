//! What goes over the wire for an app that only a manifest knows: no Rust was written for it.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::fs;
use std::sync::{Arc, Mutex};

use callboard_apps::{
    Attempt, Catalogue, Executor, Failed, Failure, Link, LinkCredentials, Options, Performed,
    Recovered,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

const APP: &str = r#"
app: billing
title: Billing
summary: Charges people.
base_url: https://{region}.billing.example
auth: {scheme: header, name: X-Api-Key, value: 'key {secret}', remedy: make a new key}
settings: {type: object}
health: none
errors:
  status: '${ if .body.error == "busy" then 429 else .status end }'
  title: ${ .body.error }
rate_limit: {retry_after: Retry-After, reset: {header: X-Reset, unit: epoch_seconds}}
personal_data: Charges stay.
redact: {secret: [card], personal: [email]}
actions:
  charges.create:
    version: 1
    title: Charge
    summary: Charges somebody, as Stripe would want it.
    input:
      type: object
      required: [amount]
      properties: {amount: {type: integer}, card: {type: string, writeOnly: true}, lines: {type: array}}
    output: {type: object}
    request:
      method: POST
      path: /v1/charges
      content: form
      body: '${ {amount: .input.amount, source: {card: .input.card}, lines: .input.lines} }'
      headers: {X-Version: '2026-11-01', X-Optional: '${ .input.optional // empty }'}
    risk: additive
    inverse: {irreversible: money is gone}
    recovery: {provider_key: {header: Idempotency-Key, valid_hours: 24}}
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 1
  charges.list:
    version: 1
    title: List
    summary: All charges.
    input: {type: object}
    output: {type: object}
    request:
      method: GET
      path: /v1/charges
      query: {limit: 2}
      pages:
        items: ${ .page.body.data }
        next: '${ if .page.body.has_more then {starting_after: .page.body.data[-1].id} else null end }'
        at_most: 2
    returns: '${ .results.main | {ids: [.items[].id], complete} }'
    risk: read
    inverse: nothing
    recovery: repeat
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 1
  charges.pair:
    title: Pair
    input: {type: object}
    requests:
      first: {method: POST, path: /v1/first}
      second: {method: POST, path: '/v1/{id}', parameters: {id: '${ .results.first.body.id | ltrimstr("x") }'}, body: {n: '${ .results.first.body.n | tonumber }'}}
    recovery: {ask: nobody knows}
    inverse: {irreversible: money is gone}
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 1
    risk: additive
    output: {type: object}
    version: 1
    summary: For tests.
  charges.named:
    title: Named
    input: {type: object}
    request: {method: POST, path: /v1/named}
    recovery:
      chosen_id:
        request: {method: GET, path: /v1/named/1, tolerate: [404]}
        found: '${ .results.main | if .status == 200 then .body else null end }'
        conflicts: [409]
    inverse: {irreversible: money is gone}
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 1
    risk: additive
    output: {type: object}
    version: 1
    summary: For tests.
  codes.create:
    title: Codes
    input: {type: object}
    request: {method: PUT, path: /v1/codes}
    returns: '${ {codes: .results.main.body.list | map({code: .}), note: .results.main.body.note} }'
    secret_outputs: ['/codes/*/code']
    recovery: repeat
    inverse: {irreversible: money is gone}
    bucket: api
    personal_data: {reads: [], writes: []}
    minutes_saved: 1
    risk: additive
    output: {type: object}
    version: 1
    summary: For tests.
"#;

/// Answers the given texts in turn and keeps what it was sent.
struct Wire {
    executor: Executor,
    catalogue: Catalogue,
    link: Link,
    sent: Arc<Mutex<Vec<String>>>,
    _tasks: TaskTracker,
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

impl Wire {
    async fn new(answers: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("billing")).unwrap();
        fs::write(folder.path().join("billing/app.yaml"), APP).unwrap();
        let catalogue =
            Catalogue::of_folder(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/base", listener.local_addr().unwrap()).parse().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&sent);
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 65_536];
                let read = stream.read(&mut bytes).await.unwrap();
                kept.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                // The executor may stop reading an answer that is too long.
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        let clock = Arc::new(|| "2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap());
        let mut options = Options::new(clock, Arc::new(|bytes| bytes.fill(1)));
        options.longest_answer = 1024;
        let link = Link {
            name: "billing".into(),
            app: "billing".into(),
            base_url,
            settings: Map::new(),
            credentials: LinkCredentials::Secret("k3y-of-billing".into()),
        };
        Self { executor: Executor::new(options).unwrap(), catalogue, link, sent, _tasks: tasks }
    }

    async fn perform(&self, action: &str, arguments: Value) -> Result<Performed, Failed> {
        let action = self.catalogue.action(action).unwrap();
        let at = "2026-11-24T12:00:00Z".parse().unwrap();
        let attempt = Attempt::new(action, arguments, "run:charge é".into(), at, "run".into());
        self.executor.perform(&self.link, &attempt).await
    }

    async fn recover(&self, action: &str) -> Result<Recovered, Failed> {
        let action = self.catalogue.action(action).unwrap();
        let at = "2026-11-24T12:00:00Z".parse().unwrap();
        let attempt = Attempt::new(action, json!({}), "run:step".into(), at, "run".into());
        self.executor.recover(&self.link, &attempt).await
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

fn charge() -> Value {
    json!({"amount": 5, "card": "4242-4242", "lines": [{"id": 1}, {"id": 2}]})
}

#[tokio::test]
async fn forms_headers_and_keys_are_written_as_the_manifest_says() {
    let wire =
        Wire::new(vec![answer("200 OK", "", r#"{"id":"ch_1","card":"4242-4242","email":"a@b"}"#)])
            .await;
    let done = wire.perform("billing.charges.create", charge()).await.unwrap();
    let sent = wire.sent()[0].to_lowercase();
    for expected in [
        "post /base/v1/charges http/1.1\r\n",
        "x-api-key: key k3y-of-billing\r\n",
        "x-version: 2026-11-01\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "x-correlation-id: run\r\n",
        "\r\n\r\namount=5&source%5bcard%5d=4242-4242&lines%5b0%5d%5bid%5d=1&lines%5b1%5d%5bid%5d=2",
    ] {
        assert!(sent.contains(expected), "{expected} in {sent}");
    }
    assert!(!sent.contains("x-optional"), "{sent}");
    // Not visible ASCII, so its hash stands for it.
    let key = sent.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap();
    assert_eq!((key.len(), key.bytes().all(|byte| byte.is_ascii_hexdigit())), (64, true), "{key}");
    let shown = serde_json::to_string(&done.exchanges).unwrap();
    assert!(!shown.contains("4242") && !shown.contains("k3y") && !shown.contains("a@b"), "{shown}");
    assert_eq!(done.output["card"], "[secret]", "an echo of a secret argument");
}

#[tokio::test]
async fn pages_are_followed_up_to_their_bound() {
    let page = |first: u32| {
        answer(
            "200 OK",
            "",
            &json!({"data": [{"id": first}, {"id": first + 1}], "has_more": true}).to_string(),
        )
    };
    let wire = Wire::new(vec![page(1), page(3), page(5)]).await;
    let listed = wire.perform("billing.charges.list", json!({})).await.unwrap().output;
    assert_eq!(listed, json!({"ids": [1, 2, 3, 4], "complete": false}));
    let asked: Vec<String> =
        wire.sent().iter().map(|text| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        asked,
        [
            "GET /base/v1/charges?limit=2 HTTP/1.1",
            "GET /base/v1/charges?limit=2&starting_after=2 HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn what_an_answer_means_follows_the_manifest() {
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let rejected =
        |status, title: &str, body| Failure::Rejected { status, title: title.into(), body };
    for (answered, expected) in [
        (
            answer("402 No", "", r#"{"error":"no money"}"#),
            rejected(402, "no money", json!({"error": "no money"})),
        ),
        (
            answer("501 No", "", r#"{"error":"no such thing"}"#),
            rejected(501, "no such thing", json!({"error": "no such thing"})),
        ),
        // Not followed: the key would go to wherever it points.
        (
            answer("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
            rejected(302, "Billing answered 302", Value::Null),
        ),
        (
            answer("200 OK", "Retry-After: 9\r\n", r#"{"error":"busy"}"#),
            Failure::Later {
                retry_at: at("2026-11-24T12:00:09Z"),
                why: "Billing limits the rate of calls".into(),
            },
        ),
        (
            answer("429 Slow", "X-Reset: 1795521630\r\n", "{}"),
            Failure::Later {
                retry_at: at("2026-11-24T12:00:30Z"),
                why: "Billing limits the rate of calls".into(),
            },
        ),
        (
            answer("503 No", "", "{}"),
            Failure::Unsure {
                why: "Billing answered 503, so the call may have had its effect".into(),
            },
        ),
        (
            answer("401 No", "", r#"{"error":"bad key"}"#),
            Failure::Credentials {
                why: "Billing does not accept the link's credentials: bad key".into(),
                remedy: "make a new key".into(),
            },
        ),
        (
            answer("200 OK", "", &format!("\"{}\"", "x".repeat(2_000))),
            Failure::Unsure { why: "Billing answered more than 1024 bytes".into() },
        ),
    ] {
        let wire = Wire::new(vec![answered.clone()]).await;
        let failed = wire.perform("billing.charges.create", charge()).await.unwrap_err();
        assert_eq!(failed.failure, expected, "{}", answered.lines().next().unwrap());
    }
}

#[test]
fn an_address_with_a_setting_needs_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("billing")).unwrap();
    fs::write(folder.path().join("billing/app.yaml"), APP).unwrap();
    let catalogue = Catalogue::of_folder(folder.path()).unwrap();
    let app = catalogue.app("billing").unwrap();
    let refused = app.base_url(&Map::new()).unwrap_err().to_string();
    assert_eq!(refused, "the address of Billing needs the setting `region`");
    let settings = Map::from_iter([("region".to_owned(), json!("eu"))]);
    assert_eq!(app.base_url(&settings).unwrap().as_str(), "https://eu.billing.example/");
}

#[tokio::test]
async fn an_action_that_failed_midway_says_that_a_part_happened() {
    let first = |n: &str| answer("200 OK", "", &json!({"id": "x1", "n": n}).to_string());
    for (answers, partial, expected) in [
        (vec![answer("402 No", "", "{}")], false, "rejected"),
        (vec![first("1"), answer("402 No", "", "{}")], true, "rejected"),
        (vec![first("1"), answer("429 Slow", "", "{}")], true, "later"),
        (vec![first("one")], true, "unreadable"),
    ] {
        let wire = Wire::new(answers).await;
        let failed = wire.perform("billing.charges.pair", json!({})).await.unwrap_err();
        let found = match &failed.failure {
            Failure::Rejected { .. } => "rejected",
            Failure::Later { .. } => "later",
            Failure::Unreadable { .. } => "unreadable",
            other => panic!("{other}"),
        };
        assert_eq!((found, failed.partial), (expected, partial), "{failed}");
    }
}

#[tokio::test]
async fn a_conflict_that_may_be_our_own_echo_is_unsure_while_nobody_can_look() {
    let conflict = || answer("409 Conflict", "", r#"{"error":"exists"}"#);
    for (probe, expected) in [
        (answer("503 No", "", "{}"), "unsure"),
        (answer("401 No", "", "{}"), "unsure"),
        (answer("429 Slow", "", "{}"), "unsure"),
        (answer("404 No", "", "{}"), "rejected"),
        (answer("200 OK", "", r#"{"id":1}"#), "performed"),
    ] {
        let line = probe.lines().next().unwrap().to_owned();
        let wire = Wire::new(vec![conflict(), probe]).await;
        let found = match wire.perform("billing.charges.named", json!({})).await {
            Ok(_) => "performed",
            Err(Failed { failure: Failure::Unsure { .. }, .. }) => "unsure",
            Err(Failed { failure: Failure::Rejected { status: 409, .. }, .. }) => "rejected",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{line}");
    }
}

#[tokio::test]
async fn recovering_says_whether_it_looked_or_repeated() {
    let refused = || answer("402 No", "", "{}");
    let wire = Wire::new(vec![answer("200 OK", "", r#"{"list":[]}"#), refused()]).await;
    let recovered = wire.recover("billing.codes.create").await;
    assert!(matches!(recovered, Ok(Recovered::Repeated(_))), "{recovered:?}");
    let failed = wire.recover("billing.codes.create").await.unwrap_err();
    assert!(failed.repeated && !failed.partial, "{failed}");
    let wire = Wire::new(vec![answer("200 OK", "", "{}"), answer("503 No", "", "{}")]).await;
    let recovered = wire.recover("billing.charges.named").await;
    assert!(matches!(recovered, Ok(Recovered::Happened(_))), "{recovered:?}");
    assert!(!wire.recover("billing.charges.named").await.unwrap_err().repeated);
}

#[tokio::test]
async fn secret_outputs_are_masked_wherever_else_they_stand() {
    let body = json!({"list": ["c0de-one", "c0de-two"], "note": "use c0de-two first"});
    let wire = Wire::new(vec![answer("200 OK", "", &body.to_string())]).await;
    let done = wire.perform("billing.codes.create", json!({})).await.unwrap();
    let codes = json!([{"code": "c0de-one"}, {"code": "c0de-two"}]);
    assert_eq!(done.output, json!({"codes": codes, "note": "use [secret] first"}));
    let shown = serde_json::to_string(&done.exchanges).unwrap();
    assert!(shown.contains("[secret]") && !shown.contains("c0de"), "{shown}");
    assert!(!format!("{done:?}").contains("c0de"), "{done:?}");
}

#[tokio::test]
async fn an_effect_whose_answer_cannot_be_read_is_for_a_person() {
    let wire = Wire::new(vec![answer("200 OK", "", r#"{"list":7}"#)]).await;
    let failed = wire.perform("billing.codes.create", json!({})).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Unreadable { .. }), "{failed}");
    assert!(failed.partial && failed.to_string().starts_with("it happened, but"), "{failed}");
}
