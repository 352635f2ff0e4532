//! One node to a name: a lock in the server that goes with the connection that took it, however the node ends. Two nodes
//! that were given one name by mistake must not take each other's runs.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use crate::store::StoreError;

/// The server may need a moment to see that the node's former life is over.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is tried meanwhile, and afterwards.
const TRY_OFTEN: Duration = Duration::from_millis(100);
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// After the connection broke.
const RECONNECT: Duration = Duration::from_secs(1);

/// Names are of a schema, the locks of a whole database.
const TRY: &str = "SELECT pg_try_advisory_lock(hashtextextended(\
                   'callboard ' || current_schema() || ' ' || $1::text, 0))";

/// A node's name while it lives. Dropping it leaves the name to others.
pub(super) struct Name {
    held: watch::Receiver<bool>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Name {
    /// Begins to try, until it succeeds; and again where the connection breaks.
    pub(super) fn take(name: &str, config: Config) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed {
            tried: "started a thread",
            why: error.to_string(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (holds, held) = watch::channel(false);
        let (stop, name) = (CancellationToken::new(), name.to_owned());
        let stopped = stop.clone();
        let work = move || {
            let holding = async {
                loop {
                    if let Err(error) = hold(&name, &config, &holds).await {
                        tracing::debug!("the name {name} is not held: {error}");
                    }
                    sleep(RECONNECT).await;
                }
            };
            runtime.block_on(stopped.run_until_cancelled(holding));
        };
        let thread = thread::Builder::new().name("store-name".into()).spawn(work);
        Ok(Self { held, stop, thread: Some(thread.map_err(failed)?) })
    }

    /// Whether nobody else has it, nor keeps it for longer than a node needs to die.
    pub(super) fn is_alone(&self) -> impl Future<Output = bool> + Send + use<> {
        let mut held = self.held.clone();
        async move {
            let wait = held.wait_for(|holds| *holds);
            matches!(timeout(PATIENCE, wait).await, Ok(Ok(_)))
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            drop(thread.join());
        }
    }
}

/// Until the connection breaks.
async fn hold(
    name: &str,
    config: &Config,
    holds: &watch::Sender<bool>,
) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = config.connect(Tls).await?;
    tokio::select! {
        ended = connection => ended,
        failed = keep_trying(name, &client, holds) => failed,
    }
}

async fn keep_trying(
    name: &str,
    client: &Client,
    holds: &watch::Sender<bool>,
) -> Result<(), tokio_postgres::Error> {
    let began = tokio::time::Instant::now();
    while !client.query_one(TRY, &[&name]).await?.try_get::<_, bool>(0)? {
        sleep(if began.elapsed() < PATIENCE { TRY_OFTEN } else { TRY_AGAIN }).await;
    }
    holds.send_replace(true);
    std::future::pending().await
}
