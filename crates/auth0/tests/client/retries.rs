use std::time::Duration;

use callboard_auth0::{Call, Client, Credentials, Error, InvalidOptions, Options, users};
use http::Method;
use serde_json::json;

use crate::stand_in::{Cutter, TestTenant, options, plain, refusal};

fn read() -> Call {
    users::get("auth0|1").unwrap().call
}

fn write() -> Call {
    users::create(json!({"email": "a@example.com"})).call
}

#[tokio::test]
async fn a_read_survives_errors_of_the_server() {
    let tenant = TestTenant::start(|_, before| match before {
        0 => refusal(500, "An internal server error occurred"),
        1 => plain(503, json!(null)),
        _ => plain(200, json!({"user_id": "auth0|1"})),
    })
    .await;
    let answer = tenant.bearer(options()).send(&read()).await.unwrap();
    assert_eq!((answer.status, answer.attempts), (200, 3));
}

#[tokio::test]
async fn a_read_is_given_up_after_the_last_attempt() {
    let tenant = TestTenant::start(|_, _| refusal(500, "An internal server error occurred")).await;
    let failed = tenant.bearer(options()).send(&read()).await.unwrap_err();
    assert!(
        matches!(failed, Error::Unavailable { status: Some(500), attempts: 3, .. }),
        "{failed}"
    );
    assert_eq!(tenant.seen().len(), 3);
}

#[tokio::test]
async fn a_write_that_failed_in_the_server_is_not_repeated() {
    for status in [408, 500, 502, 503] {
        let tenant = TestTenant::start(move |_, _| refusal(status, "broken")).await;
        let failed = tenant.bearer(options()).send(&write()).await.unwrap_err();
        assert!(
            matches!(failed, Error::Ambiguous { status: Some(told), .. } if told == status),
            "{failed}"
        );
        assert_eq!(tenant.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_write_that_is_harmless_to_repeat_is_repeated() {
    let tenant = TestTenant::start(|_, before| match before {
        0 => refusal(502, "broken"),
        _ => plain(204, json!(null)),
    })
    .await;
    let assign = users::assign_roles("auth0|1", &["rol_1".into()]).unwrap();
    tenant.bearer(options()).perform(&assign).await.unwrap();
    assert_eq!(tenant.seen().len(), 2);
}

#[tokio::test]
async fn a_write_that_was_repeated_in_vain_may_have_happened() {
    for last in [502, 429] {
        let tenant = TestTenant::start(move |_, before| match before {
            0 | 1 => refusal(502, "broken"),
            _ => refusal(last, "no"),
        })
        .await;
        let assign = users::assign_roles("auth0|1", &["rol_1".into()]).unwrap();
        let failed = tenant.bearer(options()).perform(&assign).await.unwrap_err();
        assert!(matches!(failed, Error::Ambiguous { .. }), "{last}: {failed}");
        assert_eq!(tenant.seen().len(), 3, "{last}");
    }
}

#[tokio::test]
async fn a_write_cut_after_sending_may_have_happened() {
    let half = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"user_id\"";
    for (answer, status) in [(None, None), (Some(half), Some(201))] {
        let server = Cutter::start(answer, false).await;
        let failed = server.client(options()).send(&write()).await.unwrap_err();
        assert!(
            matches!(failed, Error::Ambiguous { status: told, .. } if told == status),
            "{failed}"
        );
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_read_cut_after_sending_is_repeated() {
    let server = Cutter::start(None, false).await;
    let failed = server.client(options()).send(&read()).await.unwrap_err();
    assert!(matches!(failed, Error::Unavailable { status: None, attempts: 3, .. }), "{failed}");
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_write_without_an_answer_in_time_may_have_happened() {
    let server = Cutter::start(None, true).await;
    let options = Options { timeout: Duration::from_millis(50), ..options() };
    let failed = server.client(options).send(&write()).await.unwrap_err();
    assert_eq!(failed, Error::Ambiguous { status: None, why: "no answer in time".into() });
}

#[tokio::test]
async fn a_call_to_nobody_is_certainly_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for credentials in [Credentials::Token("given".into()), crate::stand_in::credentials("s")] {
        let client = Client::new(&url, None, credentials, options()).unwrap();
        for call in [read(), write()] {
            let failed = client.send(&call).await.unwrap_err();
            assert!(
                matches!(failed, Error::NotSent { .. }) && failed.is_without_effect(),
                "{failed}"
            );
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let tenant =
        TestTenant::start(|_, _| (302, vec![("location", "/elsewhere".into())], json!(null))).await;
    let failed = tenant.bearer(options()).send(&read()).await.unwrap_err();
    assert!(matches!(failed, Error::Rejected { status: 302, .. }), "{failed}");
    assert_eq!(tenant.seen().len(), 1);
}

#[tokio::test]
async fn what_is_sent_is_what_the_call_says() {
    let tenant = TestTenant::start(|_, _| plain(200, json!({}))).await;
    let call =
        users::block("auth0|1").unwrap().correlated("run-1:block").call.with_query("q", "a&b c");
    let call = call.with_header("auth0-custom-domain", "id.example.com").unwrap();
    tenant.bearer(options()).send(&call).await.unwrap();
    let seen = tenant.seen().remove(0);
    assert_eq!(
        (seen.method.clone(), seen.path.as_str()),
        (Method::PATCH, "/api/v2/users/auth0%7C1")
    );
    assert_eq!(seen.query("q").as_deref(), Some("a&b c"));
    assert_eq!((seen.token(), &seen.body), ("given", &json!({"blocked": true})));
    assert_eq!(seen.headers["x-correlation-id"], "run-1:block");
    assert_eq!(seen.headers["auth0-custom-domain"], "id.example.com");
    assert_eq!(seen.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_refusal_tells_what_the_tenant_said() {
    let tenant = TestTenant::start(|_, _| {
        let body = json!({"statusCode": 409, "error": "Conflict", "message": "The user already exists.", "errorCode": "auth0_idp_error"});
        (409, vec![("x-auth0-requestid", "0123456789abcdef0123".into())], body)
    })
    .await;
    let failed = tenant.bearer(options()).send(&write()).await.unwrap_err();
    assert_eq!(failed.to_string(), "the tenant refused the call (409): The user already exists.");
    let Error::Rejected { code, request_id, .. } = failed else { panic!("{failed}") };
    assert_eq!(
        (code.as_deref(), request_id.as_deref()),
        (Some("auth0_idp_error"), Some("0123456789abcdef0123"))
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let with = |url: &str, change: &dyn Fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        Client::new(url, None, Credentials::Token("t".into()), options)
            .err()
            .map(|error| error.to_string())
    };
    let url = "http://127.0.0.1:1";
    assert_eq!(with(url, &|_| ()), None);
    assert!(with("http://t.eu.auth0.com", &|_| ()).unwrap().contains("unencrypted"));
    assert!(with(url, &|options| options.reserve = 1.5).unwrap().contains("not 1.5"));
    let broken = with(url, &|options| options.root_certificates = vec![b"no certificate".to_vec()]);
    assert_eq!(
        broken,
        Some(InvalidOptions::RootCertificate("no certificate in it".into()).to_string())
    );
}
