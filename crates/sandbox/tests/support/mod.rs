//! A sandbox, an executor and links between them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part; what cannot be set up fails the test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use callboard_apps::{
    Attempt, Catalogue, Executor, Failed, Link, LinkCredentials, Options, Performed, Recovered,
};
use callboard_sandbox::{Cut, Fault, Sandbox};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

pub(crate) const SECRET: &str = "the-link-secret-8f1c";
/// 2026-11-24T12:00:00Z.
pub(crate) const START: i64 = 1_795_521_600;

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) executor: Executor,
    clock: Arc<AtomicI64>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap())
        };
        let catalogue = Arc::new(Catalogue::embedded());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = callboard_sandbox::Options::new(now.clone());
        for app in catalogue.apps() {
            options.secrets.insert(app.name.clone(), SecretString::from(SECRET));
        }
        let sandbox = Sandbox::start(listener, Arc::clone(&catalogue), options).unwrap();
        sandbox.seed(&json!({"bamboohr": {"employees": [ada()]}})).unwrap();
        let executor = Executor::new(Options::new(now, Arc::new(|bytes| bytes.fill(7)))).unwrap();
        Self { sandbox, catalogue, executor, clock }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn advance(&self, duration: SignedDuration) {
        self.clock.fetch_add(duration.as_secs(), Ordering::Relaxed);
    }

    pub(crate) fn link(&self, app: &str) -> Link {
        let settings: Map<String, Value> = match app {
            "bamboohr" => Map::from_iter([("company".to_owned(), json!("acme"))]),
            "airtable" => Map::from_iter([("base".to_owned(), json!("appProvisioning"))]),
            "resend" => Map::from_iter([("from".to_owned(), json!("IT <it@example.com>"))]),
            "zendesk" => Map::from_iter([
                ("subdomain".to_owned(), json!("acme")),
                ("agent".to_owned(), json!("callboard@example.com")),
            ]),
            _ => Map::new(),
        };
        Link {
            name: format!("{app}-test"),
            app: app.to_owned(),
            base_url: self.sandbox.app_url(app).parse().unwrap(),
            settings,
            credentials: LinkCredentials::Secret(SecretString::from(SECRET)),
        }
    }

    pub(crate) fn attempt(&self, action: &str, arguments: Value) -> Attempt<'_> {
        let action = self.catalogue.action(action).unwrap();
        Attempt::new(
            action,
            arguments,
            format!("run-1:do/{}", action.id),
            self.now(),
            "run-1".to_owned(),
        )
    }

    pub(crate) async fn perform(
        &self,
        action: &str,
        arguments: Value,
    ) -> Result<Performed, Failed> {
        let attempt = self.attempt(action, arguments);
        self.executor.perform(&self.link(attempt.action.app()), &attempt).await
    }

    pub(crate) async fn recover(&self, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        self.executor.recover(&self.link(attempt.action.app()), attempt).await
    }

    pub(crate) fn fail(&self, app: &str, action: &str, status: u16, retry_after: Option<u32>) {
        let action = Some(action.to_owned());
        self.sandbox.add_fault(Fault {
            app: app.into(),
            action,
            status: Some(status),
            times: 1,
            retry_after,
            cut: None,
        });
    }

    pub(crate) fn cut(&self, app: &str, action: &str, cut: Cut) {
        let action = Some(action.to_owned());
        self.sandbox.add_fault(Fault {
            app: app.into(),
            action,
            status: None,
            times: 1,
            retry_after: None,
            cut: Some(cut),
        });
    }
}

pub(crate) fn ada() -> Value {
    json!({
        "id": "42", "firstName": "Ada", "lastName": "Lovelace", "displayName": "Ada Lovelace",
        "workEmail": "Ada.Lovelace@acme.example", "homeEmail": "ada@home.example", "department": "Engineering",
        "jobLevel": "Senior", "hireDate": "2026-12-01",
    })
}

pub(crate) fn upsert() -> Value {
    json!({"table": "IT provisioning", "key": ["Employee"], "rows": [{"Employee": "42", "User": "auth0|1", "State": "created"}]})
}

pub(crate) fn message() -> Value {
    json!({"channel": "#it-ops", "text": "Ada starts on Tuesday"})
}

pub(crate) fn mail() -> Value {
    json!({"to": "ada@home.example", "subject": "Welcome", "text": "Set your password: https://t/reset?ticket=T1CK3T-s3cr3t"})
}
