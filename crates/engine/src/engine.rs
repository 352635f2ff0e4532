//! The engine as its faces see it: open, start, look, answer, stop. One method per rule.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callboard_apps::Catalogue;
use callboard_flow::Problem;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api_keys::ApiKeys;
use crate::budget::{BudgetGauge, Desks};
use crate::dispatcher::{Driving, dispatch};
use crate::ids;
use crate::library::{Library, LibraryError, Source};
use crate::links::{LinkError, Links};
use crate::nodes::follow_news;
use crate::observer::{Journal, Observer};
use crate::performer::Performer;
use crate::resting::Resting;
use crate::retention::{Retention, keep_tidy};
use crate::schedules::{follow_library, keep_schedules};
use crate::secrets::{SecretError, Secrets};
use crate::store::{Change, Store, StoreError};
use crate::time::{Clock, Random, Time};
use crate::triggers::keep_feeds;
use crate::vault::{KeySource, Vault, VaultError};
use crate::watchers::Watchers;

/// Everything an engine needs from its owner.
pub struct Settings {
    pub store: Arc<dyn Store>,
    pub key: KeySource,
    pub catalogue: Arc<Catalogue>,
    pub performer: Arc<dyn Performer>,
    /// Workflows that come with the program.
    pub workflows: Vec<Source>,
    /// Folder of `*.yaml` laid over them.
    pub workflows_folder: Option<PathBuf>,
    pub time: Arc<dyn Time>,
    /// For leases only: it must not follow jumps of a simulated time.
    pub lease_clock: Clock,
    pub random: Random,
    /// What is kept of what is over; everything, for ever, where there is none.
    pub retention: Option<Retention>,
    /// Address at which people reach this installation; links to pages begin with it.
    pub public_url: String,
    /// The administrator's API key where it is given from outside.
    pub administrator_key: Option<SecretString>,
    /// Names this machine among those that share a database.
    pub node: String,
    /// So many runs are driven at a time; none where this is 0, for looking at data only.
    pub parallel_runs: usize,
    pub observer: Option<Arc<dyn Observer>>,
}

