//! An office that remembers what was done to it, a clock that stands until it is moved, and an engine over both.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use callboard_apps::{
    App, Attempt, CallAnswer, CallFailed, CallFailure, Catalogue, Exchange, Failed, Failure, Link,
    Performed, Recovered, Recovery, Tested,
};
use callboard_engine::{
    Engine, KeySource, LinkDraft, Observer, Performer, Place, Random, RunDetail, RunFilter, RunId,
    RunStatus, Settings, Source, SqlStore, StartRequest, Store, Time,
};
use callboard_flow::FunctionCall;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::backend;

/// More than any test needs; reached only when something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const TICKET: &str = "https://office.test/ticket/s3cr3t";
pub(crate) const KEY: &str = "the-office-key";

/// A clock that tests move.
pub(crate) struct ManualTime(watch::Sender<Timestamp>);

impl ManualTime {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new("2026-01-05T09:00:00Z".parse().unwrap())))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Time for ManualTime {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// What the next call of an action meets.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Fails, without an effect.
    Fails(Failure),
    /// Takes effect, and the answer is lost.
    Vanishes,
    /// Takes effect when the office is told to hurry.
    Dawdles,
    /// The program has a mistake.
    Panics,
}

/// The world outside: it keeps what was done to it when the engine dies.
#[derive(Default)]
pub(crate) struct Office {
    fates: Mutex<HashMap<String, VecDeque<Fate>>>,
    /// By key: how often it took effect.
    effects: Mutex<BTreeMap<String, u32>>,
    pub(crate) notes: Mutex<Vec<String>>,
    /// Authentication policies of the language's own calls, as they arrived.
    pub(crate) policies: Mutex<Vec<Value>>,
    pub(crate) calls: AtomicU64,
    /// How often somebody was moved to the next desk.
    moves: AtomicU64,
    pub(crate) looks: AtomicU64,
    /// Rung when somebody dawdles.
    pub(crate) dawdling: Notify,
    pub(crate) hurry: Notify,
    /// Whether the language's own calls are performed.
    pub(crate) calls_out: AtomicBool,
    /// What the link's token may, as a test of the link tells.
    pub(crate) scopes: Mutex<Vec<String>>,
}

impl Office {
    pub(crate) fn will(&self, action: &str, fate: Fate) {
        self.fates.lock().unwrap().entry(action.to_owned()).or_default().push_back(fate);
    }

