//! Limits, outages and cut connections, and what the executor makes of them.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use callboard_apps::{Failure, Recovered};
use callboard_sandbox::Cut;
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::{Stage, mail, message, upsert};

#[tokio::test]
async fn a_limited_call_comes_back_later_as_told() {
    let stage = Stage::new().await;
    for (app, name, arguments) in [
        ("bamboohr", "employees.get", json!({"employee": "42"})),
        ("airtable", "records.upsert", upsert()),
        ("slack", "messages.post", message()),
        ("resend", "emails.send", mail()),
    ] {
        for (told, seconds) in [(Some(17), 17), (None, if app == "resend" { 2 } else { 30 })] {
            // BambooHR says it with 503 and a header; without the header it is an outage.
            if app == "bamboohr" && told.is_none() {
                continue;
            }
            stage.fail(app, name, 429, told);
            let failed =
                stage.perform(&format!("{app}.{name}"), arguments.clone()).await.unwrap_err();
            let Failure::Later { retry_at, .. } = failed.failure else {
                panic!("{app}: {failed:?}")
            };
            assert_eq!(
                retry_at,
                Some(stage.now() + SignedDuration::from_secs(seconds)),
                "{app} {told:?}"
            );
        }
        stage.perform(&format!("{app}.{name}"), arguments).await.expect("the fault is used up");
    }
}

#[tokio::test]
async fn an_outage_is_later_for_a_read_and_unsure_for_every_write() {
    let stage = Stage::new().await;
    for (app, name, arguments, reads) in [
        ("bamboohr", "employees.get", json!({"employee": "42"}), true),
        ("airtable", "records.upsert", upsert(), false),
        ("slack", "messages.post", message(), false),
        ("resend", "emails.send", mail(), false),
    ] {
        let action = format!("{app}.{name}");
        for trouble in ["500", "cut before", "cut after"] {
            match trouble {
                "500" => stage.fail(app, name, 500, None),
                "cut before" => stage.cut(app, name, Cut::Before),
                _ => stage.cut(app, name, Cut::After),
            }
            let failed = stage.perform(&action, arguments.clone()).await.unwrap_err();
            let as_expected = match failed.failure {
                Failure::Later { .. } => reads,
                Failure::Unsure { .. } => !reads,
                _ => false,
            };
            assert!(as_expected, "{action}, {trouble}: {failed:?}");
            assert_eq!(failed.exchanges.len(), 1, "{action}, {trouble}");
        }
    }
}

#[tokio::test]
async fn an_unreachable_app_is_later() {
    let stage = Stage::new().await;
    let attempt = stage.attempt("slack.messages.post", message());
    let mut link = stage.link("slack");
    link.base_url = "http://127.0.0.1:1/slack".parse().unwrap();
    let failed = stage.executor.perform(&link, &attempt).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Later { retry_at: None, .. }), "{failed:?}");
    assert!(failed.to_string().starts_with("Slack could not be reached: "), "{failed}");
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found_again() {
    let stage = Stage::new().await;
    for channel in ["#it-ops", "C0ITOPS0000"] {
        let mut attempt =
            stage.attempt("slack.messages.post", json!({"channel": channel, "text": "x"}));
        attempt.key.push_str(channel);
        stage.cut("slack", "messages.post", Cut::After);
        let lost = stage.executor.perform(&stage.link("slack"), &attempt).await.unwrap_err();
        assert!(matches!(lost.failure, Failure::Unsure { .. }), "{lost:?}");
        let Recovered::Happened(found) = stage.recover(&attempt).await.unwrap() else {
            panic!("{channel}")
        };
        let messages = stage.sandbox.rows("slack", "messages");
        let posted = messages.last().unwrap();
        assert_eq!(
            found.output,
            json!({"channel": "C0ITOPS0000", "ts": posted["ts"]}),
            "{channel}"
        );
        assert_eq!(posted["metadata"]["event_payload"]["key"], attempt.key, "{channel}");
    }
    assert_eq!(stage.sandbox.rows("slack", "messages").len(), 2);
}

#[tokio::test]
async fn an_answer_in_a_thread_is_found_again_too() {
    let stage = Stage::new().await;
    let first = stage.perform("slack.messages.post", message()).await.unwrap();
    let thread = &first.output["ts"];
    let arguments = json!({"channel": "#it-ops", "text": "x", "thread": thread});
    for (step, cut) in [("lost", Cut::After), ("never", Cut::Before)] {
        let mut attempt = stage.attempt("slack.messages.post", arguments.clone());
        step.clone_into(&mut attempt.key);
        stage.cut("slack", "messages.post", cut);
        stage.executor.perform(&stage.link("slack"), &attempt).await.unwrap_err();
        let recovered = stage.recover(&attempt).await.unwrap();
        if step == "never" {
            assert!(matches!(recovered, Recovered::DidNot), "{recovered:?}");
            continue;
        }
        let Recovered::Happened(found) = recovered else { panic!("{recovered:?}") };
        let posted = stage.sandbox.rows("slack", "messages").pop().unwrap();
        assert_eq!((&posted["thread_ts"], &posted["ts"]), (thread, &found.output["ts"]));
    }
    assert_eq!(stage.sandbox.rows("slack", "messages").len(), 2);
}

