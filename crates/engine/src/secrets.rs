//! Named secrets that workflows read as `$secrets.NAME`. Sealed at rest; a run gets them sealed for itself alone, and
//! they open only in the arguments of a call.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::ids::RunId;
use crate::sealing;
use crate::store::{Change, Refusal, SecretRecord, Store, StoreError};
use crate::time::Time;
use crate::vault::{Vault, VaultError};

/// A secret as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSummary {
    pub name: String,
    pub changed_at: Timestamp,
}

/// Why a secret cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("there is no secret named `{name}`")]
    NotFound { name: String },
    #[error("the name `{name}` of a secret must be 1 to 64 letters, digits, `-`, `_` or `.`")]
    InvalidName { name: String },
    #[error("the value of a secret must be a text or an object of texts")]
    InvalidValue,
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// All secrets of the installation, sealed also in memory.
pub(crate) struct Secrets {
    store: Arc<dyn Store>,
    vault: Vault,
    time: Arc<dyn Time>,
    sealed: RwLock<BTreeMap<String, SecretRecord>>,
}

impl Engine {
    /// Keeps a secret or replaces the one of its name. The value is JSON: a text, or an object of texts. Runs that have
    /// begun keep the value that they began with.
    pub async fn put_secret(
        &self,
        name: &str,
        value: SecretString,
    ) -> Result<SecretSummary, SecretError> {
        self.shared.secrets.put(name, &value).await
    }

    /// By name, never with values.
    pub fn secrets(&self) -> Vec<SecretSummary> {
        self.shared.secrets.read(|sealed| sealed.values().map(summary).collect())
    }

    pub async fn remove_secret(&self, name: &str) -> Result<(), SecretError> {
        self.shared.secrets.remove(name).await
    }
}

impl Secrets {
    /// Opens every secret once; one that does not open is an error with its name, not a surprise in a run.
    pub(crate) async fn load(
        store: Arc<dyn Store>,
        vault: Vault,
        time: Arc<dyn Time>,
    ) -> Result<Self, SecretError> {
        let mut sealed = BTreeMap::new();
        for record in store.list_secrets().await? {
            vault.open_sealed(&context(&record.name), &record.sealed)?;
            sealed.insert(record.name.clone(), record);
        }
        Ok(Self { store, vault, time, sealed: RwLock::new(sealed) })
    }

    /// What other nodes changed.
    pub(crate) async fn read_again(&self) -> Result<(), StoreError> {
        let stored = self.store.list_secrets().await?;
        let sealed = stored.into_iter().map(|record| (record.name.clone(), record)).collect();
        *self.sealed.write().unwrap_or_else(PoisonError::into_inner) = sealed;
        Ok(())
    }

    /// What a run that may read these begins with. One that does not exist is left out; the run faults and says so.
    pub(crate) fn for_run(&self, names: &[String], run: &RunId) -> Map<String, Value> {
        let given = names.iter().filter_map(|name| {
            let sealed = self.read(|known| known.get(name).map(|record| record.sealed.clone()))?;
            let opened = self.vault.open_sealed(&context(name), &sealed).ok()?;
            let mut value = serde_json::from_str(opened.expose_secret()).ok()?;
            sealing::seal_all(&self.vault, run, &mut value);
            Some((name.clone(), value))
        });
        given.collect()
    }

    async fn put(&self, name: &str, value: &SecretString) -> Result<SecretSummary, SecretError> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !(1..=64).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(SecretError::InvalidName { name: name.into() });
        }
        match serde_json::from_str(value.expose_secret()) {
            Ok(Value::String(_)) => {}
            Ok(Value::Object(fields)) if fields.values().all(Value::is_string) => {}
            _ => return Err(SecretError::InvalidValue),
        }
        let record = SecretRecord {
            name: name.into(),
            sealed: self.vault.seal(&context(name), value.expose_secret()),
            changed_at: self.time.now(),
        };
        self.store.commit(vec![Change::PutSecret(record.clone())]).await?;
        let shown = summary(&record);
        self.write(|sealed| sealed.insert(record.name.clone(), record));
        Ok(shown)
    }

    async fn remove(&self, name: &str) -> Result<(), SecretError> {
        match self.store.commit(vec![Change::DeleteSecret { name: name.into() }]).await {
            Ok(()) => {
                self.write(|sealed| sealed.remove(name));
                Ok(())
            }
            Err(StoreError::Refused(Refusal::NoSuchSecret { name })) => {
                Err(SecretError::NotFound { name })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<String, SecretRecord>) -> T) -> T {
        read(&self.sealed.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut BTreeMap<String, SecretRecord>) -> T) -> T {
        write(&mut self.sealed.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn summary(record: &SecretRecord) -> SecretSummary {
    SecretSummary { name: record.name.clone(), changed_at: record.changed_at }
}

fn context(name: &str) -> String {
    format!("secret {name}")
}
