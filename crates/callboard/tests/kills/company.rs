//! Autopilots that are killed and started again, and the client that keeps them busy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use callboard::stage::Process;
use http::Method;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::world::{Moment, World};

const API_KEY: &str = "callboard_kills_0123456789abcdef0123456789abcdef";
const SECRETS_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Longer than any of it takes; reached only when something is lost.
const PATIENCE: Duration = Duration::from_mins(3);
/// So many requests pass at most between two deaths.
const LONGEST_LIFE: u32 = 60;

pub(crate) struct Company {
    world: World,
    folder: TempDir,
    database: Option<String>,
    nodes: Vec<Process>,
    http: reqwest::Client,
    random: StdRng,
    /// Errands handed in so far, and the runs that were acknowledged for them.
    errands: usize,
    acknowledged: BTreeMap<String, String>,
    unanswered: BTreeSet<String>,
}

impl Company {
    /// So many nodes, on one database each knows or on the embedded one.
    pub(crate) async fn open(nodes: usize, database: Option<String>, seed: u64) -> Self {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let mut company = Self {
            world: World::open().await,
            folder: tempfile::tempdir().unwrap(),
            database,
            nodes: Vec::new(),
            http,
            random: StdRng::seed_from_u64(seed),
            errands: 0,
            acknowledged: BTreeMap::new(),
            unanswered: BTreeSet::new(),
        };
        for place in 0..nodes {
            let node = company.start(place).await;
            company.nodes.push(node);
        }
        let link =
            json!({"app": "errands", "url": company.world.url, "secrets": {"secret": "none"}});
        company.ask(0, Method::PUT, "/v1/links/errands", Some(link)).await.unwrap();
        company
    }

