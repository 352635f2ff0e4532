//! Links: which tenant or app, and as whom. Credentials are sealed at rest and never leave by this module's answers.

mod address;
mod credentials;
mod test;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use callboard_apps::{Catalogue, Link};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use crate::store::{Change, LinkRecord, Refusal, Signal, Store, StoreError};
use crate::time::Time;
use crate::vault::{Vault, VaultError};

pub use credentials::SecretName;
pub use test::LinkReport;

/// A link as somebody asks for it. Secrets by name: see [`Links::secret_names`].
#[derive(Debug, Clone)]
pub struct LinkDraft {
    pub name: String,
    pub app: String,
    /// Where the app has one address for everybody, or its settings tell, this may be left out.
    pub url: Option<Url>,
    pub settings: Map<String, Value>,
    pub secrets: BTreeMap<String, SecretString>,
}

/// A link as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkSummary {
    pub name: String,
    pub app: String,
    pub url: String,
    pub settings: Map<String, Value>,
    /// Names of the secrets it holds.
    pub secrets: Vec<String>,
    pub changed_at: Timestamp,
    /// Stands for its app where several do and nothing names one.
    pub is_default: bool,
}

/// Why a link cannot be added, found or used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("there is no link named `{name}`; `callboard link list` shows the links there are")]
    NotFound { name: String },
    #[error("the name `{name}` of a link must be 1 to 64 letters, digits, `-`, `_` or `.`")]
    InvalidName { name: String },
    #[error("there is no app `{app}`; known are {known}")]
    UnknownApp { app: String, known: String },
    #[error("the settings of the link do not fit {app}: {why}")]
    InvalidSettings { app: String, why: String },
    #[error(
        "the address of a link to {app} {wrong}; right is `https://HOST/PATH`, or `http://` on this machine only, without user, query or fragment"
    )]
    InvalidAddress { app: String, wrong: &'static str },
    #[error("a link to {app} {wrong}; its secrets are {known}")]
    Secrets { app: String, wrong: String, known: String },
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// A link with everything in it, only in memory.
#[derive(Debug, Clone)]
pub(crate) struct OpenLink {
    pub(crate) link: Arc<Link>,
    pub(crate) webhook_secret: Option<SecretString>,
    secrets: Vec<String>,
    /// As it was stored: never twice the same.
    sealed: String,
    changed_at: Timestamp,
    pub(crate) is_default: bool,
}

/// All links of the installation.
pub struct Links {
    store: Arc<dyn Store>,
    vault: Vault,
    catalogue: Arc<Catalogue>,
    time: Arc<dyn Time>,
    open: RwLock<BTreeMap<String, OpenLink>>,
    /// Held while memory is ahead of what is stored: nobody reads again meanwhile.
    changing: Mutex<()>,
}

impl Links {
    /// Opens every link there is; one that does not open is an error with its name, not a surprise in a run.
    pub(crate) async fn load(
        store: Arc<dyn Store>,
        vault: Vault,
        catalogue: Arc<Catalogue>,
        time: Arc<dyn Time>,
    ) -> Result<Self, LinkError> {
        let mut open = BTreeMap::new();
        for record in store.list_links().await? {
            open.insert(record.name.clone(), unseal(&vault, record)?);
        }
        Ok(Self {
            store,
            vault,
            catalogue,
            time,
            open: RwLock::new(open),
            changing: Mutex::new(()),
        })
    }

    /// What other nodes changed. Answers app and name of each link that is another now, or gone.
    pub(crate) async fn read_again(&self) -> Result<Vec<(String, String)>, StoreError> {
        let _changing = self.changing.lock().await;
        let known = self.read(BTreeMap::clone);
        let (mut changed, mut open) = (Vec::new(), BTreeMap::new());
        for record in self.store.list_links().await? {
            let name = record.name.clone();
            let same = |known: &&OpenLink| {
                known.sealed == record.sealed && known.is_default == record.is_default
            };
            if let Some(known) = known.get(&name).filter(same) {
                open.insert(name, known.clone());
                continue;
            }
            match unseal(&self.vault, record) {
                Ok(link) => {
                    changed.push((link.link.app.clone(), name.clone()));
                    open.insert(name, link);
                }
                Err(error) => tracing::error!(link = name, "it cannot be opened: {error}"),
            }
        }
        let gone = known.values().filter(|known| !open.contains_key(&known.link.name));
        changed.extend(gone.map(|gone| (gone.link.app.clone(), gone.link.name.clone())));
        // All at once: a run must not see one link alone where two replace each other.
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = open;
        Ok(changed)
    }

    /// The secrets that a link to this app may hold, for a face that asks for them.
    pub fn secret_names(&self, app: &str) -> Result<Vec<SecretName>, LinkError> {
        let app = self.catalogue.app(app).ok_or_else(|| self.unknown_app(app))?;
        Ok(credentials::names(app))
    }

    /// Adds the link or replaces the one of its name. Runs that wait for this app try again.
    pub(crate) async fn put(&self, draft: LinkDraft) -> Result<LinkSummary, LinkError> {
        let LinkDraft { name, app, url, settings, secrets } = draft;
        if !is_name(&name) {
            return Err(LinkError::InvalidName { name });
        }
        let app = self.catalogue.app(&app).ok_or_else(|| self.unknown_app(&app))?;
        let invalid = |why| LinkError::InvalidSettings { app: app.name.clone(), why };
        app.settings.check(&Value::Object(settings.clone())).map_err(|mismatches| {
            invalid(mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?;
        let base_url = match url {
            Some(url) => url,
            None => app.base_url(&settings).map_err(|error| invalid(error.to_string()))?,
        };
        address::check(&base_url)
            .map_err(|wrong| LinkError::InvalidAddress { app: app.name.clone(), wrong })?;
        let (credentials, webhook_secret) = credentials::from_secrets(app, &secrets)?;
        let sealed = self
            .vault
            .seal(&context(&name), &credentials::to_text(&credentials, webhook_secret.as_ref()));
        let changed_at = self.time.now();
        let record = LinkRecord {
            name: name.clone(),
            app: app.name.clone(),
            base_url: base_url.to_string(),
            settings,
            sealed,
            changed_at,
            is_default: self
                .find(&name)
                .is_some_and(|open| open.is_default && open.link.app == app.name),
        };
        let opened = unseal(&self.vault, record.clone())?;
        let signal = Signal::LinkChanged { app: app.name.clone(), link: name.clone() };
        let blocked = Change::SignalBlocked { on: app.name.clone(), signal, at: changed_at };
        let _changing = self.changing.lock().await;
        // First in memory, so that what wakes up finds it.
        let before = self.remember(name.clone(), Some(opened.clone()));
        if let Err(error) = self.store.commit(vec![Change::PutLink(record), blocked]).await {
            self.remember(name, before);
            return Err(error.into());
        }
        Ok(summary(&opened))
    }

    pub async fn remove(&self, name: &str) -> Result<(), LinkError> {
        let mut changes = vec![Change::DeleteLink { name: name.into() }];
        let _changing = self.changing.lock().await;
        let removed = self.remember(name.to_owned(), None);
        if let Some(removed) = &removed {
            // Where several links led to the app, one may be left.
            let (app, link) = (removed.link.app.clone(), name.to_owned());
            let signal = Signal::LinkChanged { app: app.clone(), link };
            changes.push(Change::SignalBlocked { on: app, signal, at: self.time.now() });
        }
        let result = self.store.commit(changes).await;
        if result.is_err() {
            self.remember(name.to_owned(), removed);
        }
        match result {
            Ok(()) => Ok(()),
            Err(StoreError::Refused(Refusal::NoSuchLink { name })) => {
                Err(LinkError::NotFound { name })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// From now on this link stands for its app where several do. Runs that wait for one try again.
    pub(crate) async fn make_default(&self, name: &str) -> Result<LinkSummary, LinkError> {
        let not_found = || LinkError::NotFound { name: name.into() };
        let app = self.find(name).ok_or_else(not_found)?.link.app.clone();
        let signal = Signal::LinkChanged { app: app.clone(), link: name.into() };
        let changes = vec![
            Change::MakeDefaultLink { app: app.clone(), name: name.into() },
            Change::SignalBlocked { on: app.clone(), signal, at: self.time.now() },
        ];
        let _changing = self.changing.lock().await;
        // First in memory, so that what wakes up finds it.
        let before = self.of_app(&app).into_iter().find(|open| open.is_default);
        self.set_default(&app, Some(name));
        match self.store.commit(changes).await {
            Ok(()) => self.get(name),
            Err(error) => {
                self.set_default(&app, before.map(|open| open.link.name.clone()).as_deref());
                Err(match error {
                    StoreError::Refused(Refusal::NoSuchLink { .. }) => not_found(),
                    error => error.into(),
                })
            }
        }
    }

    fn set_default(&self, app: &str, name: Option<&str>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        for link in open.values_mut().filter(|open| open.link.app == app) {
            link.is_default = name == Some(link.link.name.as_str());
        }
    }

    pub fn list(&self) -> Vec<LinkSummary> {
        self.read(|open| open.values().map(summary).collect())
    }

    pub fn get(&self, name: &str) -> Result<LinkSummary, LinkError> {
        self.find(name)
            .map(|open| summary(&open))
            .ok_or_else(|| LinkError::NotFound { name: name.into() })
    }

    pub(crate) fn find(&self, name: &str) -> Option<OpenLink> {
        self.read(|open| open.get(name).cloned())
    }

    pub(crate) fn of_app(&self, app: &str) -> Vec<OpenLink> {
        self.read(|open| open.values().filter(|open| open.link.app == app).cloned().collect())
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<String, OpenLink>) -> T) -> T {
        read(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, name: String, link: Option<OpenLink>) -> Option<OpenLink> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        match link {
            Some(link) => open.insert(name, link),
            None => open.remove(&name),
        }
    }

    fn unknown_app(&self, app: &str) -> LinkError {
        let known: Vec<&str> = self.catalogue.apps().map(|app| app.name.as_str()).collect();
        LinkError::UnknownApp { app: app.into(), known: known.join(", ") }
    }
}

fn context(name: &str) -> String {
    format!("credentials of link {name}")
}

fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

fn unseal(vault: &Vault, record: LinkRecord) -> Result<OpenLink, LinkError> {
    let text = vault.open_sealed(&context(&record.name), &record.sealed)?;
    let inconsistent =
        |why: String| StoreError::Inconsistent { table: "links", id: record.name.clone(), why };
    let (credentials, webhook_secret) = credentials::from_text(&text).map_err(inconsistent)?;
    let base_url = Url::parse(&record.base_url).map_err(|error| inconsistent(error.to_string()))?;
    let secrets = credentials::held(&credentials, webhook_secret.as_ref());
    let link = Link {
        name: record.name,
        app: record.app,
        base_url,
        settings: record.settings,
        credentials,
    };
    let (sealed, changed_at, is_default) = (record.sealed, record.changed_at, record.is_default);
    Ok(OpenLink { link: Arc::new(link), webhook_secret, secrets, sealed, changed_at, is_default })
}

fn summary(open: &OpenLink) -> LinkSummary {
    LinkSummary {
        name: open.link.name.clone(),
        app: open.link.app.clone(),
        url: open.link.base_url.to_string(),
        settings: open.link.settings.clone(),
        secrets: open.secrets.clone(),
        changed_at: open.changed_at,
        is_default: open.is_default,
    }
}
