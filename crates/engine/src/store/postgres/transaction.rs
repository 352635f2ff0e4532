//! A piece of work as one transaction, whatever happens on the way.

use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::Config;

use super::session::Session;
use super::trouble::Trouble;
use crate::store::StoreError;
use crate::store::sql::connection::{Connection, Value, params};

/// So often a transaction is tried that others or the network break.
const MOST_TRIES: u32 = 10;
/// Before the next try, longer with each.
const PAUSE: Duration = Duration::from_millis(5);
/// So often somebody asks what became of a commit whose answer was lost: for about half a minute.
const MOST_QUESTIONS: u32 = 60;
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(500);

/// One thread's way to the database. It connects when it is needed.
pub(super) struct Line {
    runtime: Rc<Runtime>,
    config: Config,
    session: Option<Session>,
}

/// What became of a commit.
enum Fate {
    Committed,
    Undone,
    Unknown,
}

impl Line {
    pub(super) fn new(config: Config) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime: Rc::new(runtime), config, session: None })
    }

    /// Statements each on its own: a reader sees what is committed when it asks.
    pub(super) fn read<T>(
        &mut self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            let session = self.session()?;
            let result = work(session);
            let trouble = session.take_trouble();
            if result.is_ok() || trouble.is_none_or(|trouble| trouble == Trouble::Fault) {
                return result;
            }
            if tries == MOST_TRIES {
                return result;
            }
            self.pause(tries);
            tries += 1;
        }
    }

    pub(super) fn write<T>(
        &mut self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            let session = self.session()?;
            session.send("BEGIN ISOLATION LEVEL READ COMMITTED");
            let done = session.ask("SELECT pg_current_xact_id()::text").and_then(|number| {
                let value = work(session)?;
                // Before the commit is sent its number must be known.
                if number.borrow().is_none() {
                    session.settle("wrote")?;
                }
                Ok((value, number.take().unwrap_or_default()))
            });
            let (result, trouble) = match done {
                Ok((value, number)) => {
                    session.send("COMMIT");
                    let committed = session.settle("committed");
                    let trouble = session.take_trouble();
                    if trouble == Some(Trouble::Lost) {
                        match self.ask_fate(&number) {
                            Fate::Committed => return Ok(value),
                            Fate::Undone => {}
                            Fate::Unknown => return Err(StoreError::Unknown),
                        }
                    }
                    (committed.map(|()| value), trouble)
                }
                Err(error) => {
                    // A connection that is gone undoes what was not committed.
                    session.send("ROLLBACK");
                    drop(session.settle("undid a transaction"));
                    (Err(error), session.take_trouble())
                }
            };
            if result.is_ok() || trouble.is_none_or(|trouble| trouble == Trouble::Fault) {
                return result;
            }
            if tries == MOST_TRIES {
                return result;
            }
            self.pause(tries);
            tries += 1;
        }
    }

    /// Asks on a new connection what became of a transaction whose commit was sent on one that broke.
    fn ask_fate(&mut self, number: &str) -> Fate {
        for question in 1..=MOST_QUESTIONS {
            let sql = "SELECT COALESCE(pg_xact_status(?1::xid8), 'gone') AS fate";
            let mut fate = None;
            let asked = self.session().and_then(|session| {
                session.query(sql, params![number], &mut |row| {
                    fate = match row.cell("fate") {
                        Ok(Value::Text("committed")) => Some(Fate::Committed),
                        Ok(Value::Text("aborted")) => Some(Fate::Undone),
                        Ok(Value::Text("in progress")) => None,
                        _ => Some(Fate::Unknown),
                    };
                    Ok(())
                })
            });
            if let (Ok(()), Some(fate)) = (asked, fate) {
                return fate;
            }
            self.wait(BETWEEN_QUESTIONS.min(PAUSE * question * question));
        }
        Fate::Unknown
    }

    /// The connection, or a new one where it broke.
    fn session(&mut self) -> Result<&Session, StoreError> {
        match self.session.take().filter(|session| !session.is_closed()) {
            Some(session) => Ok(self.session.insert(session)),
            None => Ok(self.session.insert(Session::connect(&self.runtime, &self.config)?)),
        }
    }

    fn pause(&self, tries: u32) {
        self.wait(PAUSE * tries);
    }

    fn wait(&self, pause: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(pause).await });
    }
}
