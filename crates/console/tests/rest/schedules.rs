//! Schedules over REST.

use callboard_console::wire;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::ARRIVAL;
use crate::server::Server;

const NIGHTLY: &str = "\
document: {dsl: 1.0.3, namespace: test, name: nightly, version: 1.0.0, title: Every night, metadata: {timezone: Europe/Berlin}}
schedule: {cron: '30 2 * * *'}
do: [{only: {set: {done: true}}}]
";

#[tokio::test]
async fn a_schedule_is_shown_paused_resumed_run_and_made_up_for() {
    let server = Server::start(&[NIGHTLY, ARRIVAL]).await;
    let all = server.call(Method::GET, "/v1/schedules", None).await;
    assert_eq!(all.status, StatusCode::OK, "{all:?}");
    assert_eq!(all.body["schedules"].as_array().unwrap().len(), 1, "{all:?}");
    let shown = server.call(Method::GET, "/v1/schedules/nightly?next=2", None).await;
    let detail: wire::ScheduleDetail = serde_json::from_value(shown.body.clone()).unwrap();
    assert_eq!(detail.schedule.plan, "cron 30 2 * * * in Europe/Berlin");
    assert_eq!(shown.body["title"], "Every night");
    assert_eq!(
        shown.body["next"][1],
        json!({"at": "2026-01-07T01:30:00Z", "local": "2026-01-07T02:30:00+01:00[Europe/Berlin]"})
    );

    let paused = server.call(Method::POST, "/v1/schedules/nightly/pause", None).await;
    assert_eq!((paused.status, &paused.body["next_at"]), (StatusCode::OK, &Value::Null));
    assert!(paused.body["paused"]["by"].is_string(), "{paused:?}");
    let resumed = server.call(Method::POST, "/v1/schedules/nightly/resume", None).await;
    assert_eq!(resumed.body["paused"], Value::Null, "{resumed:?}");
    assert_eq!(resumed.body["next_at"], "2026-01-06T01:30:00Z");

    let now = server.call(Method::POST, "/v1/schedules/nightly/run", None).await;
    assert_eq!(now.status, StatusCode::ACCEPTED, "{now:?}");
    assert_eq!(now.body["origin"], "request");
    let run = format!("/v1/runs/{}?wait=20", now.body["run"].as_str().unwrap());
    let run = server.call(Method::GET, &run, None).await;
    assert_eq!(run.body["status"], "completed", "{run:?}");
    assert_eq!(run.body["trigger"]["kind"], "schedule");

    let window = json!({"from": "2026-01-03T00:00:00Z", "until": "2026-01-05T00:00:00Z"});
    let made = server.call(Method::POST, "/v1/schedules/nightly/backfill", Some(window)).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    let planned: Vec<&Value> =
        made.body["occurrences"].as_array().unwrap().iter().map(|one| &one["planned_at"]).collect();
    assert_eq!(planned, [&json!("2026-01-03T01:30:00Z"), &json!("2026-01-04T01:30:00Z")]);
}

#[tokio::test]
async fn what_has_no_schedule_or_no_past_is_refused() {
    let server = Server::start(&[NIGHTLY, ARRIVAL]).await;
    let window = json!({"from": "2026-01-03T00:00:00Z", "until": "2027-01-05T00:00:00Z"});
    for (path, body, status, code) in [
        ("/v1/schedules/nightli/pause", None, 404, "unknown_workflow"),
        ("/v1/schedules/arrival/pause", None, 404, "no_schedule"),
        ("/v1/schedules/nightly/backfill", Some(window), 422, "invalid_window"),
        ("/v1/schedules/nightly/backfill", Some(json!({"from": "soon"})), 400, "invalid_body"),
    ] {
        let refused = server.call(Method::POST, path, body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.body["code"].as_str()),
            (status, Some(code)),
            "{path}: {refused:?}"
        );
    }
}
