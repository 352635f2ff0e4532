//! A small server on loopback: echo, pets, redirects, broken answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use callboard_flow::document::HttpOutput;
use callboard_flow::{FunctionCall, HttpCall, WorkflowError};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::calls::{CallAnswer, CallFailed, CallFailure, CallOptions, Calls};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) type Answers = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

pub(super) struct StandIn {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _server: JoinSet<()>,
}

impl StandIn {
    pub(super) async fn start(answers: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers: Answers = Arc::new(answers);
        let log = seen.clone();
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8_lossy(&body).into_owned();
            let request = Seen { method, uri, headers, body };
            log.lock().unwrap().push(request.clone());
            let answer = answers(&request);
            async move { answer }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(handler);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen, _server: server }
    }

    /// Reads the beginning of every request and hangs up.
    pub(super) async fn that_hangs_up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut start = [0; 64];
                drop(stream.read(&mut start).await);
            }
        });
        Self { address, seen: Arc::default(), _server: server }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Options with this server in the place of `https://api.example`.
    pub(super) fn options(&self) -> CallOptions {
        let target = format!("http://{}", self.address).parse().unwrap();
        CallOptions { origins: vec![("https://api.example".parse().unwrap(), target)], ..options() }
    }

    pub(super) fn calls(&self) -> Calls {
        Calls::new(&self.options()).unwrap()
    }
}

pub(super) fn options() -> CallOptions {
    let start: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
    CallOptions::new(Arc::new(move || start))
}

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(body.to_owned())).unwrap()
}

pub(super) fn json_answer(value: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], value.to_string())
        .into_response()
}

/// What was sent, as httpbin tells it.
pub(super) fn echo(seen: &Seen) -> Response {
    let headers: Map<String, Value> = seen
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    json_answer(&json!({
        "method": seen.method.as_str(), "uri": seen.uri.to_string(), "headers": headers, "body": seen.body,
    }))
}

/// `GET https://api.example/…`
pub(super) fn get(path: &str) -> HttpCall {
    HttpCall {
        method: "GET".into(),
        endpoint: if path.starts_with('/') {
            format!("https://api.example{path}")
        } else {
            path.into()
        },
        headers: Map::new(),
        query: Map::new(),
        body: None,
        output: HttpOutput::Content,
        redirect: false,
        authentication: None,
    }
}

/// `POST https://api.example/…`
pub(super) fn post(path: &str, body: Value) -> HttpCall {
    HttpCall { method: "post".into(), body: Some(body), ..get(path) }
}

pub(super) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no mapping"),
    }
}

pub(super) async fn perform(calls: &Calls, call: HttpCall) -> Result<CallAnswer, CallFailed> {
    calls.perform(&FunctionCall::Http(call), &secret, "run-1:do/call", &[]).await
}

pub(super) fn secret(name: &str) -> Option<Value> {
    match name {
        "login" => Some(json!({"username": "ada", "password": "correct horse"})),
        "apiToken" => Some(json!("t0p-s3cr3t")),
        _ => None,
    }
}

pub(super) fn rejected(failed: CallFailed) -> WorkflowError {
    match failed.failure {
        CallFailure::Rejected(error) => error,
        other => panic!("{other:?}"),
    }
}
