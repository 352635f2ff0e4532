//! A server on a free loopback port, and a client that holds its key.

use std::sync::Arc;

use callboard_console::router;
use callboard_engine::{Engine, Settings};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::Premises;

pub(crate) const API_KEY: &str = "the-key-of-the-test";

pub(crate) struct Server {
    pub(crate) premises: Premises,
    pub(crate) engine: Arc<Engine>,
    pub(crate) url: String,
    client: reqwest::Client,
    _serving: JoinSet<()>,
}

/// Status, content type and body of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

impl Server {
    pub(crate) async fn start(workflows: &[&str]) -> Self {
        let premises = Premises::new();
        let key = Some(API_KEY.to_owned().into());
        let settings = Settings { administrator_key: key, ..premises.settings(workflows) };
        let engine = Arc::new(Engine::open(settings).await.unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (mut serving, router) = (JoinSet::new(), router(Arc::clone(&engine)));
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { premises, engine, url, client: reqwest::Client::new(), _serving: serving }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.request(method, path).bearer_auth(API_KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let status = response.status();
        let content_type =
            response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, content_type: content_type.unwrap_or_default(), body }
    }

    pub(crate) async fn put_link(&self) {
        let secrets = json!({"secret": "the-office-key", "webhook_secret": "knock-knock"});
        let body = json!({"app": "office", "secrets": secrets});
        let reply = self.call(Method::PUT, "/v1/links/office", Some(body)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn links_show_no_secrets_and_the_catalogue_says_which_they_take() {
    let server = Server::start(&[]).await;
    server.put_link().await;
    let links = server.call(Method::GET, "/v1/links", None).await.body;
    assert_eq!(links["links"][0]["secrets"], json!(["secret", "webhook_secret"]));
    assert!(!links.to_string().contains("the-office-key"));
    let apps = server.call(Method::GET, "/v1/apps", None).await.body;
    let office =
        apps["apps"].as_array().unwrap().iter().find(|app| app["name"] == "office").unwrap();
    assert_eq!(office["secrets"][0]["name"], "secret", "{apps}");
    let report = server.call(Method::POST, "/v1/links/office/test", None).await.body;
    assert_eq!((&report["works"], &report["who"]), (&json!(true), &json!("the caretaker")));
    let wrong = json!({"app": "office", "secrets": {}});
    let refused = server.call(Method::PUT, "/v1/links/office", Some(wrong)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    assert_eq!(
        server.call(Method::DELETE, "/v1/links/office", None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.call(Method::GET, "/v1/links/office", None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn actions_and_workflows_are_shown_and_checked() {
    let server = Server::start(&[crate::harness::ARRIVAL]).await;
    let actions = server.call(Method::GET, "/v1/actions", None).await.body;
    let ids = actions["actions"].as_array().unwrap().iter().map(|action| &action["id"]);
    assert!(ids.clone().any(|id| id == "office.badges.print"), "{actions}");
    assert!(ids.clone().any(|id| id == "agency.posts.write"), "{actions}");
    let action = server.call(Method::GET, "/v1/actions/office.badges.print", None).await.body;
    assert_eq!(action["recovery"], "ask: the printer keeps no list", "{action}");
    let unknown = server.call(Method::GET, "/v1/actions/office.badges.prnt", None).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(
        unknown.body["detail"].as_str().unwrap().contains("did you mean `office.badges.print`"),
        "{unknown:?}"
    );
    let workflow = server.call(Method::GET, "/v1/workflows/arrival", None).await.body;
    assert_eq!(workflow["started_by"], json!(["office.person.arrived"]));
    for (text, ok) in [(crate::harness::ARRIVAL, true), ("do: [", false)] {
        let checked = server
            .call(Method::POST, "/v1/workflows/check", Some(json!({"text": text})))
            .await
            .body;
        assert_eq!(checked["ok"], ok, "{checked}");
        assert_eq!(checked["reading"].is_string(), ok, "{checked}");
        assert_eq!(checked["warnings"], json!([]), "{checked}");
    }
}