#[tokio::test]
async fn a_message_that_never_arrived_is_known_not_to_have() {
    let stage = Stage::new().await;
    stage.perform("slack.messages.post", message()).await.unwrap();
    let mut attempt = stage.attempt("slack.messages.post", message());
    attempt.key = "run-2:do/notify".to_owned();
    stage.cut("slack", "messages.post", Cut::Before);
    stage.executor.perform(&stage.link("slack"), &attempt).await.unwrap_err();
    assert!(matches!(stage.recover(&attempt).await.unwrap(), Recovered::DidNot));
}

#[tokio::test]
async fn a_probe_that_is_refused_leaves_it_to_a_person() {
    let stage = Stage::new().await;
    let attempt = stage.attempt("slack.messages.post", json!({"channel": "#nowhere", "text": "x"}));
    let Recovered::Unknown { why, exchanges } = stage.recover(&attempt).await.unwrap() else {
        panic!()
    };
    assert_eq!(why, "looking for the effect was refused: channel_not_found (HTTP 400)");
    assert_eq!(exchanges.len(), 2);
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_sent_again_with_its_key_while_the_key_is_known() {
    let stage = Stage::new().await;
    let attempt = stage.attempt("resend.emails.send", mail());
    stage.cut("resend", "emails.send", Cut::After);
    stage.executor.perform(&stage.link("resend"), &attempt).await.unwrap_err();
    let Recovered::Repeated(sent) = stage.recover(&attempt).await.unwrap() else { panic!() };
    let emails = stage.sandbox.rows("resend", "emails");
    assert_eq!((emails.len(), &emails[0]["id"]), (1, &sent.output["id"]));
    stage.advance(SignedDuration::from_hours(24));
    let Recovered::Unknown { why, .. } = stage.recover(&attempt).await.unwrap() else { panic!() };
    assert_eq!(why, "Resend recognises a repeated key for 24 h only, and more have passed");
    assert_eq!(stage.sandbox.rows("resend", "emails").len(), 1);
}

#[tokio::test]
async fn a_repeatable_write_is_recovered_by_repeating_it() {
    let stage = Stage::new().await;
    let attempt = stage.attempt("airtable.records.upsert", upsert());
    stage.cut("airtable", "records.upsert", Cut::After);
    stage.executor.perform(&stage.link("airtable"), &attempt).await.unwrap_err();
    assert!(matches!(stage.recover(&attempt).await.unwrap(), Recovered::Repeated(_)));
    assert_eq!(stage.sandbox.rows("airtable", "records").len(), 1);
}

#[tokio::test]
async fn the_sandbox_is_steered_and_read_over_http() {
    let stage = Stage::new().await;
    let http = reqwest::Client::new();
    let url = stage.sandbox.url();
    let fault =
        json!({"app": "slack", "action": "slack.messages.post", "status": 429, "retry_after": 3});
    assert_eq!(
        http.post(format!("{url}/_faults")).json(&fault).send().await.unwrap().status(),
        204
    );
    stage.perform("slack.messages.post", message()).await.unwrap_err();
    stage.perform("slack.messages.post", message()).await.unwrap();
    let received: Value =
        http.get(format!("{url}/_received?app=slack")).send().await.unwrap().json().await.unwrap();
    assert_eq!(received.as_array().map(Vec::len), Some(2));
    assert_eq!((&received[0]["status"], &received[1]["status"]), (&json!(429), &json!(200)));
    let remembered: Value =
        http.get(format!("{url}/_state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(remembered["slack"]["messages"].as_array().map(Vec::len), Some(1));
    let page = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("A development tool") && page.contains("Ada starts on Tuesday"),
        "{page}"
    );
    let wrong = http
        .post(format!("{url}/_state"))
        .json(&json!({"slack": {"rooms": []}}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains("it has channels, messages"));
    assert_eq!(http.post(format!("{url}/_reset")).send().await.unwrap().status(), 204);
    assert!(stage.sandbox.rows("slack", "messages").is_empty());
    let unknown = http.get(format!("{url}/pager/x")).send().await.unwrap();
    assert_eq!(
        (unknown.status().as_u16(), unknown.text().await.unwrap().contains("no app `pager`")),
        (404, true)
    );
    stage.sandbox.stop().await;
}

#[tokio::test]
async fn a_body_that_the_app_would_refuse_is_refused_in_its_own_shape() {
    let stage = Stage::new().await;
    let http = reqwest::Client::new();
    let post = |path: &str, body: Value| {
        http.post(format!("{}{path}", stage.sandbox.url()))
            .bearer_auth(support::SECRET)
            .json(&body)
            .send()
    };
    let mail = post("/resend/emails", json!({"from": "a@b.c", "to": "d@e.f", "subject": "x"}))
        .await
        .unwrap();
    assert_eq!(mail.status(), 422);
    assert_eq!(mail.json::<Value>().await.unwrap()["name"], "validation_error");
    let message = post("/slack/api/chat.postMessage", json!({"channel": "#it-ops"})).await.unwrap();
    assert_eq!(message.status(), 200);
    assert_eq!(message.json::<Value>().await.unwrap()["error"], "invalid_arguments");
}
