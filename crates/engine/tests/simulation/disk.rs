//! The store as one node sees it: slow at times, failing at times, and with answers that get lost.
//!
//! Below it is the real SQL. A change that was sent arrives or gets lost when its sender dies, whether or not somebody
//! still waits for the answer.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use callboard_engine::journal::Entry;
use callboard_engine::store::ScheduleRecord;
use callboard_engine::store::{
    ApiKeyRecord, BudgetRecord, Change, Claim, ClaimedRun, DocumentRecord, EventRecord, LinkRecord,
    Refusal, SecretRecord, Signal, Standing, Topic, WorkflowRecord,
};
use callboard_engine::{
    Approval, ApprovalFilter, Occurrence, Page, RunFilter, RunId, RunRecord, SqlStore, Store,
    StoreError,
};
use jiff::Timestamp;

use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::world::{Due, Life, MILLISECOND, SECOND, World};

/// How the store behaves towards one node. Changed while the node runs.
#[derive(Default)]
pub(crate) struct Manners {
    /// Nothing can be written: the disk is full, or the database is out of reach.
    pub(crate) full: AtomicBool,
    /// Nothing can be read either.
    pub(crate) gone: AtomicBool,
    /// So many calls in a thousand take their time.
    pub(crate) slow: AtomicU64,
    /// So many changes in a thousand happen and are said to have failed.
    pub(crate) unclear: AtomicU64,
    /// Calls since the world's time last went on: a busy loop shows here.
    pub(crate) calls: Mutex<(u64, u64)>,
}

/// More calls at one instant are no work but a loop.
const BUSY: u64 = 20_000;
const LONGEST_DELAY: u64 = 400 * MILLISECOND;

/// The store as one life of a node sees it.
pub(crate) struct Disk {
    pub(crate) world: World,
    pub(crate) life: Life,
    pub(crate) manners: Arc<Manners>,
    pub(crate) below: Arc<SqlStore>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) mutation: Option<Mutation>,
    /// Told when a webhook's thread is done: from then on its task goes on here.
    pub(crate) apart: Arc<AtomicBool>,
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// What a future of the store in memory answers: it never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory answers at once"),
    }
}

fn failed(why: &str) -> StoreError {
    StoreError::Failed { tried: "did its work", why: why.to_owned() }
}

impl Disk {
    /// Lets nobody ask without end.
    async fn count(&self) {
        let now = self.world.now();
        let asked = {
            let mut calls = self.manners.calls.lock().unwrap();
            *calls = if calls.0 == now { (now, calls.1 + 1) } else { (now, 1) };
            calls.1
        };
        if asked > BUSY {
            self.world.violated(&format!("{} asks the store without end", self.life));
            std::future::pending::<()>().await;
        }
    }

    /// Waits as long as the store takes; `None` where it answers at once.
    fn delay(&self) -> Option<(u64, u64)> {
        let slow = self.manners.slow.load(Ordering::SeqCst);
        self.world.throw(|dice| {
            dice.happens(slow).then(|| (dice.below(LONGEST_DELAY), dice.below(LONGEST_DELAY)))
        })
    }

    /// Reads, now or a little later.
    async fn read<T>(
        &self,
        read: impl FnOnce(Arc<SqlStore>) -> Answer<T> + Send,
    ) -> Result<T, StoreError> {
        self.apart.store(false, Ordering::SeqCst);
        self.count().await;
        if let Some((there, _)) = self.delay() {
            self.world.sleep(self.life, there).await;
        }
        if self.manners.gone.load(Ordering::SeqCst) {
            return Err(failed("it is out of reach"));
        }
        read(Arc::clone(&self.below)).await
    }

    /// Writes: the message takes its time, and so does the answer.
    async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        write: impl FnOnce(Arc<SqlStore>) -> Answer<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.apart.store(false, Ordering::SeqCst);
        self.count().await;
        let unclear = self.manners.unclear.load(Ordering::SeqCst);
        let unclear = self.world.throw(|dice| dice.happens(unclear));
        let answered = match self.delay() {
            None if self.manners.full.load(Ordering::SeqCst) => Err(failed("the disk is full")),
            None => write(Arc::clone(&self.below)).await,
            Some((there, back)) => {
                let arrived = Arc::new(Mutex::new(None));
                let (slot, store) = (Arc::clone(&arrived), Arc::clone(&self.below));
                let (manners, world) = (Arc::clone(&self.manners), self.world.clone());
                let life = self.life;
                let deed = Box::new(move || {
                    world.say(format_args!("{life} {what} arrives"));
                    let full = manners.full.load(Ordering::SeqCst);
                    let result =
                        if full { Err(failed("the disk is full")) } else { at_once(write(store)) };
                    *slot.lock().unwrap() = Some(result);
                });
                self.world.after(there, Due::Message { from: life, deed });
                self.world.sleep(life, there + back).await;
                let answer = arrived.lock().unwrap().take();
                answer.unwrap_or_else(|| Err(failed("the line was cut")))
            }
        };
        if unclear && answered.is_ok() {
            self.world
                .say(format_args!("{} {what} happened and is said to have failed", self.life));
            return Err(failed("the line was cut"));
        }
        answered
    }
}

