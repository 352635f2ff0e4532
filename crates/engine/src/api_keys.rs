//! Keys for the REST API: kept as hashes, compared in constant time, shown once.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::store::{ApiKeyRecord, Change, Store, StoreError};
use crate::time::{Random, Time};

/// Somebody who has shown a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub name: String,
}

/// The keys of this installation.
pub struct ApiKeys {
    store: Arc<dyn Store>,
    time: Arc<dyn Time>,
    random: Random,
    /// The administrator's key, where the owner hands one in. Not stored: it may change with every start.
    given: Option<[u8; 32]>,
}

const ADMINISTRATOR: &str = "administrator";
const PREFIX: &str = "callboard_";

impl ApiKeys {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        time: Arc<dyn Time>,
        random: Random,
        given: Option<&SecretString>,
    ) -> Self {
        let given = given.map(|key| hash(key.expose_secret()));
        Self { store, time, random, given }
    }

    /// Makes the administrator's key unless there is one. The answer is the only time it can be seen.
    pub async fn ensure_administrator(&self) -> Result<Option<SecretString>, StoreError> {
        if self.given.is_some() || self.store.find_api_key(ADMINISTRATOR).await?.is_some() {
            return Ok(None);
        }
        self.make(ADMINISTRATOR).await.map(Some)
    }

    /// Makes a key, or replaces the one of that name.
    pub async fn make(&self, name: &str) -> Result<SecretString, StoreError> {
        let mut bytes = [0; 24];
        (self.random)(&mut bytes);
        let key = format!("{PREFIX}{name}_{}", hex::encode(bytes));
        let record = ApiKeyRecord {
            id: name.into(),
            hash: hash(&key).to_vec(),
            name: name.into(),
            at: self.time.now(),
        };
        self.store.commit(vec![Change::PutApiKey(record)]).await?;
        Ok(key.into())
    }

    /// Who shows this key, if it is one of ours.
    pub async fn check(&self, key: &str) -> Result<Option<Caller>, StoreError> {
        let shown = hash(key);
        if self.given.is_some_and(|given| bool::from(given.ct_eq(&shown))) {
            return Ok(Some(Caller { name: ADMINISTRATOR.into() }));
        }
        let Some((name, _)) = key.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('_'))
        else {
            return Ok(None);
        };
        if self.given.is_some() && name == ADMINISTRATOR {
            // The key of the environment replaces the one that was made.
            return Ok(None);
        }
        let known = self.store.find_api_key(name).await?;
        Ok(known
            .filter(|known| known.hash.ct_eq(&shown).into())
            .map(|known| Caller { name: known.name }))
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
