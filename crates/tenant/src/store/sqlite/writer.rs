//! The one thread that writes: it takes what has queued up, applies it and commits it as one group.

mod apply;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::log_ids::LogIds;
use super::{CommitError, News, StoreError, Transaction, Witness};
use crate::Clock;

/// At most this many transactions share one commit.
const GROUP: usize = 512;

/// What the writing thread has at hand besides the connection.
struct Desk {
    ids: LogIds,
    clock: Clock,
    witness: Arc<dyn Witness>,
}

/// What came with committed transactions, for those who wait for it.
#[derive(Debug, Clone, Default)]
struct Came {
    newest_event: Option<i64>,
    newest_entry: Option<String>,
}

impl Came {
    fn and(&mut self, later: Self) {
        self.newest_event = later.newest_event.or(self.newest_event);
        self.newest_entry = later.newest_entry.or(self.newest_entry.take());
    }
}

struct Job {
    transaction: Transaction,
    done: oneshot::Sender<Result<(), CommitError>>,
}

/// The way to the writing thread; dropping it ends the thread when the queue is empty.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Arc<Mutex<Connection>>,
        clock: Clock,
        witness: Arc<dyn Witness>,
        news: News,
    ) -> Result<Self, StoreError> {
        let ids = LogIds::resume(&connection.lock().unwrap_or_else(PoisonError::into_inner))?;
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("tenant-writer".into())
            .spawn(move || {
                let mut desk = Desk { ids, clock, witness };
                run(&connection, &queue, &mut desk, &news);
            })
            .map_err(|_| StoreError::Stopped)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) async fn commit(&self, transaction: Transaction) -> Result<(), CommitError> {
        let (done, outcome) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Stopped)?;
        jobs.send(Job { transaction, done }).map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writing thread of a tenant has panicked");
        }
    }
}

fn run(connection: &Mutex<Connection>, queue: &Receiver<Job>, desk: &mut Desk, news: &News) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = queue.try_recv()
        {
            group.push(job);
        }
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (waiting, outcomes, came) = commit_group(&mut connection, group, desk);
        drop(connection);
        news.publish(came.newest_event, came.newest_entry);
        for (done, outcome) in waiting.into_iter().zip(outcomes) {
            // A caller that has gone away does not want to know; the change stands.
            drop(done.send(outcome));
        }
    }
}

type Waiting = Vec<oneshot::Sender<Result<(), CommitError>>>;
type Outcomes = Vec<Result<(), CommitError>>;

/// Each transaction succeeds or fails alone; the disk is waited for once.
fn commit_group(
    connection: &mut Connection,
    group: Vec<Job>,
    desk: &mut Desk,
) -> (Waiting, Outcomes, Came) {
    let (transactions, waiting): (Vec<_>, Waiting) =
        group.into_iter().map(|job| (job.transaction, job.done)).unzip();
    let count = transactions.len();
    let (outcomes, came) = apply_all(connection, transactions, desk).unwrap_or_else(|error| {
        tracing::error!(error = %error, "a group of transactions could not be committed");
        let stopped = (0..count).map(|_| Err(CommitError::Store(StoreError::Stopped)));
        (stopped.collect(), Came::default())
    });
    (waiting, outcomes, came)
}

fn apply_all(
    connection: &mut Connection,
    transactions: Vec<Transaction>,
    desk: &mut Desk,
) -> Result<(Outcomes, Came), StoreError> {
    let mut group = connection.transaction()?;
    let mut all = Came::default();
    let mut outcomes = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let savepoint = group.savepoint()?;
        match apply::transaction(&savepoint, transaction, desk) {
            Ok(came) => {
                savepoint.commit()?;
                all.and(came);
                outcomes.push(Ok(()));
            }
            Err(error) => {
                // Dropping a savepoint rolls it back.
                drop(savepoint);
                outcomes.push(Err(error));
            }
        }
    }
    group.commit()?;
    Ok((outcomes, all))
}