#[async_trait]
impl Store for Disk {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (world, life, ledger) = (self.world.clone(), self.life, Arc::clone(&self.ledger));
        let mutation = self.mutation;
        let commit = move |store: Arc<SqlStore>| -> Answer<()> {
            Box::pin(async move {
                let said = changes.clone();
                let changes = match mutation {
                    None => changes,
                    Some(mutation) => mutation.of_changes(&world, changes),
                };
                let result = match store.commit(changes).await {
                    Err(StoreError::Refused(Refusal::NotOwner { .. }))
                        if mutation == Some(Mutation::NoFence) =>
                    {
                        Ok(())
                    }
                    result => result,
                };
                ledger.lock().unwrap().committed(&world, life, &said, &result, &store);
                result
            })
        };
        if self.mutation == Some(Mutation::AnswersTooEarly) {
            let (below, wait) =
                (Arc::clone(&self.below), self.world.throw(|dice| dice.below(SECOND)));
            let deed = Box::new(move || drop(at_once(commit(below))));
            self.world.after(wait, Due::Message { from: life, deed });
            return Ok(());
        }
        self.write("commit", commit).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, StoreError> {
        let (world, life, ledger) = (self.world.clone(), self.life, Arc::clone(&self.ledger));
        let claim = match self.mutation {
            None => claim,
            Some(mutation) => mutation.of_claim(claim),
        };
        let take = move |store: Arc<SqlStore>| -> Answer<Vec<ClaimedRun>> {
            Box::pin(async move {
                let result = store.claim(claim).await;
                ledger.lock().unwrap().claimed(&world, life, &result);
                result
            })
        };
        self.write("claim", take).await
    }

