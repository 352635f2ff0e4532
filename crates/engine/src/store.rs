//! What the engine asks of a database: few primitives, changes as data with preconditions.
//!
//! A list of changes is one transaction: all of it is durable when `commit` answers, or nothing of it happened. Time is
//! always a value from the caller. The only SQL is below, in `sql`, over what `sqlite` and `postgres` make of a connection.

mod change;
mod documents;
mod gathering;
mod news;
mod postgres;
mod records;
mod schedules;
mod sql;
mod sqlite;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

pub use change::{Advance, Change, Claim, Handover, Heir, NewRun, Publication, Refusal, StartKey};
pub use documents::DocumentRecord;
pub use gathering::{Gather, Rule};
pub use news::{Item, News, Topic};
pub use records::{
    ApiKeyRecord, ApprovalFilter, BudgetRecord, ClaimedRun, EventRecord, LinkRecord, Page,
    RunFilter, RunRecord, SecretRecord, Signal, WorkflowRecord,
};
pub use schedules::{
    Occurrence, OccurrenceState, Origin, Paused, QueuedOccurrence, ScheduleRecord,
    SettledOccurrence, Standing,
};
pub use sql::{Place, SqlStore};

use crate::approvals::Approval;
use crate::ids::RunId;
use crate::journal::Entry;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold; nothing of the transaction happened.
    #[error("{0}")]
    Refused(Refusal),
    #[error("the store failed while it {tried}: {why}")]
    Failed { tried: &'static str, why: String },
    /// A row that cannot be what the engine wrote.
    #[error("the row {id} of {table} cannot be read: {why}")]
    Inconsistent { table: &'static str, id: String, why: String },
    /// Written by a newer version of this program.
    #[error(
        "the data was written by a newer version (schema {found}, this version knows {known}): use that version"
    )]
    TooNew { found: i64, known: i64 },
    /// The connection broke at the commit, and nobody can be asked what became of it.
    #[error(
        "the connection to the database broke, and whether it took the last change is not known"
    )]
    Unknown,
    #[error("the store is closed")]
    Closed,
}

/// The engine's database.
#[async_trait]
pub trait Store: Send + Sync {
    /// Does all changes in one durable transaction, or none of them.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError>;

    /// Takes ownership of runs that are due and owned by nobody (any more), the longest due first.
    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, StoreError>;

    /// Gives up what earlier lives of this node owned, so that it can be claimed at once, and answers whether it did:
    /// not where another node of that name is alive.
    async fn disown(&self, node: &str, boot: &str) -> Result<bool, StoreError>;
    /// This life of the node is over: the next one need not wait.
    fn leave(&self) {}

    /// What other nodes on the same data did; never, where one process has the data for itself. Safe to drop half way.
    async fn news(&self) -> News {
        std::future::pending().await
    }

    /// How often what nodes keep in memory has changed.
    async fn revisions(&self) -> Result<BTreeMap<Topic, i64>, StoreError>;
    /// Runs of this life of a node that something was said to and that did not take it up yet.
    async fn spoken_to(&self, boot: &str) -> Result<Vec<RunId>, StoreError>;
    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// When the next run that nobody owns is due.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    async fn find_run(&self, id: &RunId) -> Result<Option<RunRecord>, StoreError>;
    async fn list_runs(&self, filter: &RunFilter) -> Result<Page, StoreError>;
    /// Entries of a run in their order, those after this place (0: from the first), at most so many.
    async fn journal_after(
        &self,
        id: &RunId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;
    /// All entries of a run at once. Long histories are better read in pages.
    async fn journal(&self, id: &RunId) -> Result<Vec<Entry>, StoreError> {
        self.journal_after(id, 0, usize::MAX).await
    }
    /// Place of the newest entry of a run, also of one whose journal cannot be read; 0 without any.
    async fn last_seq(&self, id: &RunId) -> Result<i64, StoreError>;
    /// What was said to a run and not taken up yet, oldest first.
    async fn signals(&self, id: &RunId) -> Result<Vec<(i64, Signal)>, StoreError>;

    async fn find_workflow(&self, hash: &str) -> Result<Option<WorkflowRecord>, StoreError>;
    /// What each file of the library stood for last.
    async fn list_library(&self) -> Result<Vec<(String, WorkflowRecord)>, StoreError>;

    /// Every version that the workflows of the library ever had here, oldest first.
    async fn list_versions(&self) -> Result<Vec<WorkflowRecord>, StoreError>;

    async fn find_link(&self, name: &str) -> Result<Option<LinkRecord>, StoreError>;
    async fn list_links(&self) -> Result<Vec<LinkRecord>, StoreError>;
    async fn list_secrets(&self) -> Result<Vec<SecretRecord>, StoreError>;
    async fn find_api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError>;
    /// Runs that go back to this one, oldest first.
    async fn heirs(&self, id: &RunId) -> Result<Vec<RunId>, StoreError>;
    /// Runs that ended before then, the longest over first.
    async fn finished_runs(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<RunRecord>, StoreError>;
    /// The file that a run was moved to.
    async fn find_archived(&self, id: &RunId) -> Result<Option<String>, StoreError>;
    /// Forgets events and keys of starts from before then, at most so many of each. Answers how many went.
    async fn expire_keys(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
    async fn find_approval(&self, id: &str) -> Result<Option<Approval>, StoreError>;
    async fn list_approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, StoreError>;
    /// By name.
    async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError>;
    async fn find_event(
        &self,
        app: &str,
        trigger: &str,
        link: &str,
        dedupe_key: &str,
    ) -> Result<Option<EventRecord>, StoreError>;

    async fn find_document(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<Option<DocumentRecord>, StoreError>;
    /// By key.
    async fn list_documents(&self, kind: &str) -> Result<Vec<DocumentRecord>, StoreError>;
    /// When an event of a trigger was stored last.
    async fn last_event_at(
        &self,
        app: &str,
        trigger: &str,
    ) -> Result<Option<Timestamp>, StoreError>;
    /// For how many keys a workflow gathers events, and the run that began so last.
    async fn gathering(&self, workflow: &str) -> Result<(i64, Option<String>), StoreError>;
    /// Types that begin so and that runs listen for, each once; none where a run listens for events of any type.
    async fn listened_types(&self, prefix: &str) -> Result<Vec<Option<String>>, StoreError>;
    async fn find_budget(&self, tenant: &str) -> Result<Option<BudgetRecord>, StoreError>;
    async fn list_budgets(&self) -> Result<Vec<BudgetRecord>, StoreError>;

    async fn list_schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError>;
    /// Names of schedules to look at: due by `now`, or settled beyond `ahead`, which a clock that was set back tells.
    async fn due_schedules(
        &self,
        now: Timestamp,
        ahead: Timestamp,
    ) -> Result<Vec<String>, StoreError>;
    /// When the next schedule is due.
    async fn next_schedule_wake(&self) -> Result<Option<Timestamp>, StoreError>;
    /// A schedule with what waits and what runs.
    async fn standing(&self, workflow: &str) -> Result<Option<Standing>, StoreError>;
    /// Newest first, older than `before`.
    async fn occurrences(
        &self,
        workflow: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, StoreError>;
    /// The occurrence with this key that was begun or waits.
    async fn find_occurrence(
        &self,
        workflow: &str,
        planned_at: Timestamp,
    ) -> Result<Option<Occurrence>, StoreError>;
}
