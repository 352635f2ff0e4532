//! The workflow language: Open Workflow DSL 1.0.3, parsed, checked and interpreted.
//!
//! This crate does *not* know files, networks, clocks, random numbers, databases or any app. A definition is a text
//! that somebody read; a run is a fold over a history that somebody keeps; commands are values that somebody performs.
//!
//! ```text
//! text ──parse──▶ Definition ──check(functions)──▶ problems
//! Definition + Start ──Execution::start──▶ commands        (calls, waits, events, the end)
//! Execution + Event  ──Execution::apply──▶ more commands   (same history, same commands, on any machine)
//! ```

mod check;
mod command;
pub mod document;
pub mod duration;
mod error;
mod event;
mod execution;
pub mod expression;
mod keys;
mod official;
mod parse;
mod pointer;
mod problem;
pub mod profile;
mod reading;
mod schema;
mod step;
pub mod template;
pub mod yaml;

pub use check::{FunctionSignature, Functions, check, warnings};
pub use command::{
    Command, FunctionCall, HttpCall, McpCall, OpenApiCall, Subscription, WaitPurpose,
};
pub use document::Definition;
pub use error::{ErrorKind, WorkflowError, same_type};
pub use event::{Change, Event, Fact};
pub use execution::{Execution, Inconsistency, Runtime, Start, Status};
pub use expression::Expression;
pub use official::schema;
pub use parse::parse;
pub use problem::{Problem, Problems};
pub use profile::Profile;
pub use reading::reading;
pub use schema::Schema;
pub use step::StepId;
