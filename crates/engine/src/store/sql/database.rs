//! The store over a database that speaks SQL.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::connection::Connection;
use super::{
    api_keys, apply, approvals, budgets, documents, gathering, read, retention, schedules, secrets,
    settings, subscriptions,
};
use crate::approvals::Approval;
use crate::ids::RunId;
use crate::journal::Entry;
use crate::store::postgres::Pool;
use crate::store::sqlite::Threads;
use crate::store::{
    ApiKeyRecord, ApprovalFilter, BudgetRecord, Change, Claim, ClaimedRun, DocumentRecord,
    EventRecord, LinkRecord, News, Occurrence, Page, RunFilter, RunRecord, ScheduleRecord,
    SecretRecord, Signal, Standing, Store, StoreError, Topic, WorkflowRecord,
};
use crate::time::Clock;

/// Where the database lives.
#[derive(Debug, Clone)]
pub enum Place {
    /// Gone with the process: for trying a definition.
    Memory,
    File(PathBuf),
    /// A PostgreSQL server, as `postgres://USER:PASSWORD@HOST/DATABASE`. Many nodes may share it.
    Postgres(SecretString),
}

/// The engine's store on SQLite or PostgreSQL.
pub struct SqlStore {
    backend: Backend,
}

enum Backend {
    Sqlite(Threads),
    Postgres(Pool),
}

