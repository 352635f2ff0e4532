//! The world outside: it outlives every process, remembers each effect, and says when a process is to die.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Where in a request the process is killed that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeTheEffect,
    BeforeTheAnswer,
    WithTheAnswer,
}

/// What was done, by kind and by the key of the attempt.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done {
    /// Errand and how often it arrived, by key.
    pub(crate) charges: BTreeMap<String, (String, u32)>,
    pub(crate) rows: BTreeMap<String, (String, u32)>,
    pub(crate) letters: BTreeMap<String, (String, u32)>,
}

#[derive(Default)]
struct Inside {
    done: Done,
    /// After so many more requests somebody dies, and where.
    doom: Option<(u32, Moment)>,
}

#[derive(Clone)]
struct Shared {
    inside: Arc<Mutex<Inside>>,
    /// Tells that the moment has come, and who sent that request.
    dying: mpsc::UnboundedSender<()>,
}

pub(crate) struct World {
    pub(crate) url: String,
    shared: Shared,
    pub(crate) dies: mpsc::UnboundedReceiver<()>,
    serving: JoinHandle<()>,
}

impl World {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (dying, dies) = mpsc::unbounded_channel();
        let shared = Shared { inside: Arc::default(), dying };
        let router = Router::new()
            .route("/things", get(things))
            .route("/charges", post(charge))
            .route("/rows", get(find_row).post(row))
            .route("/letters", post(letter))
            .with_state(shared.clone());
        #[expect(clippy::disallowed_methods, reason = "aborted when the world ends")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, dies, serving }
    }

    pub(crate) fn done(&self) -> Done {
        self.shared.inside().done.clone()
    }

    pub(crate) fn letters(&self) -> usize {
        self.shared.inside().done.letters.len()
    }

    pub(crate) fn doom(&self, after: u32, moment: Moment) {
        self.shared.inside().doom = Some((after, moment));
    }

    /// Whether a letter was posted for this attempt: what a person at the counter would remember.
    pub(crate) fn remembers(&self, run: &str, step: &str) -> bool {
        self.shared.inside().done.letters.contains_key(&format!("{run}:{step}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Does it, unless the sender is to die over it: then it never hears of it.
    async fn serve(&self, effect: impl FnOnce(&mut Done) -> Value) -> Json<Value> {
        let (answer, hangs) = {
            let mut inside = self.inside();
            let moment = match &mut inside.doom {
                Some((0, moment)) => Some(*moment),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            if moment.is_some() {
                inside.doom = None;
                self.dying.send(()).unwrap();
            }
            let answer =
                (moment != Some(Moment::BeforeTheEffect)).then(|| effect(&mut inside.done));
            (answer, !matches!(moment, None | Some(Moment::WithTheAnswer)))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        Json(answer.unwrap_or_default())
    }
}

async fn things(State(shared): State<Shared>) -> Json<Value> {
    shared.serve(|_| json!({})).await
}

async fn charge(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Json<Value>,
) -> Json<Value> {
    let (key, errand) = (key(&headers), errand(&body));
    shared.serve(|done| note(&mut done.charges, key, errand)).await
}

async fn row(State(shared): State<Shared>, body: Json<Value>) -> Json<Value> {
    let (key, errand) = (body["key"].as_str().unwrap().to_owned(), errand(&body));
    shared.serve(|done| note(&mut done.rows, key, errand)).await
}

async fn find_row(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Value> {
    shared
        .serve(|done| {
            let found = done.rows.get(&query["key"]);
            json!({"rows": found.map(|(errand, _)| json!({"errand": errand})).into_iter().collect::<Vec<_>>()})
        })
        .await
}

async fn letter(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Json<Value>,
) -> (StatusCode, Json<Value>) {
    let (key, errand) = (key(&headers), errand(&body));
    (StatusCode::CREATED, shared.serve(|done| note(&mut done.letters, key, errand)).await)
}

fn note(done: &mut BTreeMap<String, (String, u32)>, key: String, errand: String) -> Value {
    done.entry(key).or_insert((errand, 0)).1 += 1;
    json!({"done": true})
}

fn key(headers: &HeaderMap) -> String {
    headers["idempotency-key"].to_str().unwrap().to_owned()
}

fn errand(body: &Value) -> String {
    body["errand"].as_str().unwrap().to_owned()
}
