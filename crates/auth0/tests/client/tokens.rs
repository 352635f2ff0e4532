use std::time::Duration;

use callboard_auth0::{Client, Credentials, CredentialsError, Error, users};
use serde_json::json;
use tokio::task::JoinSet;

use crate::stand_in::{Reply, Seen, TestClock, TestTenant, credentials, options, plain, refusal};

const DAY: u64 = 86_400;

fn user(_: &Seen, _: usize) -> Reply {
    plain(200, json!({"user_id": "auth0|1"}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_share_one_token_request() {
    let tenant = TestTenant::start(user).await;
    let options = options();
    let mut callers = JoinSet::new();
    for _ in 0..5 {
        let client = tenant.client(options.clone());
        for _ in 0..10 {
            let client = client.clone();
            callers.spawn(async move {
                client.perform(&users::get("auth0|1").unwrap()).await.map(drop)
            });
        }
    }
    assert!(callers.join_all().await.iter().all(Result::is_ok));
    assert_eq!((tenant.asked().len(), tenant.seen().len()), (1, 50));
    assert_eq!(tenant.asked()[0]["audience"], format!("{}/api/v2/", tenant.url));
}

#[tokio::test]
async fn fifty_callers_share_one_refusal() {
    let tenant = TestTenant::start(user).await;
    tenant.change_secret("other");
    let client = tenant.client(options());
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        callers.spawn(async move { client.token().await });
    }
    let refused = Err(CredentialsError::WrongClientOrSecret { client_id: "c".into() }.into());
    assert!(callers.join_all().await.iter().all(|outcome| *outcome == refused));
    assert_eq!(tenant.asked().len(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_when_four_fifths_of_its_life_are_over() {
    let tenant = TestTenant::start(user).await;
    let clock = TestClock::at_noon();
    let client = tenant.client(clock.options());
    for (seconds, requests) in [(0, 1), (DAY * 79 / 100, 1), (DAY * 2 / 100, 2), (DAY / 2, 2)] {
        clock.advance(Duration::from_secs(seconds));
        client.send(&users::get("auth0|1").unwrap().call).await.unwrap();
        assert_eq!(tenant.asked().len(), requests, "after {seconds} more seconds");
    }
    assert_eq!(tenant.seen().last().unwrap().token(), "token-2");
}

#[tokio::test]
async fn a_failing_renewal_lets_the_old_token_live_to_its_end() {
    let tenant = TestTenant::start(user).await;
    let clock = TestClock::at_noon();
    let client = tenant.client(clock.options());
    client.token().await.unwrap();
    tenant.fail_tokens(503, json!({}));
    clock.advance(Duration::from_secs(DAY * 9 / 10));
    let read = users::get("auth0|1").unwrap();
    client.perform(&read).await.unwrap();
    client.perform(&read).await.unwrap();
    assert_eq!(tenant.asked().len(), 4, "one renewal of three attempts, then a pause");
    clock.advance(Duration::from_secs(DAY / 10));
    assert!(matches!(client.perform(&read).await, Err(Error::NotSent { .. })));
}

#[tokio::test]
async fn a_refused_token_is_renewed_exactly_once() {
    let tenant = TestTenant::start(|seen, before| match (seen.token(), before) {
        ("token-1", 0) => user(seen, before),
        ("token-1", _) => refusal(401, "Expired token received for JSON Web Token validation"),
        ("token-2", _) => plain(201, json!({"user_id": "auth0|2"})),
        _ => refusal(500, "what token is this"),
    })
    .await;
    let client = tenant.client(options());
    client.perform(&users::get("auth0|1").unwrap()).await.unwrap();
    let created = client.perform(&users::create(json!({"email": "a@example.com"}))).await.unwrap();
    assert_eq!(created.user_id, "auth0|2");
    assert_eq!((tenant.asked().len(), tenant.seen().len()), (2, 3));
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_too_is_an_error_with_a_remedy() {
    let tenant =
        TestTenant::start(|_, _| refusal(401, "Bad audience: https://custom.example/api/v2/"))
            .await;
    let refused = tenant.client(options()).test().await.unwrap_err();
    assert!(
        matches!(&refused, Error::Unauthorized { remedy, .. } if remedy.contains("canonical domain")),
        "{refused}"
    );
    assert_eq!((tenant.asked().len(), tenant.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_token_made_elsewhere_says_when_it_expired() {
    let tenant = TestTenant::start(|_, _| {
        refusal(401, "Expired token received for JSON Web Token validation")
    })
    .await;
    // {"exp":1795521599}
    let token = Credentials::Token("e30.eyJleHAiOjE3OTU1MjE1OTl9.x".into());
    let client = Client::new(&tenant.url, None, token, options()).unwrap();
    let refused = client.test().await.unwrap_err().to_string();
    assert!(
        refused.ends_with("it expired at 2026-11-24T11:59:59Z; give the link a new token"),
        "{refused}"
    );
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn a_changed_secret_is_noticed_and_a_new_one_taken_at_once() {
    let tenant = TestTenant::start(user).await;
    let clock = TestClock::at_noon();
    let options = clock.options();
    let old = tenant.client(options.clone());
    old.token().await.unwrap();
    tenant.change_secret("new");
    clock.advance(Duration::from_secs(DAY));
    let refused = old.test().await.unwrap_err();
    assert!(refused.to_string().contains("`c` or its secret is wrong"), "{refused}");
    let new = Client::new(&tenant.url, None, credentials("new"), options.clone()).unwrap();
    new.test().await.unwrap();
    let wrong = Client::new(&tenant.url, None, credentials("wrong"), options).unwrap();
    assert!(
        matches!(wrong.test().await, Err(Error::Credentials(_))),
        "a wrong secret does not live on a good token"
    );
}

#[tokio::test]
async fn the_test_of_a_link_tells_who_it_is_until_when_and_what_for() {
    let tenant = TestTenant::start(|_, _| plain(200, json!([]))).await;
    let info = tenant.client(options()).test().await.unwrap();
    assert_eq!(info.client_id.as_deref(), Some("c"));
    assert_eq!(info.expires_at.unwrap().to_string(), "2026-11-25T12:00:00Z");
    assert_eq!(info.scopes.unwrap(), ["read:users", "create:users"]);
    assert_eq!(tenant.seen()[0].query, "per_page=1");
}

#[tokio::test]
async fn only_the_scopes_asked_for_are_requested_and_kept_apart() {
    let tenant = TestTenant::start(user).await;
    let all = options();
    tenant.client(all.clone()).token().await.unwrap();
    let mut few = all;
    few.scopes = vec!["read:users".into()];
    tenant.client(few).token().await.unwrap();
    let asked: Vec<_> = tenant.asked().iter().map(|body| body["scope"].clone()).collect();
    assert_eq!(asked, [json!(null), json!("read:users")]);
}