    /// Somebody else moves everybody to the next desk.
    pub(crate) fn move_desks(&self) {
        self.moves.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn effects(&self) -> BTreeMap<String, u32> {
        self.effects.lock().unwrap().clone()
    }

    fn take_effect(&self, attempt: &Attempt<'_>) -> Performed {
        if attempt.action.id == "office.desks.look" {
            let desk = 7 + self.moves.load(Ordering::SeqCst);
            return Performed {
                output: json!({"desk": desk}),
                before: None,
                exchanges: Vec::new(),
            };
        }
        let mut effects = self.effects.lock().unwrap();
        let count = effects.entry(attempt.key.clone()).or_default();
        // What may be repeated is a fact that is set, not one that is added.
        if !matches!(attempt.action.recovery, Recovery::Repeat) || *count == 0 {
            *count += 1;
        }
        drop(effects);
        if attempt.action.id == "office.desks.move" {
            self.moves.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(text) = attempt.arguments["text"].as_str() {
            self.notes.lock().unwrap().push(text.to_owned());
        }
        Self::answer(attempt)
    }

    fn answer(attempt: &Attempt<'_>) -> Performed {
        let output = match attempt.action.id.as_str() {
            "office.desks.assign" => json!({"desk": 7}),
            "office.desks.move" => json!({"from": attempt.before.as_ref().unwrap()["desk"]}),
            "office.invites.send" => json!({"ticket": TICKET}),
            _ => json!({}),
        };
        let exchange = Exchange {
            method: "POST".into(),
            url: "https://office.test/".into(),
            status: Some(201),
            at: attempt.at,
            duration_ms: 1,
            request: None,
            answer: None,
            note: None,
        };
        Performed { output, before: None, exchanges: vec![exchange] }
    }
}

#[async_trait]
impl Performer for Office {
    async fn before(&self, _: &Link, _: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let fate = self.fates.lock().unwrap().get_mut("look").and_then(VecDeque::pop_front);
        if let Some(Fate::Fails(failure)) = fate {
            return Err(Failed::new(failure, Vec::new()));
        }
        Ok(Some(json!({"desk": 7 + self.moves.load(Ordering::SeqCst)})))
    }

    async fn perform(&self, _: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fate =
            self.fates.lock().unwrap().get_mut(&attempt.action.id).and_then(VecDeque::pop_front);
        match fate {
            None => Ok(self.take_effect(attempt)),
            Some(Fate::Fails(failure)) => Err(Failed::new(failure, Vec::new())),
            Some(Fate::Panics) => panic!("a mistake in the program"),
            Some(Fate::Dawdles) => {
                self.dawdling.notify_one();
                self.hurry.notified().await;
                Ok(self.take_effect(attempt))
            }
            Some(Fate::Vanishes) => {
                self.take_effect(attempt);
                Err(Failed::new(Failure::Unsure { why: "the line was cut".into() }, Vec::new()))
            }
        }
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        match &attempt.action.recovery {
            Recovery::Ask { why } => {
                Ok(Recovered::Unknown { why: why.clone(), exchanges: Vec::new() })
            }
            Recovery::Repeat => {
                let again = self.perform(link, attempt).await;
                again.map(Recovered::Repeated).map_err(|failed| Failed { repeated: true, ..failed })
            }
            _ if self.effects().contains_key(&attempt.key) => {
                Ok(Recovered::Happened(Self::answer(attempt)))
            }
            _ => Ok(Recovered::DidNot),
        }
    }

    fn performs_calls(&self) -> bool {
        self.calls_out.load(Ordering::SeqCst)
    }

    async fn call(
        &self,
        call: &FunctionCall,
        key: &str,
        _: &[SecretString],
    ) -> Result<CallAnswer, CallFailed> {
        let FunctionCall::Http(http) = call else { panic!("only http is tested: {call:?}") };
        *self.effects.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        self.policies.lock().unwrap().extend(http.authentication.clone());
        self.notes
            .lock()
            .unwrap()
            .push(format!("{} {} {:?}", http.method, http.endpoint, http.body));
        let fate = self.fates.lock().unwrap().get_mut("http").and_then(VecDeque::pop_front);
        if fate.is_some() {
            let failure = CallFailure::Unsure("the line was cut".into());
            return Err(CallFailed { failure, exchanges: Vec::new() });
        }
        Ok(CallAnswer { output: json!({"pet": "cat"}), exchanges: Vec::new() })
    }

    async fn test(&self, _: &App, _: &Link) -> Result<Tested, Failed> {
        let who = "the caretaker".into();
        Ok(Tested {
            who,
            expires_at: None,
            scopes: self.scopes.lock().unwrap().clone(),
            exchanges: Vec::new(),
        })
    }
}

pub(crate) const ARRIVAL: &str = r#"
document: {dsl: 1.0.3, namespace: test, name: arrival, version: 1.0.0}
schedule: {on: {one: {with: {type: office.person.arrived}}}}
input: {from: '${ if type == "array" then .[0] else . end }'}
do:
  - desk:
      call: office.desks.assign:1@callboard
      with: {person: '${ $input.name }'}
      export: {as: '${ $context + {desk: .desk} }'}
  - pause:
      wait: {seconds: 30}
  - invite:
      call: office.invites.send:1@callboard
      with: {person: '${ $workflow.input | if type == "array" then .[0].name else .name end }'}
      export: {as: '${ $context + {ticket: .ticket} }'}
  - note:
      call: office.notes.write:1@callboard
      with: {text: '${ "open \($context.ticket)/now" }'}
output: {as: '${ {desk: $context.desk} }'}
"#;

/// A workflow of one call.
pub(crate) fn one_call(action: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: one-call, version: 1.0.0}}\n\
         do: [{{only: {{call: '{action}:1@callboard', with: {{person: Ada}}}}}}]\n"
    )
}

/// What survives a crash: the disk, the world and the time.
pub(crate) struct Premises {
    pub(crate) folder: tempfile::TempDir,
    place: OnceLock<Place>,
    spoiled: AtomicBool,
    pub(crate) office: Arc<Office>,
    pub(crate) time: Arc<ManualTime>,
}

