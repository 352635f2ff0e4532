//! One life of a node: the real engine on a runtime of its own, which the simulation polls and, in a crash, drops.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use callboard_engine::{Engine, OpenError, Settings};
use tokio::runtime::Runtime;

use crate::world::Life;

pub(crate) struct Node {
    pub(crate) life: Life,
    runtime: Runtime,
    pulse: Arc<Pulse>,
    open: Arc<Mutex<Opened>>,
}

enum Opened {
    NotYet,
    Open(Arc<Engine>),
    Failed(OpenError),
    /// It was asked to stop.
    Left,
}

/// Tells when nothing of a runtime can go on by itself.
#[derive(Default)]
struct Pulse {
    idle: AtomicBool,
    waiting: Mutex<Option<Waker>>,
    /// A thread beside the runtime works for it.
    apart: Arc<AtomicBool>,
}

impl Pulse {
    /// The runtime has nothing to do.
    fn rests(&self) {
        if self.apart.load(Ordering::SeqCst) {
            return;
        }
        self.idle.store(true, Ordering::SeqCst);
        if let Some(waker) = self.waiting.lock().unwrap().take() {
            waker.wake();
        }
    }
}

impl Node {
    /// Opens an engine; `apart` says whether a thread beside the runtime works for it.
    pub(crate) fn begin(life: Life, settings: Settings, apart: Arc<AtomicBool>) -> Self {
        let pulse = Arc::new(Pulse { apart, ..Pulse::default() });
        let resting = Arc::clone(&pulse);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .event_interval(1)
            // The order must not depend on how often a thread beside it woke the runtime.
            .global_queue_interval(1)
            .on_thread_park(move || resting.rests())
            .build()
            .expect("a runtime without drivers is built of memory");
        let open = Arc::new(Mutex::new(Opened::NotYet));
        let opened = Arc::clone(&open);
        drop(runtime.spawn(async move {
            *opened.lock().unwrap() = match Engine::open(settings).await {
                Ok(engine) => Opened::Open(Arc::new(engine)),
                Err(error) => Opened::Failed(error),
            };
        }));
        Self { life, runtime, pulse, open }
    }

    /// Why it could not begin.
    pub(crate) fn failure(&self) -> Option<String> {
        match &*self.open.lock().unwrap() {
            Opened::Failed(error) => Some(error.to_string()),
            _ => None,
        }
    }

    pub(crate) fn engine(&self) -> Option<Arc<Engine>> {
        match &*self.open.lock().unwrap() {
            Opened::Open(engine) => Some(Arc::clone(engine)),
            _ => None,
        }
    }

    /// Asks it to stop. It goes on until it has let go of everything, or is dropped.
    pub(crate) fn leave(&self) {
        let _left = std::mem::replace(&mut *self.open.lock().unwrap(), Opened::Left);
    }

    /// Polls until nothing can go on by itself.
    pub(crate) fn run(&self) {
        self.pulse.idle.store(false, Ordering::SeqCst);
        self.runtime.block_on(std::future::poll_fn(|context| {
            if self.pulse.idle.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            *self.pulse.waiting.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        }));
    }

    /// Polls at most so many tasks, once each.
    pub(crate) fn run_a_little(&self, mut polls: u64) {
        self.runtime.block_on(std::future::poll_fn(|context| {
            if polls == 0 {
                return Poll::Ready(());
            }
            polls -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }));
    }

    /// From here on a thread beside the runtime works for it, until its task asks the store for something.
    pub(crate) fn works_apart(&self) {
        self.pulse.apart.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_back(&self) {
        self.pulse.apart.store(false, Ordering::SeqCst);
    }

    /// Lets a task run in it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// Waits for something that needs no time.
    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { pin!(future).await })
    }
}
