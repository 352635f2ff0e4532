//! Webhooks over REST.

use callboard_engine::RunFilter;
use http::{Method, StatusCode};
use serde_json::json;

use crate::harness::ARRIVAL;
use crate::server::{Reply, Server};

async fn deliver(server: &Server, secret: &str, body: Vec<u8>) -> Reply {
    let request =
        server.request(Method::POST, "/v1/hooks/office/arrivals").header("x-office-secret", secret);
    server.send(request.body(body)).await
}

#[tokio::test]
async fn a_delivery_is_accepted_once_and_a_bad_one_stores_nothing() {
    let server = Server::start(&[ARRIVAL]).await;
    server.put_link().await;
    let ada = json!({"people": [{"id": "1", "action": "arrived", "name": "Ada"}]})
        .to_string()
        .into_bytes();
    for (secret, body, status) in [
        ("wrong", ada.clone(), StatusCode::UNAUTHORIZED),
        ("knock-knock", b"{".to_vec(), StatusCode::BAD_REQUEST),
        ("knock-knock", vec![b' '; (1 << 20) + 1], StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let reply = deliver(&server, secret, body).await;
        assert_eq!(
            (reply.status, reply.content_type.as_str()),
            (status, "application/problem+json"),
            "{reply:?}"
        );
    }
    assert!(
        server
            .engine
            .runs(&RunFilter { limit: 5, ..RunFilter::default() })
            .await
            .unwrap()
            .runs
            .is_empty()
    );

    let first = deliver(&server, "knock-knock", ada.clone()).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{first:?}");
    let again = deliver(&server, "knock-knock", ada).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert_eq!(again.body["events"][0]["duplicate"], true);
    assert_eq!(again.body["events"][0]["runs"], first.body["events"][0]["runs"]);
}