impl Premises {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            place: OnceLock::new(),
            spoiled: AtomicBool::new(false),
            office: Arc::default(),
            time: ManualTime::new(),
        }
    }

    /// Every run derives again from its journal, whatever the test did to it.
    async fn replay_everything(settings: Settings) {
        let engine = Engine::open(settings).await.unwrap();
        let mut filter = RunFilter { limit: 500, ..RunFilter::default() };
        loop {
            let page = engine.runs(&filter).await.unwrap();
            for run in page.runs {
                engine.replay(&run.id).await.unwrap();
            }
            match page.next {
                Some(next) => filter.before = Some(next),
                None => return,
            }
        }
    }

    pub(crate) fn library_folder(&self) -> PathBuf {
        let folder = self.folder.path().join("workflows");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(crate) fn place(&self) -> &Place {
        self.place.get_or_init(|| backend::place(self.folder.path()))
    }

    /// What is in the journal does not derive again, and need not.
    pub(crate) fn spoil(&self) {
        self.spoiled.store(true, Ordering::SeqCst);
    }

    /// The database, opened once more: as after a restart.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(SqlStore::open(self.place()).unwrap())
    }

    pub(crate) fn settings(&self, workflows: &[&str]) -> Settings {
        let workflows = workflows.iter().zip('a'..);
        Settings {
            store: self.store(),
            key: KeySource::File(self.folder.path().join("secrets.key")),
            catalogue: catalogue(),
            performer: Arc::clone(&self.office) as Arc<dyn Performer>,
            workflows: workflows
                .map(|(text, letter)| Source {
                    file: format!("{letter}.yaml"),
                    text: (*text).into(),
                })
                .collect(),
            workflows_folder: None,
            time: Arc::clone(&self.time) as Arc<dyn Time>,
            lease_clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            random: random(),
            retention: None,
            public_url: "https://callboard.test".into(),
            administrator_key: None,
            node: "test".into(),
            parallel_runs: 8,
            observer: None,
        }
    }

    pub(crate) async fn open(&self, workflows: &[&str]) -> Engine {
        Engine::open(self.settings(workflows)).await.unwrap()
    }

    /// An engine that has a link to the office.
    pub(crate) async fn open_with_link(&self, workflows: &[&str]) -> Engine {
        let engine = self.open(workflows).await;
        engine.put_link(office_link()).await.unwrap();
        engine
    }

    pub(crate) fn observed(&self, workflows: &[&str], observer: Arc<dyn Observer>) -> Settings {
        Settings { observer: Some(observer), ..self.settings(workflows) }
    }
}

impl Drop for Premises {
    fn drop(&mut self) {
        let spoiled = self.spoiled.load(Ordering::SeqCst);
        if std::thread::panicking() || spoiled || self.place.get().is_none() {
            return;
        }
        let settings = Settings { parallel_runs: 0, ..self.settings(&[]) };
        let replaying = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(Self::replay_everything(settings));
        });
        replaying.join().expect("every run of a test derives again from its journal");
    }
}

pub(crate) fn catalogue() -> Arc<Catalogue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/engine/apps");
    Arc::new(Catalogue::of_folder(&folder).unwrap())
}

/// Not random, but never twice the same.
pub(crate) fn random() -> Random {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|buffer| {
        for chunk in buffer.chunks_mut(8) {
            let number = NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    })
}

pub(crate) fn office_link() -> LinkDraft {
    LinkDraft {
        name: "office".into(),
        app: "office".into(),
        url: None,
        settings: serde_json::Map::new(),
        secrets: [("secret".into(), KEY.into()), ("webhook_secret".into(), "knock-knock".into())]
            .into(),
    }
}

pub(crate) fn start(workflow: &str, key: Option<&str>) -> StartRequest {
    StartRequest {
        workflow: workflow.into(),
        input: json!({"name": "Ada"}),
        idempotency_key: key.map(str::to_owned),
        priority: None,
        by: "test".into(),
    }
}

/// The run once it rests: waiting, asking or final.
pub(crate) async fn at_rest(engine: &Engine, run: &RunId) -> RunDetail {
    let detail = engine
        .wait_until(run, PATIENCE, |detail| detail.status != RunStatus::Running)
        .await
        .unwrap();
    assert_ne!(detail.status, RunStatus::Running, "it should rest by now: {detail:#?}");
    detail
}

/// Moves the clock whenever the run waits, until it is final or asks.
pub(crate) async fn to_the_end(engine: &Engine, time: &ManualTime, run: &RunId) -> RunDetail {
    loop {
        let detail = at_rest(engine, run).await;
        if detail.status != RunStatus::Waiting {
            return detail;
        }
        // Without a time it waits for another run or an event.
        let Some(next_at) = detail.next_at else {
            let told = |now: &RunDetail| now.next_at.is_some() || now.status != RunStatus::Waiting;
            let moved = engine.wait_until(run, PATIENCE, told).await.unwrap();
            assert!(told(&moved), "somebody should have said something by now: {moved:#?}");
            continue;
        };
        time.advance(next_at.duration_since(time.now()).max(SignedDuration::ZERO));
        let went_on =
            |now: &RunDetail| now.next_at != Some(next_at) || now.status != RunStatus::Waiting;
        let moved = engine.wait_until(run, PATIENCE, went_on).await.unwrap();
        assert!(went_on(&moved), "it should go on by now: {moved:#?}");
    }
}

pub(crate) fn facts(entries: &[callboard_engine::Entry]) -> Vec<&'static str> {
    entries.iter().map(|entry| entry.fact.name()).collect()
}

pub(crate) fn printed(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap_or(Value::Null).to_string()
}
