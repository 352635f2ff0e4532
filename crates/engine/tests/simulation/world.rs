//! The time of a simulation, what is to happen when, and what has happened.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use sha2::{Digest as _, Sha256};

use crate::acts::Act;
use crate::dice::Dice;

pub(crate) const MILLISECOND: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MILLISECOND;
pub(crate) const MINUTE: u64 = 60 * SECOND;

/// One life of a node: it ends with a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) node: usize,
    pub(crate) number: u32,
}

impl fmt::Display for Life {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "n{}.{}", self.node, self.number)
    }
}

/// What happens at an instant.
pub(crate) enum Due {
    /// Something that a node waits for.
    Wake {
        life: Life,
        waker: Waker,
    },
    /// A message arrives. It may get lost with its sender, or not.
    Message {
        from: Life,
        deed: Box<dyn FnOnce() + Send>,
    },
    Act(Act),
}

/// Instant in microseconds since the beginning, and a number that keeps the order.
pub(crate) type Place = (u64, u64);

#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    now: u64,
    next: u64,
    agenda: BTreeMap<Place, Due>,
    dice: Dice,
    trace: Trace,
    violations: Vec<String>,
}

/// Everything that happened, in short; in full where somebody wants to read it.
struct Trace {
    hash: Sha256,
    line: String,
    lines: Option<Vec<String>>,
    count: u64,
}

impl World {
    pub(crate) fn new(seed: u64, in_full: bool) -> Self {
        let lines = in_full.then(Vec::new);
        let trace = Trace { hash: Sha256::new(), line: String::new(), lines, count: 0 };
        Self(Arc::new(Mutex::new(State {
            now: 0,
            next: 0,
            agenda: BTreeMap::new(),
            dice: Dice::new(seed),
            trace,
            violations: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.state().now
    }

    pub(crate) fn throw<T>(&self, throw: impl FnOnce(&mut Dice) -> T) -> T {
        throw(&mut self.state().dice)
    }

    pub(crate) fn say(&self, what: fmt::Arguments<'_>) {
        let mut state = self.state();
        let now = state.now;
        let trace = &mut state.trace;
        trace.line.clear();
        let (seconds, micros) = (now / SECOND, now % SECOND);
        write!(trace.line, "{seconds:>6}.{micros:06} {what}").expect("a text takes everything");
        trace.hash.update(trace.line.as_bytes());
        trace.hash.update(b"\n");
        trace.count += 1;
        if let Some(lines) = &mut trace.lines {
            lines.push(trace.line.clone());
        }
    }

    /// Something that must never be.
    pub(crate) fn violated(&self, what: &str) {
        self.say(format_args!("VIOLATED: {what}"));
        self.state().violations.push(what.to_owned());
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.state().trace.lines.clone().unwrap_or_default()
    }

    /// Tells two traces apart.
    pub(crate) fn fingerprint(&self) -> String {
        let state = self.state();
        format!("{} lines, {}", state.trace.count, hex::encode(state.trace.hash.clone().finalize()))
    }

    pub(crate) fn after(&self, wait: u64, due: Due) -> Place {
        let mut state = self.state();
        state.next += 1;
        let place = (state.now + wait, state.next);
        state.agenda.insert(place, due);
        place
    }

    /// The next thing that happens; the time goes on to it.
    pub(crate) fn next(&self) -> Option<Due> {
        let mut state = self.state();
        let (place, due) = state.agenda.pop_first()?;
        state.now = state.now.max(place.0);
        Some(due)
    }

    fn forget(&self, place: Place) {
        // The waker is dropped outside: its task may want the world.
        let forgotten = self.state().agenda.remove(&place);
        drop(forgotten);
    }

    /// Whether a message is still on its way.
    pub(crate) fn is_anything_on_its_way(&self) -> bool {
        self.state().agenda.values().any(|due| matches!(due, Due::Message { .. }))
    }

    /// A node died: of its messages some get lost.
    pub(crate) fn lose_some_messages(&self, of: Life) {
        let mut state = self.state();
        let sent: Vec<Place> = state
            .agenda
            .iter()
            .filter(|(_, due)| matches!(due, Due::Message { from, .. } if *from == of))
            .map(|(place, _)| *place)
            .collect();
        let mut lost = Vec::new();
        for place in sent {
            if state.dice.happens(500) {
                lost.extend(state.agenda.remove(&place));
            }
        }
        drop(state);
        drop(lost);
    }

    /// Completes so much later.
    pub(crate) fn sleep(&self, life: Life, wait: u64) -> Sleep {
        Sleep { world: self.clone(), life, until: self.now() + wait, place: None }
    }
}

/// A wait in the world's time.
pub(crate) struct Sleep {
    world: World,
    life: Life,
    until: u64,
    place: Option<Place>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = self.world.now();
        if let Some(place) = self.place.take() {
            self.world.forget(place);
        }
        if now >= self.until {
            return Poll::Ready(());
        }
        let due = Due::Wake { life: self.life, waker: context.waker().clone() };
        self.place = Some(self.world.after(self.until - now, due));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.world.forget(place);
        }
    }
}
