//! SQLite: the embedded default.
//!
//! Parameters are `?1`: SQLite takes `$1` for a name and numbers it by its first appearance.
//! One thread writes and commits what has queued up as a group (`synchronous=FULL`); a few threads read beside it.

mod api_keys;
mod apply;
mod read;
mod rows;
mod schedules;
mod schema;
mod secrets;
mod subscriptions;
mod threads;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    ApiKeyRecord, Change, Claim, ClaimedRun, EventRecord, LinkRecord, Occurrence, Page, RunFilter,
    RunRecord, ScheduleRecord, SecretRecord, Signal, Standing, Store, StoreError, WorkflowRecord,
};
use crate::ids::RunId;
use crate::journal::Entry;
use threads::Threads;

/// Where the database lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Gone with the process: for trying a definition.
    Memory,
    File(PathBuf),
}

/// The engine's store on SQLite.
pub struct SqliteStore {
    threads: Threads,
}

impl SqliteStore {
    /// Opens the database, makes it where it is not there, and brings its schema up to date.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        Ok(Self { threads: Threads::start(place)? })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.threads.write(move |connection| apply::all(connection, &changes)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, StoreError> {
        self.threads.write(move |connection| apply::claim(connection, &claim)).await
    }

    async fn disown(&self, node: &str, boot: &str) -> Result<(), StoreError> {
        let (node, boot) = (node.to_owned(), boot.to_owned());
        self.threads.write(move |connection| apply::disown(connection, &node, &boot)).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.threads.read(read::next_wake).await
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let id = id.clone();
        self.threads.read(move |connection| read::find_run(connection, &id)).await
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Page, StoreError> {
        let filter = filter.clone();
        self.threads.read(move |connection| read::list_runs(connection, &filter)).await
    }

    async fn journal(&self, id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let id = id.clone();
        self.threads.read(move |connection| read::journal(connection, &id)).await
    }

    async fn last_seq(&self, id: &RunId) -> Result<i64, StoreError> {
        let id = id.clone();
        self.threads.read(move |connection| read::last_seq(connection, &id)).await
    }

    async fn signals(&self, id: &RunId) -> Result<Vec<(i64, Signal)>, StoreError> {
        let id = id.clone();
        self.threads.read(move |connection| read::signals(connection, &id)).await
    }

    async fn find_workflow(&self, hash: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        let hash = hash.to_owned();
        self.threads.read(move |connection| read::find_workflow(connection, &hash)).await
    }

    async fn list_library(&self) -> Result<Vec<(String, WorkflowRecord)>, StoreError> {
        self.threads.read(read::list_library).await
    }

    async fn find_link(&self, name: &str) -> Result<Option<LinkRecord>, StoreError> {
        let name = name.to_owned();
        self.threads.read(move |connection| read::find_link(connection, &name)).await
    }

    async fn list_links(&self) -> Result<Vec<LinkRecord>, StoreError> {
        self.threads.read(read::list_links).await
    }

    async fn list_secrets(&self) -> Result<Vec<SecretRecord>, StoreError> {
        self.threads.read(secrets::list).await
    }

    async fn find_api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        let id = id.to_owned();
        self.threads.read(move |connection| api_keys::find(connection, &id)).await
    }

    async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.threads.read(api_keys::list).await
    }

    async fn find_event(
        &self,
        app: &str,
        trigger: &str,
        link: &str,
        dedupe_key: &str,
    ) -> Result<Option<EventRecord>, StoreError> {
        let key = [app, trigger, link, dedupe_key].map(str::to_owned);
        self.threads
            .read(move |connection| {
                let [app, trigger, link, dedupe_key] = &key;
                read::find_event(connection, app, trigger, link, dedupe_key)
            })
            .await
    }

    async fn list_schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        self.threads.read(schedules::list).await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        ahead: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.threads.read(move |connection| schedules::due(connection, now, ahead)).await
    }

    async fn next_schedule_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.threads.read(schedules::next_wake).await
    }

    async fn standing(&self, workflow: &str) -> Result<Option<Standing>, StoreError> {
        let workflow = workflow.to_owned();
        self.threads.read(move |connection| schedules::standing(connection, &workflow)).await
    }

    async fn occurrences(
        &self,
        workflow: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.threads
            .read(move |connection| schedules::occurrences(connection, &workflow, before, limit))
            .await
    }

    async fn find_occurrence(
        &self,
        workflow: &str,
        planned_at: Timestamp,
    ) -> Result<Option<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.threads
            .read(move |connection| schedules::find_occurrence(connection, &workflow, planned_at))
            .await
    }
}
