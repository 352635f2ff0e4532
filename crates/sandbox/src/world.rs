//! Everything the stand-ins remember.

use std::collections::{BTreeMap, VecDeque};

use callboard_apps::Catalogue;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::faults::Fault;

/// Older requests are forgotten.
const KEPT: usize = 5_000;

#[derive(Debug, Default)]
pub(crate) struct World {
    /// App, collection, rows.
    pub(crate) state: BTreeMap<String, Map<String, Value>>,
    pub(crate) received: VecDeque<Received>,
    pub(crate) faults: Vec<Fault>,
    /// Answers to requests with a key, by app, action and key.
    pub(crate) keyed: BTreeMap<(String, String, String), Keyed>,
    /// Grows with every request.
    pub(crate) sequence: u64,
}

/// A request that arrived, without its credentials.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    pub sequence: u64,
    pub at: Timestamp,
    pub app: String,
    /// The action it stands for, if the manifest knows the address.
    pub action: Option<String>,
    pub method: String,
    pub path: String,
    pub query: Value,
    pub headers: Value,
    pub body: Value,
    /// What was answered; `None` when the connection was cut.
    pub status: Option<u16>,
    pub answer: Value,
    /// Why there was no ordinary answer.
    pub note: Option<String>,
}

/// An answer that is given again for the same key.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    pub(crate) at: Timestamp,
    pub(crate) body: Value,
    pub(crate) status: u16,
    pub(crate) answer: Value,
}

impl World {
    /// As the manifests say it begins.
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let mut world = Self::default();
        for app in catalogue.apps() {
            if let Some(sandbox) = &app.sandbox {
                world.state.insert(app.name.clone(), sandbox.collections.iter().cloned().collect());
            }
        }
        world
    }

    pub(crate) fn remember(&mut self, received: Received) {
        if self.received.len() >= KEPT {
            self.received.pop_front();
        }
        self.received.push_back(received);
    }

    /// Replaces the collections that are named; the others stay. Fails with what is not known.
    pub(crate) fn seed(&mut self, seed: &Value) -> Result<(), String> {
        let apps = seed.as_object().ok_or("send {\"app\": {\"collection\": [rows]}}")?;
        for (app, collections) in apps {
            let known =
                self.state.get(app).ok_or_else(|| format!("no app `{app}` is played here"))?;
            let collections = collections
                .as_object()
                .ok_or_else(|| format!("`{app}` must be a map of collections"))?;
            for (name, rows) in collections {
                if !known.contains_key(name) {
                    let names: Vec<&str> = known.keys().map(String::as_str).collect();
                    return Err(format!(
                        "`{app}` has no collection `{name}`; it has {}",
                        names.join(", ")
                    ));
                }
                if !rows.is_array() {
                    return Err(format!("`{app}.{name}` must be a list of rows"));
                }
            }
        }
        for (app, collections) in apps {
            let into = self.state.entry(app.clone()).or_default();
            into.extend(
                collections
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, rows)| (name.clone(), rows.clone())),
            );
        }
        Ok(())
    }
}
