//! The other side of the calls: a server that answers at once, a performer that needs no server, a client without an engine.

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use callboard_apps::{App, Attempt, Executor, Failed, Link, Options, Performed, Recovered, Tested};
use callboard_engine::Performer;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::seeded;

/// A server on a free loopback port; it ends with this.
pub(crate) struct Office {
    pub(crate) url: String,
    serving: AbortHandle,
}

impl Office {
    #[expect(clippy::disallowed_methods, reason = "aborted when it is dropped")]
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let answer = async || {
            (StatusCode::CREATED, [("content-type", "application/json")], r#"{"ok":true}"#)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/notes", post(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, serving: serving.abort_handle() })
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One call as the executor makes it, without an engine around it.
pub(crate) async fn plain_call(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let request = client.post(url).bearer_auth("x");
    let answer = request.json(&json!({"text": "x"})).send().await?.error_for_status()?;
    let _: serde_json::Value = answer.json().await?;
    Ok(())
}

/// The real executor.
#[expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
pub(crate) fn executor() -> anyhow::Result<Executor> {
    Ok(Executor::new(Options::new(std::sync::Arc::new(Timestamp::now), seeded()))?)
}

/// Answers at once, so that only durability is measured.
pub(crate) struct Prompt;

#[async_trait]
impl Performer for Prompt {
    async fn perform(&self, _: &Link, _: &Attempt<'_>) -> Result<Performed, Failed> {
        Ok(Performed { output: json!({"ok": true}), before: None, exchanges: Vec::new() })
    }

    async fn recover(&self, _: &Link, _: &Attempt<'_>) -> Result<Recovered, Failed> {
        Ok(Recovered::DidNot)
    }

    async fn test(&self, _: &App, _: &Link) -> Result<Tested, Failed> {
        Ok(Tested {
            who: "nobody".into(),
            expires_at: None,
            scopes: Vec::new(),
            exchanges: Vec::new(),
        })
    }
}
