//! A tenant on loopback whose answers each test decides, and the client options of the tests.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use callboard_auth0::{Client, Credentials, Options, Retry};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// 2026-11-24T12:00:00Z
pub(crate) const NOON: i64 = 1_795_521_600;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Seen {
    /// The value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The token it came with.
    pub(crate) fn token(&self) -> &str {
        self.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap()
    }
}

/// What is answered: status, headers, body.
pub(crate) type Reply = (u16, Vec<(&'static str, String)>, Value);

type Behaviour = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// The tenant.
pub(crate) struct TestTenant {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    seen: Mutex<Vec<Seen>>,
    tokens: Mutex<Tokens>,
    behaviour: Box<Behaviour>,
}

struct Tokens {
    issued: usize,
    asked: Vec<Value>,
    secret: String,
    failing: Option<(u16, Value)>,
}

impl TestTenant {
    /// A tenant that answers API calls as `behaviour` says (request, number of requests before it) and issues
    /// `token-1`, `token-2`, … to the client `c` with the secret `s`.
    pub(crate) async fn start(
        behaviour: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let tokens = Tokens { issued: 0, asked: Vec::new(), secret: "s".into(), failing: None };
        let behaviour = Box::new(behaviour);
        let shared =
            Arc::new(Shared { seen: Mutex::default(), tokens: Mutex::new(tokens), behaviour });
        let router = Router::new()
            .route("/oauth/token", axum::routing::post(issue))
            .fallback(api)
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, _server: server }
    }

    /// The API calls so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The token requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.shared.tokens.lock().unwrap().asked.clone()
    }

    pub(crate) fn change_secret(&self, secret: &str) {
        self.shared.tokens.lock().unwrap().secret = secret.into();
    }

    /// From now on the token endpoint answers this.
    pub(crate) fn fail_tokens(&self, status: u16, body: Value) {
        self.shared.tokens.lock().unwrap().failing = Some((status, body));
    }

    /// A client with client credentials.
    pub(crate) fn client(&self, options: Options) -> Client {
        Client::new(&self.url, None, credentials("s"), options).unwrap()
    }

    /// A client with a token made elsewhere, so that only API calls are sent.
    pub(crate) fn bearer(&self, options: Options) -> Client {
        Client::new(&self.url, None, Credentials::Token("given".into()), options).unwrap()
    }
}

async fn issue(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let mut tokens = shared.tokens.lock().unwrap();
    tokens.asked.push(asked.clone());
    if let Some((status, body)) = &tokens.failing {
        return (StatusCode::from_u16(*status).unwrap(), axum::Json(body.clone())).into_response();
    }
    if asked["client_secret"] != tokens.secret.as_str() {
        let body = json!({"error": "access_denied", "error_description": "Unauthorized"});
        return (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response();
    }
    tokens.issued += 1;
    let token = format!("token-{}", tokens.issued);
    let scope = "read:users create:users";
    axum::Json(json!({"access_token": token, "scope": scope, "expires_in": 86_400, "token_type": "Bearer"}))
        .into_response()
}

async fn api(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen {
        method: parts.method,
        path: parts.uri.path().into(),
        query: parts.uri.query().unwrap_or_default().into(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let before = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    let (status, headers, body) = (shared.behaviour)(&seen, before);
    let mut response = (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// Something that takes connections, reads a request and then does as told.
pub(crate) struct Cutter {
    pub(crate) url: String,
    pub(crate) requests: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Cutter {
    /// Sends `answer` and closes; without an answer it just closes, or stays silent.
    pub(crate) async fn start(answer: Option<&'static str>, silent: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).await.unwrap() == 0 {
                    continue;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                if silent {
                    kept.push(stream);
                }
            }
        });
        Self { url, requests, _server: server }
    }

    pub(crate) fn client(&self, options: Options) -> Client {
        Client::new(&self.url, None, Credentials::Token("given".into()), options).unwrap()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(AtomicI64::new(NOON * 1_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The usual options with this clock and pauses of a millisecond.
    pub(crate) fn options(&self) -> Options {
        let millis = Arc::clone(&self.0);
        let clock =
            Arc::new(move || Timestamp::from_millisecond(millis.load(Ordering::SeqCst)).unwrap());
        let pause = Duration::from_millis(1);
        Options {
            retry: Retry { attempts: 3, first_pause: pause, longest_pause: pause },
            ..Options::new(clock, Arc::new(|| 0.5))
        }
    }
}

/// The usual options at noon.
pub(crate) fn options() -> Options {
    TestClock::at_noon().options()
}

pub(crate) fn credentials(secret: &str) -> Credentials {
    Credentials::ClientCredentials { client_id: "c".into(), client_secret: secret.into() }
}

/// An answer without headers.
pub(crate) fn plain(status: u16, body: Value) -> Reply {
    (status, Vec::new(), body)
}

/// An error as the Management API writes it.
pub(crate) fn refusal(status: u16, message: &str) -> Reply {
    plain(status, json!({"statusCode": status, "error": "…", "message": message}))
}
