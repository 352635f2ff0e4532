//! What the simulation does to its nodes and asks of them.

use callboard_engine::RunId;
use serde_json::Value;

/// At an instant of the agenda.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Begin {
        node: usize,
    },
    /// In the midst of what it does, after so many polls.
    Crash {
        node: usize,
        polls: u64,
    },
    /// Asks it to stop, as an upgrade does.
    Leave {
        node: usize,
    },
    /// Its process has ended.
    Gone {
        node: usize,
    },
    /// It is not polled until it is resumed: a laptop that sleeps, a virtual machine that moves.
    Freeze {
        node: usize,
        polls: u64,
        length: u64,
    },
    Thaw {
        node: usize,
    },
    /// Sets its wall clock, in microseconds of difference to the true time.
    SetClock {
        node: usize,
        offset: i64,
    },
    Store {
        node: usize,
        trouble: Trouble,
    },
    Ask {
        request: usize,
    },
    /// A person looks at what needs attention.
    Attend,
    /// From here on nothing more goes wrong.
    Calm,
    /// Whether everything has come to rest.
    Look,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    Full,
    Gone,
    Unclear,
}

/// What somebody wants of whichever node answers. Asked again until there is an answer.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Start {
        workflow: &'static str,
        key: String,
    },
    Publish {
        events: Vec<Value>,
    },
    /// A webhook.
    Deliver {
        body: String,
    },
    /// Ends the run that an earlier wish began.
    Cancel {
        of: usize,
    },
    RunNow {
        workflow: String,
    },
    Backfill {
        workflow: String,
    },
    Pause {
        workflow: String,
    },
    Resume {
        workflow: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Runs that are there from now on.
    Runs(Vec<RunId>),
    Done,
    /// The answer is no, and asking again changes nothing.
    No(String),
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    pub(crate) answer: Option<Answer>,
    pub(crate) answered_at: u64,
    pub(crate) asked: u32,
}
