//! A tenant that logs and announces, and an engine that listens to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use callboard_apps::{
    App, Attempt, EventSource, Failed, Failure, Link, LogPlace, Performed, Recovered,
    StreamMessage, StreamPlace, Tested,
};
use callboard_engine::{
    Engine, LinkDraft, Observer, Performer, RunFilter, RunRecord, Settings, Time as _,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::harness::{ManualTime, Office, PATIENCE, Premises};

/// The world outside with a tenant in it. It lives on when the engine dies.
pub(crate) struct Tower {
    office: Arc<Office>,
    /// By log id.
    log: Mutex<Vec<Value>>,
    /// What the next readings meet.
    pub(crate) troubles: Mutex<VecDeque<Failure>>,
    /// How often the log was asked for.
    pub(crate) reads: watch::Sender<u64>,
    /// Where streams were opened, and for what.
    pub(crate) opened: watch::Sender<Vec<(StreamPlace, Vec<String>)>>,
    stream: Mutex<Option<mpsc::UnboundedSender<StreamMessage>>>,
    time: Arc<ManualTime>,
}

/// A stream on which nothing comes for so long is dead.
pub(crate) const SILENCE: SignedDuration = SignedDuration::from_secs(90);

impl Tower {
    pub(crate) fn beside(premises: &Premises) -> Arc<Self> {
        Arc::new(Self {
            office: Arc::clone(&premises.office),
            log: Mutex::default(),
            troubles: Mutex::default(),
            reads: watch::Sender::new(0),
            opened: watch::Sender::default(),
            stream: Mutex::default(),
            time: Arc::clone(&premises.time),
        })
    }

    /// Writes an entry that is indexed at that second of the day.
    pub(crate) fn write(&self, second: i64, number: u32, code: &str, user: &str) -> String {
        let day: jiff::Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        let date = day + SignedDuration::from_secs(second);
        let log_id = format!("900{}000000{number:033}", date.strftime("%Y%m%d%H%M%S"));
        let entry =
            json!({"log_id": log_id, "date": date.to_string(), "type": code, "user_id": user});
        let mut log = self.log.lock().unwrap();
        log.push(entry);
        log.sort_by(|one, other| one["log_id"].as_str().cmp(&other["log_id"].as_str()));
        log_id
    }

    /// Retention ends for everything but the newest entries.
    pub(crate) fn keep_only(&self, newest: usize) {
        let mut log = self.log.lock().unwrap();
        let gone = log.len() - newest;
        drop(log.drain(..gone));
    }

    /// Moves the clock until the log was read twice more: by then what the first reading brought is durable.
    pub(crate) async fn is_read(&self, premises: &Premises) {
        let mut reads = self.reads.subscribe();
        let before = *reads.borrow_and_update();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while *reads.borrow_and_update() < before + 2 {
            assert!(tokio::time::Instant::now() < deadline, "the log is read");
            premises.time.advance(SignedDuration::from_mins(1));
            let read = reads.changed();
            // Whoever began to wait after the clock was moved needs it to move once more.
            drop(tokio::time::timeout(Duration::from_millis(50), read).await);
        }
    }

    pub(crate) fn send(&self, kind: &str, offset: &str, event: &Value) {
        let data = json!({"type": kind, "offset": offset, "event": event});
        let message = StreamMessage { kind: kind.into(), offset: Some(offset.into()), data };
        self.stream.lock().unwrap().as_ref().unwrap().send(message).unwrap();
    }

    /// The tenant closes the stream.
    pub(crate) fn hang_up(&self) {
        *self.stream.lock().unwrap() = None;
    }

    /// Waits until so many streams were opened.
    pub(crate) async fn is_opened(&self, times: usize) -> Vec<(StreamPlace, Vec<String>)> {
        let mut opened = self.opened.subscribe();
        let wait = opened.wait_for(|opened| opened.len() >= times);
        tokio::time::timeout(PATIENCE, wait).await.expect("the stream is opened").unwrap().clone()
    }

    pub(crate) fn settings(self: &Arc<Self>, premises: &Premises, workflows: &[&str]) -> Settings {
        let performer = Arc::clone(self) as Arc<dyn Performer>;
        Settings { performer, ..premises.settings(workflows) }
    }

    pub(crate) async fn open(self: &Arc<Self>, premises: &Premises, workflows: &[&str]) -> Engine {
        let engine = Engine::open(self.settings(premises, workflows)).await.unwrap();
        engine.put_link(tower_link()).await.unwrap();
        engine
    }

    pub(crate) async fn observed(
        self: &Arc<Self>,
        premises: &Premises,
        workflows: &[&str],
        observer: Arc<dyn Observer>,
    ) -> Engine {
        let settings = Settings { observer: Some(observer), ..self.settings(premises, workflows) };
        Engine::open(settings).await.unwrap()
    }
}

pub(crate) fn tower_link() -> LinkDraft {
    LinkDraft {
        name: "tower".into(),
        app: "tower".into(),
        url: Some("https://tower.test".parse().unwrap()),
        settings: serde_json::Map::new(),
        secrets: [("secret".into(), "key".into()), ("webhook_secret".into(), "knock".into())]
            .into(),
    }
}

/// A workflow that such events start and that does nothing.
pub(crate) fn listener(name: &str, event_type: &str) -> String {
    format!(
        "document: {{dsl: 1.0.3, namespace: test, name: {name}, version: 1.0.0}}\n\
         schedule: {{on: {{one: {{with: {{type: {event_type}}}}}}}}}\n\
         do: [{{only: {{set: {{heard: '${{ .[0] }}'}}}}}}]\n"
    )
}

pub(crate) async fn runs_of(engine: &Engine, workflow: &str) -> Vec<RunRecord> {
    let filter = RunFilter { workflow: Some(workflow.into()), limit: 500, ..RunFilter::default() };
    let mut runs = engine.runs(&filter).await.unwrap().runs;
    runs.reverse();
    runs
}

#[async_trait]
impl Performer for Tower {
    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        self.office.perform(link, attempt).await
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        self.office.recover(link, attempt).await
    }

    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        self.office.test(app, link).await
    }

    fn reads_feeds(&self) -> bool {
        true
    }

    async fn read_log(&self, _: &App, _: &Link, place: &LogPlace) -> Result<Vec<Value>, Failure> {
        if !matches!(place, LogPlace::Entry(_)) {
            self.reads.send_modify(|reads| *reads += 1);
        }
        if let Some(trouble) = self.troubles.lock().unwrap().pop_front() {
            return Err(trouble);
        }
        let log = self.log.lock().unwrap();
        let id = |entry: &Value| entry["log_id"].as_str().unwrap_or_default().to_owned();
        Ok(match place {
            LogPlace::Newest => log.last().cloned().into_iter().collect(),
            LogPlace::Oldest => log.iter().take(100).cloned().collect(),
            LogPlace::After(after) => {
                log.iter().filter(|entry| id(entry) > *after).take(100).cloned().collect()
            }
            LogPlace::Entry(wanted) => {
                log.iter().filter(|entry| id(entry) == *wanted).cloned().collect()
            }
        })
    }

    async fn open_events(
        &self,
        _: &App,
        _: &Link,
        place: &StreamPlace,
        types: &[String],
    ) -> Result<Box<dyn EventSource>, Failure> {
        let trouble = self.troubles.lock().unwrap().pop_front();
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.stream.lock().unwrap() = Some(sender);
        self.opened.send_modify(|opened| opened.push((place.clone(), types.to_vec())));
        match trouble {
            Some(trouble) => Err(trouble),
            None => Ok(Box::new(Messages { receiver, time: Arc::clone(&self.time) })),
        }
    }
}

struct Messages {
    receiver: mpsc::UnboundedReceiver<StreamMessage>,
    time: Arc<ManualTime>,
}

#[async_trait]
impl EventSource for Messages {
    async fn next(&mut self) -> Result<Option<StreamMessage>, Failure> {
        let end = self.time.now() + SILENCE;
        tokio::select! {
            message = self.receiver.recv() => Ok(message),
            () = self.time.sleep_until(end) => {
                Err(Failure::Later { retry_at: None, why: "nothing came".into() })
            }
        }
    }
}
