//! The server around the stand-ins.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Json, Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use callboard_apps::Catalogue;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::Fault;
use crate::incoming::Incoming;
use crate::page;
use crate::play::{Outcome, Reply, play};
use crate::world::{Received, World};

/// Where "now" comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Longest request that is read.
const LONGEST_BODY: usize = 2 << 20;

/// What a sandbox needs from its surroundings.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    /// What each app accepts as its secret. Without one any secret will do.
    pub secrets: BTreeMap<String, SecretString>,
    /// Ends the server.
    pub shutdown: CancellationToken,
}

/// A running sandbox.
pub struct Sandbox {
    address: SocketAddr,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    catalogue: Arc<Catalogue>,
    world: Arc<Mutex<World>>,
    options: Arc<Options>,
}

impl Options {
    pub fn new(clock: Clock) -> Self {
        Self { clock, secrets: BTreeMap::new(), shutdown: CancellationToken::new() }
    }
}

impl Sandbox {
    /// Starts answering on the listener.
    pub fn start(
        listener: TcpListener,
        catalogue: Arc<Catalogue>,
        options: Options,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let world = Arc::new(Mutex::new(World::new(&catalogue)));
        let shutdown = options.shutdown.clone();
        let shared = Shared { catalogue, world, options: Arc::new(options) };
        let router = routes(shared.clone());
        let tasks = TaskTracker::new();
        let stop = shutdown.clone().cancelled_owned();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
                tracing::error!(%error, "the sandbox stopped");
            }
        });
        tasks.close();
        Ok(Self { address, tasks, shutdown, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL for links to this app.
    pub fn app_url(&self, app: &str) -> String {
        format!("{}/{app}", self.url())
    }

    /// What arrived so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.world().received.iter().cloned().collect()
    }

    /// Replaces collections: `{"bamboohr": {"employees": [rows]}}`. Fails with what is not known.
    pub fn seed(&self, seed: &Value) -> Result<(), String> {
        self.shared.world().seed(seed)
    }

    /// The rows of a collection.
    pub fn rows(&self, app: &str, collection: &str) -> Vec<Value> {
        let world = self.shared.world();
        let rows = world.state.get(app).and_then(|collections| collections.get(collection));
        rows.and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Orders trouble.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.world().faults.push(fault);
    }

    /// Stops accepting, finishes what is being answered.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
    }

    /// Runs until the options' token is cancelled.
    pub async fn wait(self) {
        self.tasks.wait().await;
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/_received", get(received))
        .route("/_state", get(state).post(seed))
        .route("/_reset", post(reset))
        .route("/_faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/{app}/{*path}", any(answer))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(shared)
}

async fn show(State(shared): State<Shared>) -> Html<String> {
    Html(page::render(&shared.catalogue, &shared.world()))
}

#[derive(Debug, Default, Deserialize)]
struct Filter {
    app: Option<String>,
    action: Option<String>,
}

/// `GET /_received?app=slack&action=messages.post`
async fn received(
    State(shared): State<Shared>,
    Query(filter): Query<Filter>,
) -> Json<Vec<Received>> {
    let fits = |wanted: &Option<String>, found: Option<&str>| {
        wanted.is_none() || wanted.as_deref() == found
    };
    let world = shared.world();
    let found = world.received.iter().filter(|one| {
        fits(&filter.app, Some(&one.app)) && fits(&filter.action, one.action.as_deref())
    });
    Json(found.cloned().collect())
}

async fn state(State(shared): State<Shared>) -> Json<Value> {
    Json(json!(shared.world().state))
}

async fn seed(State(shared): State<Shared>, Json(seed): Json<Value>) -> Response {
    match shared.world().seed(&seed) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(why) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "title": why, "status": 422 })))
                .into_response()
        }
    }
}

async fn reset(State(shared): State<Shared>) -> StatusCode {
    *shared.world() = World::new(&shared.catalogue);
    StatusCode::NO_CONTENT
}

async fn faults(State(shared): State<Shared>) -> Json<Vec<Fault>> {
    Json(shared.world().faults.clone())
}

async fn add_fault(State(shared): State<Shared>, Json(fault): Json<Fault>) -> StatusCode {
    shared.world().faults.push(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    shared.world().faults.clear();
    StatusCode::NO_CONTENT
}

async fn answer(
    State(shared): State<Shared>,
    Path((name, _)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(app) = shared.catalogue.app(&name).filter(|app| app.sandbox.is_some()) else {
        let title = format!("no app `{name}` is played here");
        return (StatusCode::NOT_FOUND, Json(json!({ "title": title, "status": 404 })))
            .into_response();
    };
    let path = uri.path().strip_prefix(&format!("/{name}")).unwrap_or_default().to_owned();
    let incoming = Incoming::read(method, &uri, path, headers, &body);
    let now = (shared.options.clock)();
    let outcome = play(app, &incoming, shared.options.secrets.get(&name), &mut shared.world(), now);
    match outcome {
        Outcome::Reply(reply) => response(&reply),
        Outcome::Cut => cut(),
    }
}

fn response(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match &reply.body {
        Value::Null => status.into_response(),
        body => (status, Json(body)).into_response(),
    };
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A body that fails at once makes the server close the connection in the middle of the answer.
fn cut() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<Bytes, io::Error>(io::ErrorKind::ConnectionAborted.into())
    });
    Response::new(Body::from_stream(broken))
}
