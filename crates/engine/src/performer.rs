//! Who performs an action: the catalogue's executor, or a double in tests.

use async_trait::async_trait;
use callboard_apps::{App, Attempt, Executor, Failed, Link, Performed, Recovered, Tested};

/// The engine's only way to the outside.
#[async_trait]
pub trait Performer: Send + Sync {
    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed>;

    /// Finds out what became of an attempt without an outcome, as its action's manifest says.
    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed>;

    /// The app's harmless call.
    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed>;
}

#[async_trait]
impl Performer for Executor {
    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        Executor::perform(self, link, attempt).await
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        Executor::recover(self, link, attempt).await
    }

    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        Executor::test(self, app, link).await
    }
}
