//! A tenant, a link to it, and an executor.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use callboard_apps::{
    Attempt, Catalogue, Executor, Failed, Link, LinkCredentials, Options, Performed, Reversal,
};
use callboard_tenant::{Data, Durability, RateLimits, Scheme, Settings, Tenants};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) const CLIENT_ID: &str = "callboardclient00000000000000000";
pub(crate) const CLIENT_SECRET: &str = "client-secret-that-only-tests-know";
pub(crate) const CONNECTION: &str = "Username-Password-Authentication";

pub(crate) struct Stage {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) executor: Executor,
    pub(crate) url: String,
    steps: AtomicI64,
    _stop: DropGuard,
    _tasks: TaskTracker,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let clock = Arc::new(AtomicI64::new(now.as_second()));
        let tick = move || Timestamp::from_second(clock.fetch_add(1, Ordering::Relaxed)).unwrap();
        let tick: callboard_apps::Clock = Arc::new(tick);
        let counter = AtomicU8::new(0);
        let fill = move |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = counter.fetch_add(89, Ordering::Relaxed);
            }
        };
        let fill = Arc::new(fill);
        let tenants = Tenants::open(Settings {
            data: Data::Memory,
            durability: Durability::Process,
            scheme: Scheme::Http,
            rate_limits: RateLimits::Off,
            names: vec!["test".into()],
            clock: tick.clone(),
            rng: fill.clone(),
        });
        let tenants = tenants.await.unwrap();
        tenants.ensure_client(CLIENT_ID, CLIENT_SECRET).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(callboard_tenant::serve(listener, tenants, stop.clone().cancelled_owned()));
        Self {
            catalogue: Arc::new(Catalogue::embedded()),
            executor: Executor::new(Options::new(tick, fill)).unwrap(),
            url,
            steps: AtomicI64::new(0),
            _stop: stop.drop_guard(),
            _tasks: tasks,
        }
    }

    pub(crate) fn link(&self) -> Link {
        Link {
            name: "tenant".to_owned(),
            app: "auth0".to_owned(),
            base_url: self.url.parse().unwrap(),
            settings: Map::new(),
            credentials: LinkCredentials::ClientCredentials {
                client_id: CLIENT_ID.to_owned(),
                client_secret: CLIENT_SECRET.into(),
            },
        }
    }

    /// A step of its own.
    pub(crate) fn attempt(&self, action: &str, arguments: Value) -> Attempt<'_> {
        let action = self.catalogue.action(action).unwrap();
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        let at = "2026-11-24T12:00:00Z".parse().unwrap();
        Attempt::new(action, arguments, format!("run-1:step-{step}"), at, "run-1".to_owned())
    }

    pub(crate) async fn perform(
        &self,
        action: &str,
        arguments: Value,
    ) -> Result<Performed, Failed> {
        self.executor.perform(&self.link(), &self.attempt(action, arguments)).await
    }

    pub(crate) async fn output(&self, action: &str, arguments: Value) -> Value {
        let performed = self.perform(action, arguments.clone()).await;
        performed.unwrap_or_else(|failed| panic!("{action} of {arguments}: {failed}")).output
    }

    /// Performs, then performs the inverse.
    pub(crate) async fn do_and_undo(&self, action: &str, arguments: Value) -> Performed {
        let done = self.perform(action, arguments.clone()).await.unwrap();
        let action = self.catalogue.action(action).unwrap();
        match action.reversal(&arguments, &done.output, done.before.as_ref()).unwrap() {
            Reversal::Call { action, arguments } => drop(self.output(&action, arguments).await),
            Reversal::Nothing => {}
            Reversal::Impossible { why } => panic!("{}: {why}", action.id),
        }
        done
    }

    pub(crate) async fn user(&self, email: &str) -> String {
        let user = json!({"connection": CONNECTION, "email": email});
        self.output("auth0.users.create", user).await["user_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn role(&self, name: &str) -> String {
        let role = json!({"method": "POST", "path": "/roles", "body": {"name": name}});
        self.output("auth0.raw", role).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn roles_of(&self, user: &str) -> Vec<String> {
        let held = self.output("auth0.users.roles.list", json!({"user": user})).await;
        let ids = held["roles"].as_array().unwrap().iter();
        ids.map(|role| role["name"].as_str().unwrap().to_owned()).collect()
    }
}
