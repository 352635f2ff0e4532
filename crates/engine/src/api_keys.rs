//! Keys for the REST API: kept as hashes, compared in constant time, shown once.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::people::{Caller, Role};
use crate::store::{ApiKeyRecord, Change, Refusal, Store, StoreError};
use crate::time::{Random, Time};

/// The keys of this installation.
pub struct ApiKeys {
    store: Arc<dyn Store>,
    time: Arc<dyn Time>,
    random: Random,
    /// The administrator's key, where the owner hands one in. Not stored: it may change with every start.
    given: Option<[u8; 32]>,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDraft {
    pub name: String,
    /// Who holds it; the key's name unless given.
    pub person: Option<String>,
    pub groups: BTreeSet<String>,
    pub role: Role,
}

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    pub name: String,
    pub person: String,
    pub groups: BTreeSet<String>,
    pub role: Role,
    pub created_at: Timestamp,
}

/// Why nothing was done about a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("`{name}` is not a name for a key: 1 to 64 letters, digits, `-` and `.`")]
    InvalidName { name: String },
    #[error("{what} must be 1 to 100 characters, without control characters")]
    InvalidText { what: &'static str },
    #[error("there is a key named `{name}` already; revoke it first, or use another name")]
    Taken { name: String },
    #[error("the key `{name}` belongs to the program itself")]
    Reserved { name: String },
    #[error("there is no key named `{name}`")]
    NotFound { name: String },
    #[error("{0}")]
    Store(#[from] StoreError),
}

const ADMINISTRATOR: &str = "administrator";
/// The key of commands on the machine itself; a new one with every start.
const LOCAL: &str = "local";
const PREFIX: &str = "callboard_";
const LONGEST_NAME: usize = 64;
const LONGEST_TEXT: usize = 100;

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
        self.put(of_the_program(ADMINISTRATOR)).await.map(Some)
    }

    /// A new key for commands on this machine; the one before it counts no longer. Where nodes share the data, each has
    /// its own.
    pub async fn renew_local(&self, node: Option<&str>) -> Result<SecretString, StoreError> {
        let name = node.map_or_else(|| LOCAL.to_owned(), |node| format!("{LOCAL}.{node}"));
        self.put(of_the_program(&name)).await
    }

    /// Makes a key for somebody. The answer is the only time it can be seen.
    pub async fn add(&self, draft: KeyDraft) -> Result<SecretString, KeyError> {
        let name = draft.name.clone();
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(fits) {
            return Err(KeyError::InvalidName { name });
        }
        check_text("the person's name", draft.person.as_deref().unwrap_or(&name))?;
        draft.groups.iter().try_for_each(|group| check_text("the name of a group", group))?;
        check_reserved(&name)?;
        if self.store.find_api_key(&name).await?.is_some() {
            return Err(KeyError::Taken { name });
        }
        Ok(self.put(draft).await?)
    }

    /// All keys by name, without the one that the owner handed in.
    pub async fn list(&self) -> Result<Vec<KeySummary>, StoreError> {
        let keys = self.store.list_api_keys().await?.into_iter();
        Ok(keys.map(summary).collect())
    }

    /// Whoever shows the key from now on is refused.
    pub async fn revoke(&self, name: &str) -> Result<(), KeyError> {
        check_reserved(name)?;
        match self.store.commit(vec![Change::DeleteApiKey { id: name.into() }]).await {
            Err(StoreError::Refused(Refusal::NoSuchApiKey { name })) => {
                Err(KeyError::NotFound { name })
            }
            done => Ok(done?),
        }
    }

    /// Who shows this key, if it is one of ours.
    pub async fn check(&self, key: &str) -> Result<Option<Caller>, StoreError> {
        let shown = hash(key);
        if self.given.is_some_and(|given| bool::from(given.ct_eq(&shown))) {
            let (name, groups) = (ADMINISTRATOR.into(), BTreeSet::new());
            return Ok(Some(Caller { name, groups, role: Role::Administrator }));
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
        let known = known.filter(|known| known.hash.ct_eq(&shown).into());
        Ok(known.map(|known| Caller { name: known.person, groups: known.groups, role: known.role }))
    }

    async fn put(&self, draft: KeyDraft) -> Result<SecretString, StoreError> {
        let KeyDraft { name, person, groups, role } = draft;
        let mut bytes = [0; 24];
        (self.random)(&mut bytes);
        let key = format!("{PREFIX}{name}_{}", hex::encode(bytes));
        let record = ApiKeyRecord {
            hash: hash(&key).to_vec(),
            person: person.unwrap_or_else(|| name.clone()),
            id: name.clone(),
            name,
            groups,
            role,
            at: self.time.now(),
        };
        self.store.commit(vec![Change::PutApiKey(record)]).await?;
        Ok(key.into())
    }
}

/// Whether a key looks like those that are made here: one that an owner thought of does not.
pub fn is_made_key(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|rest| rest.contains('_'))
}

fn of_the_program(name: &str) -> KeyDraft {
    let (name, role) = (name.to_owned(), Role::Administrator);
    KeyDraft { name, person: None, groups: BTreeSet::new(), role }
}

fn summary(record: ApiKeyRecord) -> KeySummary {
    let ApiKeyRecord { name, person, groups, role, at, .. } = record;
    KeySummary { name, person, groups, role, created_at: at }
}

fn check_text(what: &'static str, text: &str) -> Result<(), KeyError> {
    let fits = (1..=LONGEST_TEXT).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(KeyError::InvalidText { what }) }
}

fn check_reserved(name: &str) -> Result<(), KeyError> {
    // Those of single nodes begin with it.
    let is_local =
        name.strip_prefix(LOCAL).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if name == ADMINISTRATOR || is_local {
        return Err(KeyError::Reserved { name: name.into() });
    }
    Ok(())
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
