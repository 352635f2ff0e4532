//! The tenants of a process and what each of them holds open.

mod fresh;
pub(crate) mod signing_keys;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderMap;
use http::header::HOST;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Alarm;
use crate::delivery::{self, Courier};
use crate::management::events::Teller;
use crate::passwords::Hasher;
use crate::pipeline::{RateLimiter, RateLimits};
use crate::random::Random;
use crate::store::{CommitError, Durability, Location, SqliteStore, Store, StoreError};
use crate::tokens::{KeyRing, SigningKey, TokenError, Verifier};
use crate::{Clock, Rng};

/// Where tenants keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Gone with the process.
    Memory,
    /// One SQLite file per tenant in this folder, which is created if needed.
    Folder(PathBuf),
}

/// How callers reach the tenants; it stands in issuers, audiences and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// Listeners that a tenant has at the same time.
const LISTENERS: usize = 256;

/// What the tenants of a process need to know.
#[derive(Clone)]
pub struct Settings {
    pub data: Data,
    pub durability: Durability,
    pub scheme: Scheme,
    pub rate_limits: RateLimits,
    /// At least one. A request goes to the tenant whose name is the first label of its Host (`acme.localhost:4000`);
    /// any other Host reaches the first.
    pub names: Vec<String>,
    pub clock: Clock,
    pub rng: Rng,
}

/// Why tenants cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("no tenant was named")]
    NoNames,
    #[error(
        "the tenant name {0:?} has other characters than lower-case letters, digits and hyphens"
    )]
    Name(String),
    #[error("cannot open the store of tenant {tenant}")]
    Store { tenant: String, source: StoreError },
    #[error("cannot prepare the keys of tenant {tenant}")]
    Keys { tenant: String, source: TokenError },
}

/// All tenants of a process; cheap to clone.
#[derive(Clone)]
pub struct Tenants {
    by_name: Arc<BTreeMap<String, Arc<Tenant>>>,
    first: Arc<Tenant>,
    scheme: Scheme,
}

/// One tenant.
pub(crate) struct Tenant {
    name: String,
    store: Box<dyn Store>,
    keys: RwLock<Arc<KeyRing>>,
    verifier: Verifier,
    rate_limiter: RateLimiter,
    hasher: Hasher,
    clock: Clock,
    alarm: Alarm,
    random: Random,
    listeners: Arc<Semaphore>,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

impl Tenants {
    /// Opens every named tenant; a new one gets its signing key, settings, system API and database connection.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let mut by_name = BTreeMap::new();
        for name in &settings.names {
            let tenant = Tenant::open(name, &settings).await?;
            by_name.insert(name.clone(), Arc::new(tenant));
        }
        let first = settings
            .names
            .first()
            .and_then(|name| by_name.get(name))
            .cloned()
            .ok_or(OpenError::NoNames)?;
        Ok(Self { by_name: Arc::new(by_name), first, scheme: settings.scheme })
    }

    /// Makes sure that every tenant has a machine-to-machine application with this id and secret and a grant for the
    /// Management API with every scope.
    pub async fn ensure_client(&self, id: &str, secret: &str) -> Result<(), StoreError> {
        for tenant in self.by_name.values() {
            match fresh::ensure_client(tenant, id, secret).await {
                Err(CommitError::Store(error)) => return Err(error),
                // In a conflict somebody else has just made it.
                Ok(()) | Err(CommitError::Conflict(_)) => {}
            }
        }
        Ok(())
    }

    /// Whoever moves the clock by hand says so, and what waits for a moment looks at it again.
    pub fn clock_moved(&self) {
        self.by_name.values().for_each(|tenant| tenant.alarm.clock_moved());
    }

    /// Delivers to log streams and event streams from now on, until the tenants stop serving. Without it streams are
    /// kept and nothing leaves the tenants.
    pub fn deliver_through(&self, courier: &Arc<dyn Courier>) {
        self.by_name.values().for_each(|tenant| delivery::begin(tenant, courier));
    }

    /// Ends what lasts, such as listening to events.
    pub(crate) fn stop(&self) {
        self.by_name.values().for_each(|tenant| tenant.stopped.cancel());
    }

    /// Returns when everything that lasts has ended.
    pub(crate) async fn ended(&self) {
        for tenant in self.by_name.values() {
            tenant.tasks.close();
            tenant.tasks.wait().await;
        }
    }

    pub(crate) fn addressed_by(&self, headers: &HeaderMap) -> Arc<Tenant> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let label = host.split(['.', ':']).next().unwrap_or_default();
        Arc::clone(self.by_name.get(label).unwrap_or(&self.first))
    }

    pub(crate) fn scheme(&self) -> &'static str {
        match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

impl Tenant {
    async fn open(name: &str, settings: &Settings) -> Result<Self, OpenError> {
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_label) {
            return Err(OpenError::Name(name.to_owned()));
        }
        let failed = |source| OpenError::Store { tenant: name.to_owned(), source };
        let location = location(name, &settings.data).map_err(failed)?;
        let random = Random::new(Arc::clone(&settings.rng));
        let teller = Arc::new(Teller::new(name, random.clone()));
        let clock = Arc::clone(&settings.clock);
        let store =
            SqliteStore::open(&location, settings.durability, clock, teller).map_err(failed)?;
        let keys = signing_keys::all(&store, &random)
            .await
            .map_err(|error| fresh::Failure::from(error).naming(name))?;
        let damaged = || OpenError::Keys { tenant: name.to_owned(), source: TokenError::Damaged };
        let keys = signing_keys::ring(&keys).ok_or_else(damaged)?;
        let tenant = Self {
            name: name.to_owned(),
            store: Box::new(store),
            keys: RwLock::new(Arc::new(keys)),
            verifier: Verifier::default(),
            rate_limiter: RateLimiter::new(settings.rate_limits),
            hasher: Hasher::new(),
            clock: Arc::clone(&settings.clock),
            alarm: Alarm::new(Arc::clone(&settings.clock)),
            random,
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        fresh::ensure_basics(&tenant)
            .await
            .map_err(|error| fresh::Failure::from(error).naming(name))?;
        Ok(tenant)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The key that the tenant signs with now.
    pub(crate) fn signing_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys().current)
    }

    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs and verifies with these keys from now on.
    pub(crate) fn use_keys(&self, keys: Arc<KeyRing>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn rate_limiter(&self) -> &RateLimiter {
        &self.rate_limiter
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(crate) fn random(&self) -> &Random {
        &self.random
    }

    /// Waits for moments of the tenant's clock.
    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Cancelled when the tenant stops serving: what lasts must end.
    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }

    /// Tasks that end when the tenant stops.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// A place for one more listener; it is free again when dropped.
    pub(crate) fn place_for_listener(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.listeners).try_acquire_owned().ok()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

fn location(name: &str, data: &Data) -> Result<Location, StoreError> {
    let Data::Folder(folder) = data else { return Ok(Location::Memory) };
    std::fs::create_dir_all(folder)
        .map_err(|source| StoreError::Folder { path: folder.display().to_string(), source })?;
    Ok(Location::File(folder.join(format!("{name}.sqlite"))))
}
