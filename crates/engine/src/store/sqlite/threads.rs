//! One writer, a few readers, and the queues before them. In memory none of it: the caller waits anyway.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failed;
use crate::store::StoreError;
use crate::store::sql::connection;
use crate::store::sql::schema;

/// At most so many transactions share one sync of the disk.
const GROUP: usize = 512;
const READERS: usize = 2;
const BUSY: Duration = Duration::from_secs(10);

/// A transaction in the writer's queue. It answers its caller only when the group is durable.
type Write = Box<dyn FnOnce(&Connection) -> Reply + Send>;
/// Tells the caller what came of it, given whether the group's commit succeeded.
type Reply = Box<dyn FnOnce(Result<(), &str>) + Send>;
type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The connections, and who holds them.
pub(in crate::store) enum Threads {
    /// In memory only one connection sees the data; whoever asks uses it.
    Memory(Mutex<Connection>),
    File(FileThreads),
}

/// They end when this is dropped.
pub(in crate::store) struct FileThreads {
    writer: Option<Sender<Write>>,
    readers: Option<Sender<Read>>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Without a path the data is gone with the process.
    pub(in crate::store) fn start(path: Option<&Path>) -> Result<Self, StoreError> {
        if let Some(path) = path {
            make_private(path).map_err(|error| StoreError::Failed {
                tried: "made the database its owner's alone",
                why: error.to_string(),
            })?;
        }
        let connection = connect(path)?;
        migrate(&connection)?;
        if path.is_none() {
            return Ok(Self::Memory(Mutex::new(connection)));
        }
        let (writer, transactions) = channel();
        let mut running =
            vec![start("store-writer", move || write_in_groups(&connection, &transactions))?];
        let (readers, reads) = channel::<Read>();
        let reads = Arc::new(Mutex::new(reads));
        for _ in 0..READERS {
            let (connection, reads) = (connect(path)?, Arc::clone(&reads));
            connection
                .pragma_update(None, "query_only", true)
                .map_err(|error| failed("opened", &error))?;
            running.push(start("store-reader", move || answer_reads(&connection, &reads))?);
        }
        Ok(Self::File(FileThreads { writer: Some(writer), readers: Some(readers), running }))
    }

    /// Runs `work` as one transaction of its own; an error of it undoes what it did.
    pub(in crate::store) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn connection::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |connection| {
            let result = in_savepoint(connection, work);
            Box::new(move |committed| {
                let result = result.and_then(|value| match committed {
                    Ok(()) => Ok(value),
                    Err(why) => Err(StoreError::Failed { tried: "committed", why: why.to_owned() }),
                });
                // A caller that is gone needs no answer.
                drop(answer.send(result));
            })
        });
        match self {
            Self::Memory(connection) => {
                let connection = connection.lock().map_err(|_| StoreError::Closed)?;
                write_group(&connection, write, std::iter::empty());
            }
            Self::File(threads) => {
                let writer = threads.writer.as_ref().ok_or(StoreError::Closed)?;
                writer.send(write).map_err(|_| StoreError::Closed)?;
            }
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(in crate::store) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn connection::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let threads = match self {
            Self::Memory(connection) => {
                return work(&*connection.lock().map_err(|_| StoreError::Closed)?);
            }
            Self::File(threads) => threads,
        };
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |connection| drop(answer.send(work(connection))));
        let readers = threads.readers.as_ref().ok_or(StoreError::Closed)?;
        readers.send(read).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for FileThreads {
    fn drop(&mut self) {
        self.writer = None;
        self.readers = None;
        for thread in self.running.drain(..) {
            // A thread that panicked has said so already.
            drop(thread.join());
        }
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| StoreError::Failed { tried: "started a thread", why: error.to_string() })
}

/// Makes the database for its owner only, or takes it back from others. What SQLite lays beside it takes its mode over.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600).open(path)?;
        for end in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(end);
            match std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}

fn connect(path: Option<&Path>) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = match path {
            None => Connection::open_in_memory()?,
            Some(path) => Connection::open(path)?,
        };
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|error| failed("opened the database", &error))
}

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let failed = |error| failed("changed the schema", &error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    // What is not committed is gone with the connection.
    schema::migrate(connection)?;
    connection.execute_batch("COMMIT").map_err(failed)
}

fn write_in_groups(connection: &Connection, writes: &Receiver<Write>) {
    while let Ok(first) = writes.recv() {
        write_group(connection, first, writes.try_iter().take(GROUP - 1));
    }
}

/// Transactions that become durable together.
fn write_group(connection: &Connection, first: Write, others: impl Iterator<Item = Write>) {
    let run = |sql: &str| connection.execute_batch(sql).map_err(|error| error.to_string());
    let begun = run("BEGIN IMMEDIATE");
    let mut replies = vec![first(connection)];
    replies.extend(others.map(|write| write(connection)));
    let committed = begun.and_then(|()| run("COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        drop(run("ROLLBACK"));
    }
    for reply in replies {
        match &committed {
            Ok(()) => reply(Ok(())),
            Err(why) => reply(Err(why)),
        }
    }
}

fn answer_reads(connection: &Connection, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = match reads.lock() {
            Ok(reads) => reads.recv(),
            Err(_) => return,
        };
        let Ok(read) = next else { return };
        read(connection);
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&dyn connection::Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if connection.is_autocommit() {
        return Err(StoreError::Failed {
            tried: "began a transaction",
            why: "the database is busy".into(),
        });
    }
    let run =
        |sql: &str| connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    run("SAVEPOINT job").map_err(|error| failed("began a transaction", &error))?;
    let result = work(connection);
    if result.is_err() {
        run("ROLLBACK TO job").map_err(|error| failed("undid a transaction", &error))?;
    }
    run("RELEASE job").map_err(|error| failed("ended a transaction", &error))?;
    result
}
