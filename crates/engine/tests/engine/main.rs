//! The engine through its public methods, with a made-up app, a clock that tests move, and crashes on demand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod answers;
mod approvals;
mod backend;
mod budgets;
mod cancelling;
mod children;
mod conditions;
mod control;
mod crashes;
mod events;
mod failures;
mod fan_out;
mod feeds;
mod harness;
mod heirs;
mod inbox;
mod lanes;
mod library;
mod lifecycle;
mod link_changes;
mod links;
mod nodes;
mod races;
mod retention;
mod schedules;
mod secrets;
mod starts;
mod store;
mod stuck;
mod tower;
