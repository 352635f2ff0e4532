//! Statistics over HTTP.

use jiff::SignedDuration;
use serde_json::json;

use crate::harness::{PASSWORD, TestTenant};

#[tokio::test]
async fn logins_and_signups_are_counted_by_day() {
    let tenant = TestTenant::start().await;
    tenant.admin().create_user("a@example.com").await;
    tenant.advance(SignedDuration::from_hours(20));
    for _ in 0..2 {
        tenant.log_in("a@example.com", PASSWORD).await.expect(200);
    }
    let reader = tenant.with_scopes("read:stats").await;
    assert_eq!(reader.get("/stats/active-users").await.expect(200), json!(1));
    let days = reader.get("/stats/daily").await.expect(200);
    let counts: Vec<_> = days
        .as_array()
        .unwrap()
        .iter()
        .map(|day| (day["date"].clone(), day["logins"].clone(), day["signups"].clone()))
        .collect();
    assert_eq!(
        counts,
        [
            (json!("2026-03-02T00:00:00.000Z"), json!(0), json!(1)),
            (json!("2026-03-03T00:00:00.000Z"), json!(2), json!(0)),
        ]
    );
    let one = reader.get("/stats/daily?from=20260303&to=20260303").await.expect(200);
    assert_eq!(one.as_array().unwrap().len(), 1);
    tenant.advance(SignedDuration::from_hours(31 * 24));
    let later = tenant.with_scopes("read:stats").await;
    assert_eq!(later.get("/stats/active-users").await.expect(200), json!(0));
}
