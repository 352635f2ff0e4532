//! Who may do what: the table of routes, walked.

use std::collections::BTreeMap;

use callboard_console::{Access, ROUTES};
use callboard_engine::Role;
use http::{Method, StatusCode};
use serde_json::json;

use crate::server::{Reply, Server};

/// A key of this role.
async fn key(server: &Server, role: Role) -> String {
    let body = json!({"name": format!("a-{role}"), "role": role.name(), "groups": ["hr-leads"]});
    let made = server.call(Method::POST, "/v1/keys", Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.body["key"].as_str().unwrap().to_owned()
}

async fn with(server: &Server, method: &Method, path: &str, key: &str) -> Reply {
    let request = server.request(method.clone(), path).bearer_auth(key).json(&json!({}));
    server.send(request).await
}

#[tokio::test]
async fn every_method_of_every_route_wants_a_key_of_its_role() {
    let server = Server::start(&[]).await;
    let mut keys = BTreeMap::new();
    for role in Role::ALL {
        keys.insert(role, key(&server, role).await);
    }
    for route in ROUTES {
        let path = route.path.replace("{*step}", "do/x/resolve").replace(['{', '}'], "");
        for (name, access) in route.methods {
            let method: Method = name.parse().unwrap();
            let bare = server.send(server.request(method.clone(), &path)).await;
            let Access::Role(needed) = access else {
                assert_ne!(bare.status, StatusCode::UNAUTHORIZED, "{name} {path}");
                continue;
            };
            for reply in [bare, with(&server, &method, &path, "wrong").await] {
                assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{name} {path}");
                assert_eq!(reply.content_type, "application/problem+json", "{name} {path}");
                assert_eq!(reply.body["status"], 401, "{name} {path}");
            }
            for (role, key) in &keys {
                let reply = with(&server, &method, &path, key).await;
                if role < needed {
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{role}: {name} {path}");
                    let detail = reply.body["detail"].as_str().unwrap();
                    assert!(detail.contains(needed.name()), "{role}: {name} {path}: {detail}");
                } else {
                    assert_ne!(reply.status, StatusCode::FORBIDDEN, "{role}: {name} {path}");
                    assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{role}: {name} {path}");
                    assert!(!reply.status.is_server_error(), "{role}: {name} {path}: {reply:?}");
                }
            }
        }
    }
    let health = server.send(server.request(Method::GET, "/v1/health")).await;
    assert_eq!(health.body, json!({"status": "ok"}));
    let nowhere = server.call(Method::GET, "/v2/nothing", None).await;
    let code = nowhere.body["code"].as_str();
    assert_eq!((nowhere.status, code), (StatusCode::NOT_FOUND, Some("unknown_route")));
    let wrong_method = server.call(Method::DELETE, "/v1/runs", None).await;
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED, "{wrong_method:?}");
}

#[tokio::test]
async fn a_head_asks_for_the_same_key_as_a_get() {
    let server = Server::start(&[]).await;
    let bare = server.send(server.request(Method::HEAD, "/v1/runs")).await;
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
    let viewer = key(&server, Role::Viewer).await;
    assert_eq!(with(&server, &Method::HEAD, "/v1/runs", &viewer).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_is_shown_once_tells_who_holds_it_and_counts_until_it_is_revoked() {
    let server = Server::start(&[]).await;
    let body =
        json!({"name": "anna-laptop", "person": "anna", "role": "operator", "groups": ["it"]});
    let made = server.call(Method::POST, "/v1/keys", Some(body.clone())).await;
    let anna = made.body["key"].as_str().unwrap().to_owned();
    let again = server.call(Method::POST, "/v1/keys", Some(body)).await;
    assert_eq!((again.status.as_u16(), again.body["code"].as_str()), (409, Some("key_taken")));

    let listed = server.call(Method::GET, "/v1/keys", None).await.body;
    assert!(!listed.to_string().contains(&anna), "{listed}");
    let key = &listed["keys"][0];
    assert_eq!(
        (&key["name"], &key["person"], &key["role"], &key["groups"]),
        (&json!("anna-laptop"), &json!("anna"), &json!("operator"), &json!(["it"]))
    );
    let start = json!({"workflow": "none"});
    let request = server.request(Method::POST, "/v1/runs").bearer_auth(&anna).json(&start);
    assert_eq!(server.send(request).await.status, StatusCode::NOT_FOUND);

    let revoked = server.call(Method::DELETE, "/v1/keys/anna-laptop", None).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let request = server.request(Method::POST, "/v1/runs").bearer_auth(&anna).json(&start);
    assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
    for (name, status) in [("anna-laptop", 404), ("administrator", 409), ("local", 409)] {
        let reply = server.call(Method::DELETE, &format!("/v1/keys/{name}"), None).await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {reply:?}");
    }
    for (body, code) in [
        (json!({"name": "a_b", "role": "viewer"}), "invalid_name"),
        (json!({"name": "b", "role": "boss"}), "invalid_role"),
        (json!({"name": "c", "role": "viewer", "person": " "}), "invalid_name"),
    ] {
        let reply = server.call(Method::POST, "/v1/keys", Some(body.clone())).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body["code"].as_str()),
            (422, Some(code)),
            "{body}"
        );
    }
}