/// Why an engine does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error(
        "what is sealed in this database was sealed with another key: every node and every start needs the same one, in \
         CALLBOARD_SECRETS_KEY or as secrets.key in its data folder"
    )]
    OtherKey,
    #[error("{0}")]
    Links(#[from] LinkError),
    #[error("{0}")]
    Secrets(#[from] SecretError),
    #[error("{0}")]
    Library(#[from] LibraryError),
}

/// What drivers, dispatcher and faces share.
pub(crate) struct Shared {
    pub(crate) journal: Journal,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) performer: Arc<dyn Performer>,
    pub(crate) library: Library,
    pub(crate) links: Links,
    pub(crate) secrets: Secrets,
    pub(crate) vault: Vault,
    pub(crate) time: Arc<dyn Time>,
    pub(crate) lease_clock: Clock,
    pub(crate) random: Random,
    pub(crate) retention: Option<Retention>,
    pub(crate) public_url: String,
    pub(crate) node: String,
    pub(crate) boot: String,
    pub(crate) desks: Arc<Desks>,
    /// Earlier lives of this node are known to be over.
    pub(crate) followed_its_own: bool,
    /// Runs that have a driver here.
    pub(crate) driving: Driving,
    /// Rung when something may have become due.
    pub(crate) wake: Arc<Notify>,
    /// Rung when an event was stored that somebody may listen for.
    pub(crate) delivered: Notify,
    /// Rung when a schedule may have become due.
    pub(crate) planned: Notify,
    /// Rung when other feeds may be wanted.
    pub(crate) feeds: Notify,
    /// Rung when a run has moved.
    pub(crate) moved: Watchers,
    /// Rung when something was said to a run.
    pub(crate) spoken: Watchers,
    /// States of runs that rest.
    pub(crate) resting: Resting,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// A running engine. Dropping it without [`Engine::stop`] is like a crash: nothing is lost.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    api_keys: ApiKeys,
}

impl Engine {
    /// Opens the data and takes up every unfinished run at once.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let Settings { store, catalogue, time, random, .. } = settings;
        let vault = Vault::open(&settings.key, Arc::clone(&random))?;
        check_key(store.as_ref(), &vault).await?;
        // Before anything is read: what changes meanwhile is read again.
        let revisions = store.revisions().await?;
        let links = Links::load(
            Arc::clone(&store),
            vault.clone(),
            Arc::clone(&catalogue),
            Arc::clone(&time),
        )
        .await?;
        let secrets = Secrets::load(Arc::clone(&store), vault.clone(), Arc::clone(&time)).await?;
        // Only now: a wrong key has failed on what older data holds, and must not stand there as the right one.
        keep_key(store.as_ref(), &vault).await?;
        let library = Library::load(
            Arc::clone(&store),
            Arc::clone(&catalogue),
            settings.performer.performs_calls(),
            Arc::clone(&time),
            settings.workflows,
            settings.workflows_folder,
        )
        .await?;
        let boot = ids::time_ordered(time.now(), &random);
        // Whoever drives nothing needs no run of an earlier life.
        let followed_its_own =
            settings.parallel_runs > 0 && take_over(store.as_ref(), &settings.node, &boot).await?;
        let given = settings.administrator_key.as_ref();
        let api_keys =
            ApiKeys::new(Arc::clone(&store), Arc::clone(&time), Arc::clone(&random), given);
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let wake = Arc::new(Notify::new());
        let desks = Desks::new(
            Arc::clone(&store),
            Arc::clone(&time),
            boot.clone(),
            stop.clone(),
            tracker.clone(),
            Arc::clone(&wake),
            settings.parallel_runs,
        );
        let shared = Arc::new(Shared {
            journal: Journal::new(store, settings.observer),
            catalogue,
            performer: settings.performer,
            library,
            links,
            secrets,
            vault,
            time,
            lease_clock: settings.lease_clock,
            random,
            retention: settings.retention,
            public_url: settings.public_url,
            node: settings.node,
            boot,
            desks,
            wake,
            followed_its_own,
            driving: Driving::default(),
            delivered: Notify::new(),
            planned: Notify::new(),
            feeds: Notify::new(),
            moved: Watchers::default(),
            spoken: Watchers::default(),
            resting: Resting::default(),
            tracker,
            stop,
        });
        if settings.parallel_runs > 0 {
            follow_library(&shared).await?;
            if let Some(retention) = shared.retention.clone() {
                shared.tracker.spawn(keep_tidy(Arc::clone(&shared), retention));
            }
            shared.tracker.spawn(follow_news(Arc::clone(&shared), revisions));
            shared.tracker.spawn(keep_schedules(Arc::clone(&shared)));
            shared.tracker.spawn(keep_feeds(Arc::clone(&shared)));
            shared.tracker.spawn(dispatch(Arc::clone(&shared), settings.parallel_runs));
        }
        Ok(Self { shared, api_keys })
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    pub fn library(&self) -> &Library {
        &self.shared.library
    }

    /// Reads the library's folder again; schedules follow. Answers the mistakes that were found.
    pub async fn reload_library(&self) -> Result<Vec<Problem>, LibraryError> {
        let problems = self.shared.library.reload().await?;
        follow_library(&self.shared).await?;
        self.shared.feeds.notify_one();
        Ok(problems)
    }

    pub fn api_keys(&self) -> &ApiKeys {
        &self.api_keys
    }

    /// The rate budgets of all tenants that were called.
    pub async fn budgets(&self) -> Result<Vec<BudgetGauge>, StoreError> {
        self.shared.desks.gauges().await
    }

    /// Begins nothing new, waits for the calls in flight at most so long, and lets go of all runs.
    pub async fn stop(&self, patience: Duration) {
        self.shared.stop.cancel();
        self.shared.tracker.close();
        if tokio::time::timeout(patience, self.shared.tracker.wait()).await.is_err() {
            tracing::warn!(
                "calls were still in flight at the end; the next start finds out about them"
            );
        }
        self.shared.journal.store().leave();
    }
}

/// Takes up at once what earlier lives of this node left, unless one of them seems to go on.
async fn take_over(store: &dyn Store, node: &str, boot: &str) -> Result<bool, StoreError> {
    let followed = store.disown(node, boot).await?;
    if !followed {
        tracing::warn!(
            "another node named {node} is alive on this database, or was a moment ago; its runs are left to it: every \
             node needs a name of its own, see --node"
        );
    }
    Ok(followed)
}

const KEY_CHECK: &str = "key check";

/// All nodes on the data must seal with one key. The first leaves a text that only this key opens.
async fn keep_key(store: &dyn Store, vault: &Vault) -> Result<(), OpenError> {
    let value = vault.seal(KEY_CHECK, KEY_CHECK);
    store.commit(vec![Change::KeepSetting { name: KEY_CHECK, value }]).await?;
    // Another node may have been first.
    check_key(store, vault).await
}

async fn check_key(store: &dyn Store, vault: &Vault) -> Result<(), OpenError> {
    match store.find_setting(KEY_CHECK).await? {
        Some(kept) if vault.open_sealed(KEY_CHECK, &kept).is_err() => Err(OpenError::OtherKey),
        _ => Ok(()),
    }
}

impl Shared {
    pub(crate) fn lease_until(&self) -> jiff::Timestamp {
        crate::driver::after((self.lease_clock)(), crate::driver::LEASE)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.journal.store().leave();
    }
}
