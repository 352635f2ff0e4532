use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callboard_auth0::{Error, roles, users};
use serde_json::json;
use tokio::task::JoinSet;

use crate::stand_in::{NOON, Reply, TestClock, TestTenant, options, plain, refusal};

/// Rate headers of a bucket of 10.
fn with_budget(reply: Reply, remaining: u32, reset: i64) -> Reply {
    let headers = vec![
        ("x-ratelimit-limit", "10".to_owned()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ];
    (reply.0, headers, reply.2)
}

#[tokio::test]
async fn a_429_says_when_to_come_back_and_is_not_repeated() {
    for (headers, expected) in [
        (vec![("retry-after", "7")], "2026-11-24T12:00:07Z"),
        (vec![("retry-after", "Tue, 24 Nov 2026 12:01:00 GMT")], "2026-11-24T12:01:00Z"),
        (vec![("x-ratelimit-reset", "1795521630")], "2026-11-24T12:00:30Z"),
        (vec![], "2026-11-24T12:00:00.00075Z"),
    ] {
        let name = format!("{headers:?}");
        let headers: Vec<_> =
            headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let tenant = TestTenant::start(move |_, _| {
            let (status, _, body) = refusal(429, "Global limit has been reached");
            (status, headers.clone(), body)
        })
        .await;
        let outcome = tenant.bearer(options()).perform(&users::create(json!({}))).await;
        let Err(Error::RateLimited { retry_at, why }) = outcome else {
            panic!("{name}: {outcome:?}")
        };
        assert_eq!(
            (retry_at.to_string().as_str(), why.as_str()),
            (expected, "Global limit has been reached"),
            "{name}"
        );
        assert_eq!(tenant.seen().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn after_a_429_nothing_is_sent_before_the_time_has_come() {
    let tenant = TestTenant::start(|_, before| match before {
        0 => (
            429,
            vec![("retry-after", "60".into())],
            json!({"message": "Global limit has been reached"}),
        ),
        _ => plain(200, json!([])),
    })
    .await;
    let clock = TestClock::at_noon();
    let client = tenant.bearer(clock.options());
    for _ in 0..3 {
        assert!(matches!(client.test().await, Err(Error::RateLimited { .. })));
    }
    assert_eq!(tenant.seen().len(), 1);
    clock.advance(Duration::from_mins(1));
    client.test().await.unwrap();
}

#[tokio::test]
async fn the_reserve_of_a_bucket_stays_for_others() {
    let left = Arc::new(AtomicU32::new(10));
    let counter = Arc::clone(&left);
    let tenant = TestTenant::start(move |_, _| {
        let remaining = counter.fetch_sub(1, Ordering::SeqCst) - 1;
        with_budget(plain(200, json!({"user_id": "auth0|1"})), remaining, NOON + 60)
    })
    .await;
    let client = tenant.bearer(options());
    let mut callers = JoinSet::new();
    for _ in 0..30 {
        let client = client.clone();
        callers
            .spawn(async move { client.perform(&users::get("auth0|1").unwrap()).await.map(drop) });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 7);
    for outcome in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(
            matches!(outcome, Error::RateLimited { retry_at, .. } if retry_at.as_second() == NOON + 60),
            "{outcome}"
        );
    }
    assert_eq!(left.load(Ordering::SeqCst), 3);
    let budget = client.budget();
    assert_eq!(
        (budget.len(), budget[0].remaining, budget[0].reserve, budget[0].in_flight),
        (1, 3, 3, 0)
    );
    assert_eq!(budget[0].calls, ["users read"]);
}

#[tokio::test]
async fn a_call_waits_for_a_reset_that_is_near() {
    let tenant = TestTenant::start(|_, before| {
        let (remaining, reset) = if before == 0 { (3, NOON + 1) } else { (9, NOON + 2) };
        with_budget(plain(200, json!([])), remaining, reset)
    })
    .await;
    let clock = TestClock::at_noon();
    clock.advance(Duration::from_millis(990));
    let client = tenant.bearer(clock.options());
    client.test().await.unwrap();
    client.pages(roles::list(None)).next_page().await.unwrap();
    assert_eq!((tenant.seen().len(), client.budget()[0].remaining), (2, 9));
}
