use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use callboard_flow::HttpCall;
use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::stand_in::{StandIn, answer, echo, get, json_answer, perform, rejected};
use crate::calls::{CallFailure, CallOptions, Calls};

fn with(authentication: Value) -> HttpCall {
    HttpCall { authentication: Some(authentication), ..get("/protected") }
}

#[tokio::test]
async fn basic_and_bearer_are_headers_given_directly_or_by_a_secret() {
    let server = StandIn::start(echo).await;
    let calls = server.calls();
    for (authentication, header) in [
        (json!({"basic": {"username": "ada", "password": "pw:1"}}), "Basic YWRhOnB3OjE="),
        (json!({"basic": {"use": "login"}}), "Basic YWRhOmNvcnJlY3QgaG9yc2U="),
        (json!({"bearer": {"token": "abc.def"}}), "Bearer abc.def"),
        (json!({"bearer": {"use": "apiToken"}}), "Bearer t0p-s3cr3t"),
    ] {
        let done = perform(&calls, with(authentication)).await.unwrap();
        assert_eq!(done.output["headers"]["authorization"], header);
        let shown = serde_json::to_string(&done.exchanges).unwrap();
        assert!(!shown.contains(header.split(' ').next_back().unwrap()), "{shown}");
    }
}

#[tokio::test]
async fn a_policy_that_does_not_work_is_explained() {
    let server = StandIn::start(echo).await;
    let calls = server.calls();
    for (authentication, said) in [
        (json!({"basic": {"use": "missing"}}), "the secret missing is not set"),
        (json!({"basic": {"use": "apiToken"}}), "the secret apiToken must be a mapping"),
        (json!({"basic": {"username": "ada"}}), "basic needs a password"),
        (json!({"certificate": {}}), "certificate is not known"),
        (json!("petStoreAuth"), "is a mapping with one of"),
        (json!({"bearer": {"token": "a\nb"}}), "no header can hold"),
        (json!({"oauth2": {"grant": "client_credentials"}}), "oauth2.authority is missing"),
        (
            json!({"oauth2": {"authority": "https://api.example", "grant": "authorization_code"}}),
            "needs a person",
        ),
    ] {
        let error = rejected(perform(&calls, with(authentication)).await.unwrap_err());
        assert!(
            error.kind.ends_with("/configuration") && error.to_string().contains(said),
            "{error}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_digest_challenge_is_answered() {
    let hash = |text: &str| hex::encode(Md5::digest(text));
    let server = StandIn::start(move |seen| {
        let sent = seen.header("authorization");
        let field = |name: &str| {
            sent.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next())
        };
        let (first, second) = (hash("ada:pets:pw"), hash("GET:/protected?x=1"));
        let cnonce = field("cnonce").unwrap_or_default();
        let expected = hash(&format!("{first}:n1:00000001:{cnonce}:auth:{second}"));
        if field("response") == Some(expected.as_str()) {
            return answer(200, &[], "in");
        }
        answer(
            401,
            &[(
                "www-authenticate",
                "Digest realm=\"pets\", nonce=\"n1\", qop=\"auth\", algorithm=MD5",
            )],
            "",
        )
    })
    .await;
    let calls = server.calls();
    let call = |password: &str| HttpCall {
        authentication: Some(json!({"digest": {"username": "ada", "password": password}})),
        ..get("/protected?x=1")
    };
    assert_eq!(perform(&calls, call("pw")).await.unwrap().output, "in");
    let error = rejected(perform(&calls, call("wrong")).await.unwrap_err());
    assert_eq!((error.status, server.seen().len()), (401, 4));
}

/// Issues `token-1`, `token-2` … and accepts only the last.
async fn authority() -> StandIn {
    let issued = AtomicUsize::new(0);
    StandIn::start(move |seen| match seen.uri.path() {
        "/realm/.well-known/openid-configuration" => {
            json_answer(&json!({"token_endpoint": "https://api.example/oidc/token"}))
        }
        "/realm/oauth2/token" | "/oidc/token" if seen.body.contains("bad-client") => answer(
            401,
            &[("content-type", "application/json")],
            "{\"error_description\":\"no such client\"}",
        ),
        "/realm/oauth2/token" | "/oidc/token" if seen.body.contains("busy-client") => {
            answer(503, &[], "")
        }
        "/realm/oauth2/token" | "/oidc/token" => {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            json_answer(&json!({"access_token": format!("token-{number}"), "expires_in": 600}))
        }
        "/revoke" => {
            issued.fetch_add(1, Ordering::SeqCst);
            answer(204, &[], "")
        }
        _ if seen.header("authorization")
            == format!("Bearer token-{}", issued.load(Ordering::SeqCst)) =>
        {
            answer(200, &[], "in")
        }
        _ => answer(401, &[], "out"),
    })
    .await
}

fn client(scheme: &str, id: &str) -> Value {
    json!({scheme: {
        "authority": "https://api.example/realm", "grant": "client_credentials",
        "client": {"id": id, "secret": "cl1ent-s3cret"}, "scopes": ["a", "b"], "audiences": ["https://pets"],
    }})
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_kept_until_it_expires() {
    let server = authority().await;
    let start: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
    let seconds = Arc::new(AtomicI64::new(0));
    let hand = seconds.clone();
    let clock = Arc::new(move || start + SignedDuration::from_secs(hand.load(Ordering::SeqCst)));
    let calls = Calls::new(&CallOptions { clock, ..server.options() }).unwrap();
    for (at, asked) in [(0, 1), (500, 1), (571, 2)] {
        seconds.store(at, Ordering::SeqCst);
        let done = perform(&calls, with(client("oauth2", "id"))).await.unwrap();
        assert_eq!(done.output, "in");
        let requests =
            server.seen().iter().filter(|seen| seen.uri.path().ends_with("/token")).count();
        assert_eq!(requests, asked, "after {at} s");
        let shown = serde_json::to_string(&done.exchanges).unwrap();
        assert!(!shown.contains("cl1ent-s3cret") && !shown.contains("token-"), "{shown}");
    }
    assert_eq!(
        server.seen()[0].body,
        "grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fpets&client_secret=cl1ent-s3cret&client_id=id"
    );
    // Revoked before its time: one fresh token is tried.
    perform(&calls, get("/revoke")).await.unwrap();
    assert_eq!(perform(&calls, with(client("oauth2", "id"))).await.unwrap().output, "in");
}

#[tokio::test]
async fn an_openid_authority_says_where_its_tokens_are() {
    let server = authority().await;
    let done = perform(&server.calls(), with(client("oidc", "id"))).await.unwrap();
    let paths: Vec<String> = server.seen().iter().map(|seen| seen.uri.path().to_owned()).collect();
    assert_eq!(paths, ["/realm/.well-known/openid-configuration", "/oidc/token", "/protected"]);
    assert_eq!(done.exchanges.len(), 3);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = authority().await;
    let calls = server.calls();
    let error = rejected(perform(&calls, with(client("oauth2", "bad-client"))).await.unwrap_err());
    assert!(error.kind.ends_with("/authentication"), "{error:?}");
    assert!(error.to_string().contains("no such client"), "{error}");
    let failed = perform(&calls, with(client("oauth2", "busy-client"))).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
    assert!(server.seen().iter().all(|seen| seen.uri.path() != "/protected"));
}

#[tokio::test]
async fn clients_identify_themselves_in_several_ways() {
    let server = authority().await;
    for (method, header, body) in [
        ("client_secret_basic", "Basic aWQ6cyUyQzE=", "grant_type=client_credentials"),
        ("none", "", "grant_type=client_credentials&client_id=id"),
        (
            "private_key_jwt",
            "",
            "grant_type=client_credentials&client_assertion=signed&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
             client-assertion-type%3Ajwt-bearer&client_id=id",
        ),
    ] {
        let authentication = json!({"oauth2": {
            "authority": "https://api.example/realm/", "grant": "client_credentials",
            "client": {"id": "id", "secret": "s,1", "assertion": "signed", "authentication": method},
        }});
        perform(&server.calls(), with(authentication)).await.unwrap();
        let seen = server.seen();
        let asked = seen.iter().rfind(|seen| seen.uri.path().ends_with("/token")).unwrap();
        assert_eq!(
            (asked.header("authorization"), asked.body.as_str()),
            (header, body),
            "{method}"
        );
    }
}
