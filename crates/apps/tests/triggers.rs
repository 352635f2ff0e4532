//! Deliveries as apps really send them.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use callboard_apps::{Catalogue, Unverified};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use sha2::Sha256;

const NOW: &str = "2026-11-24T12:00:00Z";

fn signed(body: &str, key: &str, at: Timestamp) -> HeaderMap {
    let at = at.as_second().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{body}{at}").as_bytes());
    let mut headers = HeaderMap::new();
    headers.insert("x-bamboohr-timestamp", HeaderValue::from_str(&at).unwrap());
    let signature = hex::encode(mac.finalize().into_bytes());
    headers.insert("x-bamboohr-signature", HeaderValue::from_str(&signature).unwrap());
    headers
}

#[test]
fn bamboohr_announces_each_employee_once() {
    let catalogue = Catalogue::embedded();
    let trigger = catalogue.trigger("bamboohr", "employees").unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let secret = SecretString::from("key");
    let body = json!({"employees": [
        {"id": "42", "action": "Created", "timestamp": "2026-11-24T11:59:58+00:00", "changedFields": ["firstName"],
         "fields": {"firstName": {"value": "Ada"}}},
        {"id": 43, "action": "Updated", "timestamp": "2026-11-24T11:59:59+00:00"},
        {"id": 44, "action": "Pondered", "timestamp": "2026-11-24T11:59:59+00:00"},
    ]})
    .to_string();
    let headers = signed(&body, "key", now);
    assert_eq!(trigger.verify(&headers, body.as_bytes(), &secret, now), Ok(()));
    let tampered = body.replace("42", "41");
    assert_eq!(
        trigger.verify(&headers, tampered.as_bytes(), &secret, now),
        Err(Unverified::WrongSignature)
    );
    let events = trigger.events(&headers, body.as_bytes()).unwrap();
    let summary: Vec<_> = events
        .iter()
        .map(|event| (event.event_type.as_str(), event.dedupe_key.as_str(), event.subject.as_str()))
        .collect();
    let expected = [
        ("bamboohr.employee.created", "42/created", "employee/42"),
        ("bamboohr.employee.updated", "43/updated/2026-11-24T11:59:59+00:00", "employee/43"),
    ];
    assert_eq!(summary, expected);
    assert_eq!(events[0].data["id"], "42");
    assert_eq!(
        events[1].data,
        json!({"id": "43", "timestamp": "2026-11-24T11:59:59+00:00", "changed_fields": [], "fields": {}})
    );
}

#[test]
fn a_delivery_of_too_many_events_is_refused_and_a_full_one_is_read() {
    let catalogue = Catalogue::embedded();
    let trigger = catalogue.trigger("bamboohr", "employees").unwrap();
    for (count, fits) in [(1_000, true), (1_001, false)] {
        let employee = |id: i32| json!({"id": id, "action": "Created", "timestamp": "now"});
        let body = json!({"employees": (0..count).map(employee).collect::<Vec<_>>()}).to_string();
        let events = trigger.events(&HeaderMap::new(), body.as_bytes());
        match events {
            Ok(events) => assert!(fits && events.len() == 1_000),
            Err(error) => assert!(!fits && error.to_string().contains("1001 events"), "{error}"),
        }
    }
}

#[test]
fn what_bamboohr_never_sends_is_refused_with_a_sentence() {
    let catalogue = Catalogue::embedded();
    let trigger = catalogue.trigger("bamboohr", "employees").unwrap();
    for (body, expected) in [
        ("{", "the body is not JSON"),
        ("{}", "the body is not what bamboohr sends to `employees`: no list of events in it"),
        (r#"{"employees":[{"id":1}]}"#, "the body is not what bamboohr sends"),
    ] {
        let refused = trigger.events(&HeaderMap::new(), body.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(expected), "{body}: {refused}");
    }
}
