//! Where calls may go, redirects included.

use callboard_flow::HttpCall;
use serde_json::json;

use super::stand_in::{StandIn, answer, echo, get, map, options, perform, post, rejected};
use crate::calls::{CallFailure, CallOptions, Calls, HostPolicy, Origin};

#[tokio::test]
async fn private_addresses_are_refused_in_every_spelling_and_behind_names() {
    let server = StandIn::start(echo).await;
    let port = server.address.port();
    let calls = Calls::new(&options()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "localhost",
        "LOCALHOST",
    ] {
        let failed =
            perform(&calls, post(&format!("http://{host}:{port}/"), json!({}))).await.unwrap_err();
        let shown = failed.exchanges.clone();
        let error = rejected(failed);
        assert_eq!(error.status, 403, "{host}");
        assert!(error.detail.unwrap().contains("is not public"), "{host}");
        assert!(shown[0].note.as_ref().unwrap().starts_with("not sent"), "{host}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn what_is_allowed_by_name_is_reached() {
    let server = StandIn::start(echo).await;
    let port = server.address.port();
    for (entry, host) in
        [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("127.0.0.0/8", "localhost")]
    {
        let hosts =
            HostPolicy::only(&["elsewhere.example"]).unwrap().with_private(&[entry]).unwrap();
        let calls = Calls::new(&CallOptions { hosts, ..options() }).unwrap();
        let outcome = perform(&calls, get(&format!("http://{host}:{port}/"))).await;
        // A network allows addresses, but a list of hosts still limits the names.
        assert_eq!(outcome.is_ok(), entry != "127.0.0.0/8", "{entry} {host}");
    }
}

#[tokio::test]
async fn a_stand_in_is_the_only_private_place() {
    let server = StandIn::start(echo).await;
    let calls = server.calls();
    assert!(perform(&calls, get("/x")).await.is_ok());
    let other_scheme = perform(&calls, get("http://api.example/x")).await.unwrap_err();
    assert!(matches!(other_scheme.failure, CallFailure::Later(_)), "{other_scheme}");
    let direct = perform(&calls, get(&format!("http://{}/x", server.address))).await.unwrap_err();
    assert_eq!(rejected(direct).status, 403);
}

fn following(path: &str) -> HttpCall {
    HttpCall { redirect: true, ..get(path) }
}

#[tokio::test]
async fn redirects_are_followed_where_they_are_wanted_and_checked_hop_by_hop() {
    let server = StandIn::start(|seen| match seen.uri.path() {
        "/one" => answer(301, &[("location", "two?x=1")], ""),
        "/two" => answer(307, &[("location", "https://api.example/end")], ""),
        "/loop" => answer(302, &[("location", "/loop")], ""),
        "/inside" => answer(302, &[("location", "http://127.0.0.1:9/admin")], ""),
        "/metadata" => answer(302, &[("location", "http://2852039166/latest")], ""),
        "/name" => answer(308, &[("location", "http://localhost:9/")], ""),
        "/file" => answer(302, &[("location", "file:///etc/passwd")], ""),
        "/nowhere" => answer(302, &[], "here"),
        _ => echo(seen),
    })
    .await;
    let calls = server.calls();
    let done = perform(&calls, following("/one")).await.unwrap();
    assert_eq!(done.output["uri"], "/end");
    assert_eq!(
        done.exchanges.iter().map(|one| one.status.unwrap()).collect::<Vec<_>>(),
        [301, 307, 200]
    );
    assert_eq!(perform(&calls, following("/nowhere")).await.unwrap().output, "here");
    for (path, said) in [
        ("/loop", "redirects more than 10 times"),
        ("/inside", "127.0.0.1 is not public"),
        ("/metadata", "169.254.169.254 is not public"),
        ("/name", "the host localhost has the address"),
        ("/file", "http and https only"),
    ] {
        let error = rejected(perform(&calls, following(path)).await.unwrap_err()).to_string();
        assert!(error.contains(said), "{path}: {error}");
    }
    let written = HttpCall { redirect: true, ..post("/loop", json!({})) };
    let failed = perform(&calls, written).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Unsure(_)), "it may be done: {failed}");
}

#[tokio::test]
async fn a_redirect_changes_the_method_as_its_status_says() {
    let server = StandIn::start(|seen| match seen.uri.path().trim_start_matches('/').parse() {
        Ok(status) => answer(status, &[("location", "/end")], ""),
        Err(_) => echo(seen),
    })
    .await;
    let calls = server.calls();
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "{}"),
        (308, "POST", "{}"),
    ] {
        let call = HttpCall { redirect: true, ..post(&format!("/{status}"), json!({})) };
        let output = perform(&calls, call).await.unwrap().output;
        assert_eq!(
            (&output["method"], &output["body"]),
            (&json!(method), &json!(body)),
            "{status}"
        );
        assert_eq!(output["headers"].get("content-type").is_some(), method == "POST", "{status}");
    }
}

#[tokio::test]
async fn credentials_stay_with_the_origin_that_they_are_for() {
    let other = StandIn::start(echo).await;
    let server =
        StandIn::start(|_| answer(307, &[("location", "https://other.example/end")], "")).await;
    let mut settings = server.options();
    let target: Origin = format!("http://{}", other.address).parse().unwrap();
    settings.origins.push(("https://other.example".parse().unwrap(), target));
    let calls = Calls::new(&settings).unwrap();
    let mut call = following("/start");
    call.headers = map(json!({"X-Api-Key": "key", "Cookie": "a=b", "X-Other": "1"}));
    call.authentication = Some(json!({"bearer": {"token": "abcdef"}}));
    perform(&calls, call).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), "Bearer abcdef");
    let seen = &other.seen()[0];
    for name in ["authorization", "x-api-key", "cookie"] {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert_eq!(seen.header("x-other"), "1");
}

#[tokio::test]
async fn a_cut_after_a_redirected_write_is_unsure() {
    let server = StandIn::start(|seen| {
        let status = if seen.uri.path() == "/done" { 303 } else { 307 };
        answer(status, &[("location", "https://nobody.invalid/result")], "")
    })
    .await;
    let calls = server.calls();
    for (path, unsure) in [("/done", true), ("/elsewhere", false)] {
        let call = HttpCall { redirect: true, ..post(path, json!({})) };
        let failed = perform(&calls, call).await.unwrap_err();
        assert_eq!(matches!(failed.failure, CallFailure::Unsure(_)), unsure, "{path}: {failed}");
    }
}
