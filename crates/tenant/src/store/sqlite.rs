//! The embedded backend: one SQLite file per tenant.
//!
//! Reads run on the caller's thread over a fixed number of connections, which is far faster than handing them to
//! another thread. Writes go to one thread that commits everything which has queued up as one group (`writer`).

mod events;
mod log_ids;
mod read;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{
    CommitError, Direction, Document, End, EventBounds, Kind, LogEntry, LogSpan, News, Related,
    Relation, Span, Store, StoreError, StoredEvent, Transaction, Witness,
};
use crate::Clock;
use writer::Writer;

/// Readers beside each other; more than processors are of no use.
const READERS: usize = 4;

/// Where the file is.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The disk: what was answered survives a power cut.
    Full,
    /// The operating system: what was answered survives a crash of the process.
    Process,
}

/// A store in one SQLite database.
pub(crate) struct SqliteStore {
    readers: Vec<Arc<Mutex<Connection>>>,
    turn: AtomicUsize,
    writer: Writer,
    news: News,
}

impl SqliteStore {
    pub(crate) fn open(
        location: &Location,
        durability: Durability,
        clock: Clock,
        witness: Arc<dyn Witness>,
    ) -> Result<Self, StoreError> {
        let main = match location {
            Location::Memory => Connection::open_in_memory()?,
            Location::File(path) => Connection::open(path)?,
        };
        schema::prepare(&main, durability)?;
        let newest_entry = log_ids::newest(&main)?.unwrap_or_default();
        let news = News::new(events::bounds(&main)?.newest, newest_entry);
        let main = Arc::new(Mutex::new(main));
        let readers = match location {
            // A database in memory is visible through its one connection only.
            Location::Memory => vec![Arc::clone(&main)],
            Location::File(path) => (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?,
        };
        let writer = Writer::start(main, clock, witness, news.clone())?;
        Ok(Self { readers, turn: AtomicUsize::new(0), writer, news })
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        query(&self.connection())
    }

    /// A connection that is free, or the next one in turn when none is.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.readers.len() {
            if let Ok(free) = self.readers[(start + offset) % self.readers.len()].try_lock() {
                return free;
            }
        }
        self.readers[start % self.readers.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reader(path: &Path) -> Result<Arc<Mutex<Connection>>, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::tune_reader(&connection)?;
    Ok(Arc::new(Mutex::new(connection)))
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        self.read(|connection| read::get(connection, kind, id))
    }

    async fn find(
        &self,
        kind: Kind,
        name: &'static str,
        value: &str,
    ) -> Result<Option<Document>, StoreError> {
        self.read(|connection| read::find(connection, kind, name, value))
    }

    async fn matching(
        &self,
        kind: Kind,
        name: &'static str,
        value: &str,
        span: Span,
    ) -> Result<Vec<Document>, StoreError> {
        self.read(|connection| read::matching(connection, kind, name, value, span))
    }

    async fn list(&self, kind: Kind, span: Span) -> Result<Vec<Document>, StoreError> {
        self.read(|connection| read::list(connection, kind, span))
    }

    async fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        self.read(|connection| read::count(connection, kind))
    }

    async fn related(
        &self,
        relation: Relation,
        end: End<'_>,
        span: Span,
    ) -> Result<Vec<Related>, StoreError> {
        self.read(|connection| read::related(connection, relation, end, span))
    }

    async fn count_related(&self, relation: Relation, end: End<'_>) -> Result<u64, StoreError> {
        self.read(|connection| read::count_related(connection, relation, end))
    }

    async fn is_related(
        &self,
        relation: Relation,
        source: &str,
        target: &str,
    ) -> Result<bool, StoreError> {
        self.read(|connection| read::is_related(connection, relation, source, target))
    }

    async fn log_entry(&self, id: &str) -> Result<Option<LogEntry>, StoreError> {
        self.read(|connection| read::log_entry(connection, id))
    }

    async fn log_entries(&self, span: LogSpan<'_>) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|connection| read::log_entries(connection, span))
    }

    async fn events(&self, after: i64, limit: u64) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|connection| events::after(connection, after, limit))
    }

    async fn event_bounds(&self) -> Result<EventBounds, StoreError> {
        self.read(events::bounds)
    }

    async fn event_position_at(&self, moment: Timestamp) -> Result<i64, StoreError> {
        self.read(|connection| events::position_at(connection, moment))
    }

    fn news(&self) -> &News {
        &self.news
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), CommitError> {
        self.writer.commit(transaction).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite;

    fn clock() -> Clock {
        Arc::new(|| "2026-03-02T08:00:00Z".parse().unwrap())
    }

    #[tokio::test]
    async fn a_store_in_memory_keeps_the_contract() {
        let store =
            SqliteStore::open(&Location::Memory, Durability::Process, clock(), suite::witness())
                .unwrap();
        suite::keeps_the_contract(&store).await;
    }

    #[tokio::test]
    async fn a_store_in_a_file_keeps_the_contract_and_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("tenant.sqlite"));
        let store =
            SqliteStore::open(&location, Durability::Full, clock(), suite::witness()).unwrap();
        suite::keeps_the_contract(&store).await;
        let written = suite::everything(&store).await;
        drop(store);
        let reopened =
            SqliteStore::open(&location, Durability::Full, clock(), suite::witness()).unwrap();
        assert_eq!(suite::everything(&reopened).await, written);
    }
}
