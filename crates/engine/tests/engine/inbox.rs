//! Webhooks in.

use callboard_engine::{HookError, LinkDraft, RunFilter, RunStatus};
use http::HeaderMap;

use crate::harness::{ARRIVAL, Premises, office_link, to_the_end};

const ADA: &[u8] = br#"{"people":[{"id":"1","action":"arrived","name":"Ada"}]}"#;
const BOTH: &[u8] = br#"{"people":[{"id":"1","action":"arrived","name":"Ada"},{"id":"2","action":"left","name":"Bob"}]}"#;

fn knock(secret: &str) -> HeaderMap {
    [("x-office-secret".parse().unwrap(), secret.parse().unwrap())].into_iter().collect()
}

#[tokio::test]
async fn an_event_is_stored_once_and_starts_one_run_of_each_workflow_that_wants_it() {
    let premises = Premises::new();
    let other = ARRIVAL.replace("name: arrival", "name: another");
    let engine = premises.open_with_link(&[ARRIVAL, &other]).await;
    let first =
        engine.receive_webhook("office", "arrivals", &knock("knock-knock"), ADA).await.unwrap();
    let event = &first.events[0];
    assert_eq!((event.duplicate, event.runs.len()), (false, 2));

    let again =
        engine.receive_webhook("office", "arrivals", &knock("knock-knock"), BOTH).await.unwrap();
    assert_eq!(
        (again.events[0].duplicate, &again.events[0].runs),
        (true, &event.runs),
        "it names the first runs"
    );
    assert_eq!(
        (again.events[1].duplicate, again.events[1].runs.len()),
        (false, 0),
        "nobody wants that one"
    );

    for run in &event.runs {
        assert_eq!(to_the_end(&engine, &premises.time, run).await.status, RunStatus::Completed);
    }
    let all = engine.runs(&RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap().runs;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn each_link_has_events_of_its_own_and_its_runs_stay_with_it() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    let branch = LinkDraft {
        name: "branch".into(),
        secrets: [("secret".into(), "b".into()), ("webhook_secret".into(), "ring".into())].into(),
        ..office_link()
    };
    engine.put_link(branch).await.unwrap();
    for (secret, link) in [("knock-knock", "office"), ("ring", "branch")] {
        let first = engine.receive_webhook("office", "arrivals", &knock(secret), ADA).await;
        let first = first.unwrap().events.remove(0);
        assert_eq!((first.duplicate, first.runs.len()), (false, 1), "{link}");
        let again = engine.receive_webhook("office", "arrivals", &knock(secret), ADA).await;
        let again = again.unwrap().events.remove(0);
        assert_eq!((again.duplicate, &again.runs), (true, &first.runs), "{link}");
        let done = to_the_end(&engine, &premises.time, &first.runs[0]).await;
        assert_eq!(done.status, RunStatus::Completed, "{done:#?}");
        assert_eq!(done.steps[0].link.as_deref(), Some(link));
    }
}

#[tokio::test]
async fn a_delivery_of_many_events_is_one_transaction_and_tells_its_own_duplicates() {
    let premises = Premises::new();
    let engine = premises.open_with_link(&[ARRIVAL]).await;
    engine.receive_webhook("office", "arrivals", &knock("knock-knock"), ADA).await.unwrap();
    let person = |id: u32| serde_json::json!({"id": id.to_string(), "action": "left", "name": "B"});
    let mut people: Vec<_> = (0..500).map(person).collect();
    people.push(person(499));
    let body = serde_json::json!({"people": people}).to_string();
    let receipt = engine
        .receive_webhook("office", "arrivals", &knock("knock-knock"), body.as_bytes())
        .await
        .unwrap();
    let duplicates = receipt.events.iter().enumerate().filter(|(_, event)| event.duplicate);
    assert_eq!(duplicates.map(|(index, _)| index).collect::<Vec<_>>(), [1, 500]);
}

#[tokio::test]
async fn what_is_not_believed_or_understood_is_not_stored() {
    let premises = Premises::new();
    let engine = premises.open(&[ARRIVAL]).await;
    let unlinked =
        engine.receive_webhook("office", "arrivals", &knock("knock-knock"), ADA).await.unwrap_err();
    assert!(matches!(unlinked, HookError::NoSecret { .. }), "{unlinked}");
    engine.put_link(crate::harness::office_link()).await.unwrap();
    let large = vec![b' '; (1 << 20) + 1];
    for (trigger, secret, body, wrong) in [
        ("arrivals", "wrong", ADA, "not believed"),
        ("departures", "knock-knock", ADA, "known are office/arrivals"),
        ("arrivals", "knock-knock", b"{".as_slice(), "not JSON"),
        ("arrivals", "knock-knock", b"{}".as_slice(), "office"),
        ("arrivals", "knock-knock", large.as_slice(), "1048577 bytes"),
    ] {
        let error =
            engine.receive_webhook("office", trigger, &knock(secret), body).await.unwrap_err();
        assert!(error.to_string().contains(wrong), "{error} should say {wrong}");
    }
    assert!(
        engine
            .runs(&RunFilter { limit: 10, ..RunFilter::default() })
            .await
            .unwrap()
            .runs
            .is_empty()
    );
    let first =
        engine.receive_webhook("office", "arrivals", &knock("knock-knock"), ADA).await.unwrap();
    assert!(!first.events[0].duplicate, "no refused delivery counted");
}
