//! Stands between autopilot and tenant and plays a tenant with troubles: it answers itself as ordered, else passes on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One answer instead of the tenant's.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// For paths that begin like this.
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: &'static str,
    /// Whether the tenant gets and executes the request all the same.
    pub(crate) executed: bool,
}

#[derive(Clone)]
struct Shared {
    tenant: String,
    troubles: Arc<Mutex<VecDeque<Trouble>>>,
    seen: Arc<Mutex<Vec<String>>>,
    http: reqwest::Client,
}

pub(crate) struct Interposer {
    pub(crate) url: String,
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Interposer {
    pub(crate) async fn before(tenant: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let shared =
            Shared { tenant: tenant.into(), troubles: Arc::default(), seen: Arc::default(), http };
        let router = Router::new().fallback(pass).with_state(shared.clone());
        #[expect(clippy::disallowed_methods, reason = "aborted when the interposer is dropped")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    pub(crate) fn order(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.shared.troubles.lock().unwrap().extend(troubles);
    }

    /// How many requests came for paths that begin like this.
    pub(crate) fn seen(&self, path: &str) -> usize {
        self.shared.seen.lock().unwrap().iter().filter(|seen| seen.starts_with(path)).count()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.shared.troubles.lock().unwrap().is_empty()
    }
}

impl Drop for Interposer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    shared.seen.lock().unwrap().push(path.clone());
    let trouble = {
        let mut troubles = shared.troubles.lock().unwrap();
        let position = troubles.iter().position(|trouble| path.starts_with(trouble.path));
        position.and_then(|position| troubles.remove(position))
    };
    if trouble.as_ref().is_none_or(|trouble| trouble.executed) {
        // With the Host header as it came: issuer and audience follow from it.
        let request = shared
            .http
            .request(method, format!("{}{path}", shared.tenant))
            .headers(headers)
            .body(body);
        let answer = request.send().await.unwrap();
        if trouble.is_none() {
            let mut response = Response::builder().status(answer.status());
            for (name, value) in
                answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding")
            {
                response = response.header(name, value);
            }
            return response.body(Body::from(answer.bytes().await.unwrap())).unwrap();
        }
    }
    let trouble = trouble.unwrap();
    let mut response =
        (StatusCode::from_u16(trouble.status).unwrap(), trouble.body).into_response();
    for (name, value) in trouble.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
        .headers_mut()
        .insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    response
}
