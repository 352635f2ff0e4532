//! Who performs an action: the catalogue's executor, or a double in tests.

use async_trait::async_trait;
use callboard_apps::{App, Attempt, Executor, Failed, Link, Performed, Recovered, Tested};
use callboard_apps::{
    CallAnswer, CallFailed, CallFailure, Calls, EventSource, Failure, LogPlace, StreamPlace,
};
use callboard_flow::{ErrorKind, FunctionCall, WorkflowError};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// The engine's only way to the outside.
#[async_trait]
pub trait Performer: Send + Sync {
    /// What stands there before an action that [reads it](callboard_apps::Action::reads_before). Changes nothing.
    async fn before(&self, _: &Link, _: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        Ok(None)
    }

    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed>;

    /// Finds out what became of an attempt without an outcome, as its action's manifest says.
    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed>;

    /// Whether it performs the language's own calls; definitions with such calls are refused where it does not.
    fn performs_calls(&self) -> bool {
        false
    }

    /// Why such calls do not go to an address, as far as the address itself tells.
    fn may_reach(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }

    /// Performs `call: http`, `openapi` or `mcp`. `key` and `hidden` are as in an [`Attempt`].
    async fn call(
        &self,
        call: &FunctionCall,
        _key: &str,
        _hidden: &[SecretString],
    ) -> Result<CallAnswer, CallFailed> {
        let detail = format!("`call: {}` is not performed here", crate::raw::word(call));
        let failure = CallFailure::Rejected(WorkflowError::new(ErrorKind::Configuration, detail));
        Err(CallFailed { failure, exchanges: Vec::new() })
    }

    /// The app's harmless call.
    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed>;

    /// Whether it reads what tenants log and announce; triggers that need it stay silent where it does not.
    fn reads_feeds(&self) -> bool {
        false
    }

    /// Entries of a tenant's log, a page at most.
    async fn read_log(&self, app: &App, _: &Link, _: &LogPlace) -> Result<Vec<Value>, Failure> {
        Err(no_feed(app))
    }

    /// The tenant's stream of events of these types (all without any) from that place on.
    async fn open_events(
        &self,
        app: &App,
        _: &Link,
        _: &StreamPlace,
        _types: &[String],
    ) -> Result<Box<dyn EventSource>, Failure> {
        Err(no_feed(app))
    }
}

fn no_feed(app: &App) -> Failure {
    Failure::Later { retry_at: None, why: format!("what {} announces is not read here", app.title) }
}

#[async_trait]
impl Performer for Executor {
    async fn before(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        Executor::before(self, link, attempt).await
    }

    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        Executor::perform(self, link, attempt).await
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        Executor::recover(self, link, attempt).await
    }

    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        Executor::test(self, app, link).await
    }

    fn reads_feeds(&self) -> bool {
        true
    }

    async fn read_log(
        &self,
        app: &App,
        link: &Link,
        place: &LogPlace,
    ) -> Result<Vec<Value>, Failure> {
        self.read_log(&app.service, link, place).await
    }

    async fn open_events(
        &self,
        app: &App,
        link: &Link,
        place: &StreamPlace,
        types: &[String],
    ) -> Result<Box<dyn EventSource>, Failure> {
        self.open_events(&app.service, link, place, types).await
    }
}

/// The catalogue's executor, and the language's own calls beside it.
pub struct WithCalls {
    pub executor: Executor,
    pub calls: Calls,
}

#[async_trait]
impl Performer for WithCalls {
    async fn before(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        self.executor.before(link, attempt).await
    }

    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        self.executor.perform(link, attempt).await
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        self.executor.recover(link, attempt).await
    }

    fn performs_calls(&self) -> bool {
        true
    }

    fn may_reach(&self, url: &Url) -> Result<(), String> {
        self.calls.may_reach(url)
    }

    async fn call(
        &self,
        call: &FunctionCall,
        key: &str,
        hidden: &[SecretString],
    ) -> Result<CallAnswer, CallFailed> {
        self.calls.perform(call, &|_| None, key, hidden).await
    }

    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        self.executor.test(app, link).await
    }

    fn reads_feeds(&self) -> bool {
        true
    }

    async fn read_log(
        &self,
        app: &App,
        link: &Link,
        place: &LogPlace,
    ) -> Result<Vec<Value>, Failure> {
        self.executor.read_log(&app.service, link, place).await
    }

    async fn open_events(
        &self,
        app: &App,
        link: &Link,
        place: &StreamPlace,
        types: &[String],
    ) -> Result<Box<dyn EventSource>, Failure> {
        self.executor.open_events(&app.service, link, place, types).await
    }
}
