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

fn hmac_of(signed: &str, key: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[test]
fn stripe_tells_of_a_conversion_once() {
    let catalogue = Catalogue::embedded();
    let trigger = catalogue.trigger("stripe", "events").unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let secret = SecretString::from("whsec_test");
    let body = json!({
        "id": "evt_1", "object": "event", "type": "customer.subscription.updated", "livemode": false,
        "data": {
            "object": {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"},
            "previous_attributes": {"status": "trialing"},
        },
    })
    .to_string();
    let at = now.as_second();
    let signature = hex::encode(hmac_of(&format!("{at}.{body}"), "whsec_test"));
    let mut headers = HeaderMap::new();
    // A secret that is being rolled signs beside the old one.
    let value = format!("t={at},v1={},v1={signature}", "0".repeat(64));
    headers.insert("stripe-signature", HeaderValue::from_str(&value).unwrap());
    assert_eq!(trigger.verify(&headers, body.as_bytes(), &secret, now), Ok(()));
    let late = now + jiff::SignedDuration::from_secs(301);
    assert!(trigger.verify(&headers, body.as_bytes(), &secret, late).is_err());
    let events = trigger.events(&headers, body.as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (event.event_type.as_str(), event.dedupe_key.as_str(), event.subject.as_str()),
        ("stripe.customer.subscription.updated", "evt_1", "subscription/sub_1")
    );
    assert_eq!(
        (&event.data["customer"], &event.data["previous"]["status"]),
        (&json!("cus_1"), &json!("trialing"))
    );
    let other = body.replace("customer.subscription.updated", "charge.succeeded");
    assert!(trigger.events(&headers, other.as_bytes()).unwrap().is_empty());
}

#[test]
fn zendesk_tells_of_a_new_ticket() {
    let catalogue = Catalogue::embedded();
    let trigger = catalogue.trigger("zendesk", "tickets").unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let secret = SecretString::from("signing-secret");
    let body = json!({
        "id": "cbe4028c-7239-495d-b020-f22348516046", "type": "zen:event-type:ticket.created", "subject": "zen:ticket:7",
        "time": NOW, "detail": {"id": "7", "subject": "Cannot log in", "status": "NEW", "requester_id": "900"}, "event": {},
    })
    .to_string();
    let signature = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .encode(hmac_of(&format!("{NOW}{body}"), "signing-secret"))
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-zendesk-webhook-signature-timestamp", HeaderValue::from_static(NOW));
    headers.insert("x-zendesk-webhook-signature", HeaderValue::from_str(&signature).unwrap());
    assert_eq!(trigger.verify(&headers, body.as_bytes(), &secret, now), Ok(()));
    let events = trigger.events(&headers, body.as_bytes()).unwrap();
    assert_eq!(
        (events[0].event_type.as_str(), &events[0].data["ticket"], events[0].subject.as_str()),
        ("zendesk.ticket.created", &json!("7"), "ticket/7")
    );
}
