//! Who does the work: a few threads, made when they are needed, the one that worked last first.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;
use tokio_postgres::Config;

use super::name::Name;
use super::news::{self, Board};
use super::tls;
use super::transaction::Line;
use crate::store::sql::connection::Connection;
use crate::store::sql::schema;
use crate::store::{News, StoreError};
use crate::time::Clock;

/// So many connections a node holds at most.
const MOST: usize = 8;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Line) + Send>;

/// The threads end when this is dropped, each after what it is doing.
pub(in crate::store) struct Pool {
    shared: Arc<Shared>,
    board: Arc<Board>,
    talking: Mutex<Option<JoinHandle<()>>>,
    name: Mutex<Option<Name>>,
}

struct Shared {
    config: Config,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Threads that wait, the one that worked last at the end.
    idle: Vec<Sender<Job>>,
    /// What waits for a thread.
    queue: VecDeque<Job>,
    threads: Vec<JoinHandle<()>>,
    closed: bool,
}

impl Pool {
    pub(in crate::store) fn open(address: &SecretString) -> Result<Self, StoreError> {
        let mut config: Config =
            address.expose_secret().parse().map_err(|error: tokio_postgres::Error| {
                // The text of the error names the part that is wrong, never its value.
                StoreError::Failed {
                    tried: "read the database's address",
                    why: super::trouble::text(&error),
                }
            })?;
        if config.get_application_name().is_none() {
            config.application_name("callboard");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        tls::settle_mode(&mut config);
        let board = Arc::new(Board::new());
        let shared = Arc::new(Shared { config, state: Mutex::default() });
        let (talking, name) = (Mutex::default(), Mutex::default());
        let pool = Self { shared, board, talking, name };
        let (answer, answered) = std::sync::mpsc::channel();
        let begin = |line: &mut Line| {
            // Of two nodes that make the first table at once one fails, and finds it there then.
            line.write(schema::migrate).or_else(|_| line.write(schema::migrate))?;
            line.read(news::clock)
        };
        pool.submit(Box::new(move |line| drop(answer.send(begin(line)))))?;
        pool.board.set_clock(answered.recv().map_err(|_| StoreError::Closed)??);
        Ok(pool)
    }

    /// The server's clock, read now and then.
    pub(in crate::store) fn clock(&self) -> Clock {
        let board = Arc::clone(&self.board);
        Arc::new(move || board.now())
    }

    /// Tells other nodes, soon.
    pub(in crate::store) fn tell(&self, news: News) {
        if !news.is_empty() {
            self.board.tell(news);
            self.talk();
        }
    }

    pub(in crate::store) async fn news(&self) -> News {
        self.talk();
        self.board.news().await
    }

    /// Whether this store is now the only one that goes by the name. It goes on trying where it is not.
    pub(in crate::store) async fn take_name(&self, name: &str) -> Result<bool, StoreError> {
        let taken = Name::take(name, self.shared.config.clone())?;
        let is_alone = taken.is_alone();
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
        Ok(is_alone.await)
    }

    /// Leaves the name to others.
    pub(in crate::store) fn leave(&self) {
        drop(self.name.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Starts to talk to others with the first thing to say or to hear.
    fn talk(&self) {
        let mut talking = self.talking.lock().unwrap_or_else(PoisonError::into_inner);
        if talking.is_none() {
            match news::start(Arc::clone(&self.board), self.shared.config.clone()) {
                Ok(thread) => *talking = Some(thread),
                Err(error) => tracing::error!("other nodes cannot be talked to: {error}"),
            }
        }
    }

    /// Runs `work` as one transaction of its own, once more where others are in its way.
    pub(in crate::store) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answer(move |line| line.write(work)).await
    }

    pub(in crate::store) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answer(move |line| line.read(work)).await
    }

    async fn answer<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Line) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        // A caller that is gone needs no answer.
        self.submit(Box::new(move |line| drop(answer.send(job(line)))))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    fn submit(&self, mut job: Job) -> Result<(), StoreError> {
        let mut state = self.shared.state();
        // A thread that is gone left its place among those that wait.
        while let Some(thread) = state.idle.pop() {
            match thread.send(job) {
                Ok(()) => return Ok(()),
                Err(unsent) => job = unsent.0,
            }
        }
        state.queue.push_back(job);
        if state.threads.len() < MOST {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("store".into()).spawn(move || shared.work());
            state.threads.push(thread.map_err(|error| StoreError::Failed {
                tried: "started a thread",
                why: error.to_string(),
            })?);
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut line = match Line::new(self.config.clone()) {
            Ok(line) => line,
            Err(error) => return tracing::error!("a thread of the store has no runtime: {error}"),
        };
        let (idle, jobs) = channel();
        loop {
            let mut state = self.state();
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                job(&mut line);
                continue;
            }
            if state.closed {
                return;
            }
            state.idle.push(idle.clone());
            drop(state);
            match jobs.recv() {
                Ok(job) => job(&mut line),
                Err(_) => return,
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.leave();
        self.board.stop();
        let talking = self.talking.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut state = self.shared.state();
        state.closed = true;
        let (idle, threads) = (std::mem::take(&mut state.idle), std::mem::take(&mut state.threads));
        drop(state);
        for thread in idle {
            // It finds nothing to do, and that this is closed.
            drop(thread.send(Box::new(|_| {})));
        }
        for thread in threads.into_iter().chain(talking) {
            // A thread that panicked has said so already.
            drop(thread.join());
        }
    }
}
