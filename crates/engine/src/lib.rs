//! Durable runs: journal, timers, triggers in, links, recovery.
//!
//! What this crate does **not** know:
//!
//! * pages, HTTP servers, command lines: faces call [`Engine`], one method per rule, and read values;
//! * how an action is performed: that is [`Performer`], in life the catalogue's executor;
//! * what a workflow means: `flow` folds a history into the next commands, this crate keeps the history;
//! * the environment, the time, randomness: [`Settings`] hands them in.
//!
//! The one rule: what was decided is durable before anything is done about it. See `driver`.

mod actions;
mod answers;
mod api_keys;
mod approvals;
mod attempt;
mod backoff;
mod budget;
mod children;
mod detail;
mod dispatcher;
mod driver;
mod engine;
mod events;
mod fold;
mod gate;
mod heirs;
mod history;
mod ids;
mod inbox;
pub mod journal;
mod lanes;
mod library;
mod lifecycle;
mod links;
mod listening;
mod look;
mod nearest;
mod nodes;
mod observer;
mod outcome;
mod people;
mod performer;
pub mod private_file;
mod raw;
mod requesters;
mod resting;
mod retention;
mod reveal;
mod run;
mod schedules;
mod sealing;
mod secrets;
mod start;
pub mod store;
mod time;
mod triggers;
mod vault;
mod watchers;

pub use actions::ActionRequest;
pub use answers::{AnswerError, Resolution};
pub use api_keys::{ApiKeys, KeyDraft, KeyError, KeySummary, is_made_key};
pub use approvals::{
    Approval, ApprovalError, ApprovalReply, ApprovalState, Audience, Callable, Given, OnDeadline,
    Question,
};
pub use budget::{BudgetGauge, InvalidPriority, Priority, Waiting};
pub use detail::{LoopDetail, RunDetail, StepDetail, StepStatus, Steps};
pub use engine::{Engine, OpenError, Settings};
pub use events::EventError;
pub use fold::Inconsistency;
pub use heirs::{AgainError, AgainRequest};
pub use ids::{InvalidRunId, RunId};
pub use inbox::{HookError, LONGEST_BODY, Receipt, ReceivedEvent};
pub use journal::Entry;
pub use library::{Checked, Library, LibraryError, MayReach, Source, Workflow, check};
pub use links::{LinkDraft, LinkError, LinkReport, LinkSummary, Links, SecretName};
pub use look::{LookError, ReplayError};
pub use observer::Observer;
pub use people::{Caller, InvalidRole, Role};
pub use performer::{Performer, WithCalls};
pub use retention::{ArchiveError, Archived, Retention};
pub use reveal::RevealError;
pub use run::{InvalidStatus, Mode, RunStatus, Verdict};
pub use schedules::{Backfilled, Schedule, ScheduleDetail, ScheduleError};
pub use sealing::masked;
pub use secrets::{SecretError, SecretSummary};
pub use start::{StartError, StartRequest, Started};
pub use store::{
    ApprovalFilter, Occurrence, OccurrenceState, Origin, Page, Paused, Place, RunFilter, RunRecord,
    SqlStore, Store, StoreError,
};
pub use time::{Clock, Random, Time, WallTime};
pub use triggers::{ConditionStatus, FeedStatus, Gap, TriggerStatus, Triggers, Trouble};
pub use vault::{KeySource, VaultError};