impl SqlStore {
    /// Opens the database and brings its schema up to date. A file is made where it is not there.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        let backend = match place {
            Place::Memory => Backend::Sqlite(Threads::start(None)?),
            Place::File(path) => Backend::Sqlite(Threads::start(Some(path))?),
            Place::Postgres(address) => Backend::Postgres(Pool::open(address)?),
        };
        Ok(Self { backend })
    }

    /// The one clock that all nodes' leases count on, where nodes share the data.
    pub fn lease_clock(&self) -> Option<Clock> {
        match &self.backend {
            Backend::Sqlite(_) => None,
            Backend::Postgres(pool) => Some(pool.clock()),
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(threads) => threads.write(work).await,
            Backend::Postgres(pool) => pool.write(work).await,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.backend {
            Backend::Sqlite(threads) => threads.read(work).await,
            Backend::Postgres(pool) => pool.read(work).await,
        }
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let news = match &self.backend {
            Backend::Sqlite(_) => News::default(),
            Backend::Postgres(_) => News::of(&changes),
        };
        self.write(move |connection| apply::all(connection, &changes)).await?;
        if let Backend::Postgres(pool) = &self.backend {
            pool.tell(news);
        }
        Ok(())
    }

    async fn news(&self) -> News {
        match &self.backend {
            Backend::Sqlite(_) => std::future::pending().await,
            Backend::Postgres(pool) => pool.news().await,
        }
    }

    async fn revisions(&self) -> Result<BTreeMap<Topic, i64>, StoreError> {
        self.read(settings::revisions).await
    }

    async fn spoken_to(&self, boot: &str) -> Result<Vec<RunId>, StoreError> {
        let boot = boot.to_owned();
        self.read(move |connection| read::spoken_to(connection, &boot)).await
    }

    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| settings::find(connection, &name)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, StoreError> {
        self.write(move |connection| apply::claim(connection, &claim)).await
    }

    async fn disown(&self, node: &str, boot: &str) -> Result<bool, StoreError> {
        // A file is one process's anyway: its folder is locked.
        if let Backend::Postgres(pool) = &self.backend
            && !pool.take_name(node).await?
        {
            return Ok(false);
        }
        let (node, boot) = (node.to_owned(), boot.to_owned());
        self.write(move |connection| apply::disown(connection, &node, &boot)).await?;
        Ok(true)
    }

    fn leave(&self) {
        if let Backend::Postgres(pool) = &self.backend {
            pool.leave();
        }
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(read::next_wake).await
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::find_run(connection, &id)).await
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Page, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| read::list_runs(connection, &filter)).await
    }

    async fn journal_after(
        &self,
        id: &RunId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::journal(connection, &id, after, limit)).await
    }

    async fn last_seq(&self, id: &RunId) -> Result<i64, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::last_seq(connection, &id)).await
    }

    async fn signals(&self, id: &RunId) -> Result<Vec<(i64, Signal)>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::signals(connection, &id)).await
    }

    async fn find_workflow(&self, hash: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        let hash = hash.to_owned();
        self.read(move |connection| read::find_workflow(connection, &hash)).await
    }

    async fn list_library(&self) -> Result<Vec<(String, WorkflowRecord)>, StoreError> {
        self.read(read::list_library).await
    }

    async fn list_versions(&self) -> Result<Vec<WorkflowRecord>, StoreError> {
        self.read(read::list_versions).await
    }

    async fn find_link(&self, name: &str) -> Result<Option<LinkRecord>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| read::find_link(connection, &name)).await
    }

    async fn list_links(&self) -> Result<Vec<LinkRecord>, StoreError> {
        self.read(read::list_links).await
    }

    async fn list_secrets(&self) -> Result<Vec<SecretRecord>, StoreError> {
        self.read(secrets::list).await
    }

    async fn find_api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| api_keys::find(connection, &id)).await
    }

    async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.read(api_keys::list).await
    }

    async fn heirs(&self, id: &RunId) -> Result<Vec<RunId>, StoreError> {
        let id = id.clone();
        self.read(move |connection| read::heirs(connection, &id)).await
    }

    async fn finished_runs(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<RunRecord>, StoreError> {
        self.read(move |connection| retention::finished(connection, before, limit)).await
    }

    async fn find_archived(&self, id: &RunId) -> Result<Option<String>, StoreError> {
        let id = id.clone();
        self.read(move |connection| retention::archived(connection, &id)).await
    }

    async fn expire_keys(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |connection| retention::expire(connection, before, limit)).await
    }

    async fn find_approval(&self, id: &str) -> Result<Option<Approval>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| approvals::find(connection, &id)).await
    }

    async fn list_approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| approvals::list(connection, &filter)).await
    }

    async fn find_event(
        &self,
        app: &str,
        trigger: &str,
        link: &str,
        dedupe_key: &str,
    ) -> Result<Option<EventRecord>, StoreError> {
        let key = [app, trigger, link, dedupe_key].map(str::to_owned);
        self.read(move |connection| {
            let [app, trigger, link, dedupe_key] = &key;
            read::find_event(connection, app, trigger, link, dedupe_key)
        })
        .await
    }

    async fn find_document(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<Option<DocumentRecord>, StoreError> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.read(move |connection| documents::find(connection, &kind, &key)).await
    }

    async fn list_documents(&self, kind: &str) -> Result<Vec<DocumentRecord>, StoreError> {
        let kind = kind.to_owned();
        self.read(move |connection| documents::list(connection, &kind)).await
    }

    async fn last_event_at(
        &self,
        app: &str,
        trigger: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (app, trigger) = (app.to_owned(), trigger.to_owned());
        self.read(move |connection| read::last_event_at(connection, &app, &trigger)).await
    }

    async fn gathering(&self, workflow: &str) -> Result<(i64, Option<String>), StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |connection| gathering::standing(connection, &workflow)).await
    }

    async fn listened_types(&self, prefix: &str) -> Result<Vec<Option<String>>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(move |connection| subscriptions::types(connection, &prefix)).await
    }

    async fn find_budget(&self, tenant: &str) -> Result<Option<BudgetRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(move |connection| budgets::find(connection, &tenant)).await
    }

    async fn list_budgets(&self) -> Result<Vec<BudgetRecord>, StoreError> {
        self.read(budgets::list).await
    }

    async fn list_schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        self.read(schedules::list).await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        ahead: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.read(move |connection| schedules::due(connection, now, ahead)).await
    }

    async fn next_schedule_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(schedules::next_wake).await
    }

    async fn standing(&self, workflow: &str) -> Result<Option<Standing>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |connection| schedules::standing(connection, &workflow)).await
    }

    async fn occurrences(
        &self,
        workflow: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |connection| schedules::occurrences(connection, &workflow, before, limit))
            .await
    }

    async fn find_occurrence(
        &self,
        workflow: &str,
        planned_at: Timestamp,
    ) -> Result<Option<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |connection| schedules::find_occurrence(connection, &workflow, planned_at))
            .await
    }
}