    async fn start(&self, place: usize) -> Process {
        let (data, name) =
            (self.folder.path().join(format!("node{place}")), format!("node-{place}"));
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kills");
        let (apps, library) = (tests.join("apps"), tests.join("library"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut arguments: Vec<String> =
            ["up", "--listen", "127.0.0.1:0", "--data"].map(Into::into).into();
        arguments.extend([
            text(&data),
            "--apps".into(),
            text(&apps),
            "--library".into(),
            text(&library),
        ]);
        if let Some(database) = &self.database {
            arguments.extend(["--database".into(), database.clone(), "--node".into(), name]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let environment = [("CALLBOARD_API_KEY", API_KEY), ("CALLBOARD_SECRETS_KEY", SECRETS_KEY)];
        let log = self.folder.path().join(format!("node{place}.log"));
        let binary = Path::new(env!("CARGO_BIN_EXE_callboard"));
        Process::start(binary, &arguments, &environment, &log).await.unwrap()
    }

    /// Keeps so many errands in flight while one node after the other is killed.
    pub(crate) async fn survive(&mut self, kills: u32, in_flight: usize) {
        for _ in 0..kills {
            let moments = [Moment::BeforeTheEffect, Moment::BeforeTheAnswer, Moment::WithTheAnswer];
            let moment = moments[self.random.random_range(0..moments.len())];
            self.world.doom(self.random.random_range(0..LONGEST_LIFE), moment);
            let victim = self.random.random_range(0..self.nodes.len());
            let waiting = self.hand_in(in_flight);
            timeout(PATIENCE, self.world.dies.recv()).await.expect("nothing moves any more");
            self.nodes.remove(victim).kill().await.unwrap();
            let node = self.start(victim).await;
            self.nodes.insert(victim, node);
            self.collect(waiting).await;
            self.answer_questions().await;
        }
    }

    /// Some runs can only go on when a person says what happened.
    async fn answer_questions(&self) {
        let page =
            self.ask(0, Method::GET, "/v1/runs?status=attention&limit=100", None).await.unwrap();
        for run in page["runs"].as_array().unwrap() {
            let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
            self.tell_what_happened(0, &self.ask(0, Method::GET, &path, None).await.unwrap()).await;
        }
    }

    /// Tops up to so many errands that are not done, without waiting for the answers.
    fn hand_in(&mut self, in_flight: usize) -> JoinSet<(String, Option<String>)> {
        let fresh = (self.world.letters() + in_flight).saturating_sub(self.errands);
        let mut names: Vec<String> = std::mem::take(&mut self.unanswered).into_iter().collect();
        names.extend((self.errands..self.errands + fresh).map(|number| format!("errand-{number}")));
        self.errands += fresh;
        let mut waiting = JoinSet::new();
        for name in names {
            let node = self.random.random_range(0..self.nodes.len());
            let request = self.request(node, Method::POST, "/v1/runs");
            let body =
                json!({"workflow": "errand", "input": {"errand": name}, "idempotency_key": name});
            waiting.spawn(async move {
                let Ok(answer) = request.json(&body).send().await else { return (name, None) };
                let answer: Result<Value, _> = answer.json().await;
                let run = answer.ok().and_then(|run| run["id"].as_str().map(str::to_owned));
                (name, run)
            });
        }
        waiting
    }

    /// An errand without an answer is handed in again, with the same key.
    async fn collect(&mut self, mut waiting: JoinSet<(String, Option<String>)>) {
        while let Some(answered) = waiting.join_next().await {
            match answered.unwrap() {
                (name, Some(run)) => self.acknowledge(name, &run),
                (name, None) => {
                    self.unanswered.insert(name);
                }
            }
        }
    }

    fn acknowledge(&mut self, name: String, run: &str) {
        let known = self.acknowledged.entry(name).or_insert_with(|| run.to_owned());
        assert_eq!(known, run, "one key is one run");
    }

    /// Nobody is killed any more: everything comes to its end, with a person's help where only a person can tell.
    pub(crate) async fn settle(&mut self) {
        while !self.unanswered.is_empty() {
            let waiting = self.hand_in(0);
            self.collect(waiting).await;
        }
        let deadline = Instant::now() + PATIENCE;
        let runs: Vec<String> = self.acknowledged.values().cloned().collect();
        for run in runs {
            loop {
                let node = self.random.random_range(0..self.nodes.len());
                let path = format!("/v1/runs/{run}?wait=5");
                let found = self.ask(node, Method::GET, &path, None).await.unwrap();
                match found["status"].as_str() {
                    Some("completed") => break,
                    Some("attention") => self.tell_what_happened(node, &found).await,
                    _ => assert!(Instant::now() < deadline, "{found} does not end"),
                }
            }
        }
    }

    async fn tell_what_happened(&self, node: usize, run: &Value) {
        let id = run["id"].as_str().unwrap();
        for step in run["steps"].as_array().unwrap() {
            if step["status"] != "attention" {
                continue;
            }
            let name = step["id"].as_str().unwrap();
            let verdict = if self.world.remembers(id, name) { "happened" } else { "did-not" };
            let path = format!("/v1/runs/{id}/steps/{}/resolve", name.replace('/', "%2F"));
            self.ask(node, Method::POST, &path, Some(json!({ "verdict": verdict }))).await.unwrap();
        }
    }

    /// Every errand once: one run, one charge, one row, one letter.
    pub(crate) async fn check(&self) {
        let done = self.world.done();
        let listed = self.count_runs().await;
        assert_eq!(listed, self.errands, "as many runs as errands");
        for (kind, done) in
            [("charge", &done.charges), ("row", &done.rows), ("letter", &done.letters)]
        {
            let mut times: BTreeMap<&str, u32> = BTreeMap::new();
            for (key, (errand, arrived)) in done {
                *times.entry(errand).or_default() += 1;
                // Only a charge may arrive again: its key tells the other side.
                assert!(kind == "charge" || *arrived == 1, "the {kind} {key} was doubled");
            }
            assert_eq!(times.len(), self.errands, "a {kind} for every errand");
            for (errand, times) in times {
                assert_eq!(times, 1, "{errand} has {times} {kind}s");
            }
        }
    }

    async fn count_runs(&self) -> usize {
        let (mut count, mut cursor) = (0, String::new());
        loop {
            let path = format!("/v1/runs?limit=100{cursor}");
            let page = self.ask(0, Method::GET, &path, None).await.unwrap();
            count += page["runs"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return count,
            }
        }
    }

    fn request(&self, node: usize, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.nodes[node].url)).bearer_auth(API_KEY)
    }

    async fn ask(
        &self,
        node: usize,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let mut request = self.request(node, method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status} {body}")) }
    }
}