    async fn disown(&self, node: &str, boot: &str) -> Result<bool, StoreError> {
        let (node, boot) = (node.to_owned(), boot.to_owned());
        self.write("disown", move |store| Box::pin(async move { store.disown(&node, &boot).await }))
            .await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|store| Box::pin(async move { store.next_wake().await })).await
    }

    async fn find_run(&self, id: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let id = id.clone();
        self.read(|store| Box::pin(async move { store.find_run(&id).await })).await
    }

    async fn list_runs(&self, filter: &RunFilter) -> Result<Page, StoreError> {
        let filter = filter.clone();
        self.read(|store| Box::pin(async move { store.list_runs(&filter).await })).await
    }

    async fn journal_after(
        &self,
        id: &RunId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let id = id.clone();
        self.read(move |store| {
            Box::pin(async move { store.journal_after(&id, after, limit).await })
        })
        .await
    }

    async fn last_seq(&self, id: &RunId) -> Result<i64, StoreError> {
        let id = id.clone();
        self.read(|store| Box::pin(async move { store.last_seq(&id).await })).await
    }

    async fn signals(&self, id: &RunId) -> Result<Vec<(i64, Signal)>, StoreError> {
        let id = id.clone();
        self.read(|store| Box::pin(async move { store.signals(&id).await })).await
    }

    async fn find_workflow(&self, hash: &str) -> Result<Option<WorkflowRecord>, StoreError> {
        let hash = hash.to_owned();
        self.read(|store| Box::pin(async move { store.find_workflow(&hash).await })).await
    }

    async fn list_library(&self) -> Result<Vec<(String, WorkflowRecord)>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_library().await })).await
    }

    async fn list_versions(&self) -> Result<Vec<WorkflowRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_versions().await })).await
    }

    async fn find_document(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<DocumentRecord>, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.read(|store| Box::pin(async move { store.find_document(&kind, &id).await })).await
    }

    async fn list_documents(&self, kind: &str) -> Result<Vec<DocumentRecord>, StoreError> {
        let kind = kind.to_owned();
        self.read(|store| Box::pin(async move { store.list_documents(&kind).await })).await
    }

    async fn listened_types(&self, prefix: &str) -> Result<Vec<Option<String>>, StoreError> {
        let prefix = prefix.to_owned();
        self.read(|store| Box::pin(async move { store.listened_types(&prefix).await })).await
    }

    async fn find_link(&self, name: &str) -> Result<Option<LinkRecord>, StoreError> {
        let name = name.to_owned();
        self.read(|store| Box::pin(async move { store.find_link(&name).await })).await
    }

    async fn list_links(&self) -> Result<Vec<LinkRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_links().await })).await
    }

    async fn list_secrets(&self) -> Result<Vec<SecretRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_secrets().await })).await
    }

    async fn find_api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        let id = id.to_owned();
        self.read(|store| Box::pin(async move { store.find_api_key(&id).await })).await
    }

    async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_api_keys().await })).await
    }

    async fn heirs(&self, id: &RunId) -> Result<Vec<RunId>, StoreError> {
        let id = id.clone();
        self.read(|store| Box::pin(async move { store.heirs(&id).await })).await
    }

    async fn finished_runs(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<RunRecord>, StoreError> {
        self.read(move |store| Box::pin(async move { store.finished_runs(before, limit).await }))
            .await
    }

    async fn find_archived(&self, id: &RunId) -> Result<Option<String>, StoreError> {
        let id = id.clone();
        self.read(|store| Box::pin(async move { store.find_archived(&id).await })).await
    }

    async fn expire_keys(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write("expire keys", move |store| {
            Box::pin(async move { store.expire_keys(before, limit).await })
        })
        .await
    }

    async fn last_event_at(
        &self,
        app: &str,
        trigger: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (app, trigger) = (app.to_owned(), trigger.to_owned());
        self.read(|store| Box::pin(async move { store.last_event_at(&app, &trigger).await })).await
    }

    async fn gathering(&self, workflow: &str) -> Result<(i64, Option<String>), StoreError> {
        let workflow = workflow.to_owned();
        self.read(|store| Box::pin(async move { store.gathering(&workflow).await })).await
    }

    async fn spoken_to(&self, boot: &str) -> Result<Vec<RunId>, StoreError> {
        let boot = boot.to_owned();
        self.read(|store| Box::pin(async move { store.spoken_to(&boot).await })).await
    }

    async fn find_budget(&self, tenant: &str) -> Result<Option<BudgetRecord>, StoreError> {
        let tenant = tenant.to_owned();
        self.read(|store| Box::pin(async move { store.find_budget(&tenant).await })).await
    }

    async fn list_budgets(&self) -> Result<Vec<BudgetRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_budgets().await })).await
    }

    async fn find_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(|store| Box::pin(async move { store.find_setting(&name).await })).await
    }

    async fn revisions(&self) -> Result<BTreeMap<Topic, i64>, StoreError> {
        self.read(|store| Box::pin(async move { store.revisions().await })).await
    }

    async fn find_approval(&self, id: &str) -> Result<Option<Approval>, StoreError> {
        let id = id.to_owned();
        self.read(|store| Box::pin(async move { store.find_approval(&id).await })).await
    }

    async fn list_approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, StoreError> {
        let filter = filter.clone();
        self.read(|store| Box::pin(async move { store.list_approvals(&filter).await })).await
    }

    async fn find_event(
        &self,
        app: &str,
        trigger: &str,
        link: &str,
        dedupe_key: &str,
    ) -> Result<Option<EventRecord>, StoreError> {
        let key = [app, trigger, link, dedupe_key].map(str::to_owned);
        self.read(|store| {
            Box::pin(async move {
                let [app, trigger, link, dedupe_key] = &key;
                store.find_event(app, trigger, link, dedupe_key).await
            })
        })
        .await
    }

    async fn list_schedules(&self) -> Result<Vec<ScheduleRecord>, StoreError> {
        self.read(|store| Box::pin(async move { store.list_schedules().await })).await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        ahead: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.read(move |store| Box::pin(async move { store.due_schedules(now, ahead).await })).await
    }

    async fn next_schedule_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|store| Box::pin(async move { store.next_schedule_wake().await })).await
    }

    async fn standing(&self, workflow: &str) -> Result<Option<Standing>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(|store| Box::pin(async move { store.standing(&workflow).await })).await
    }

    async fn occurrences(
        &self,
        workflow: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |store| {
            Box::pin(async move { store.occurrences(&workflow, before, limit).await })
        })
        .await
    }

    async fn find_occurrence(
        &self,
        workflow: &str,
        planned_at: Timestamp,
    ) -> Result<Option<Occurrence>, StoreError> {
        let workflow = workflow.to_owned();
        self.read(move |store| {
            Box::pin(async move { store.find_occurrence(&workflow, planned_at).await })
        })
        .await
    }
}
