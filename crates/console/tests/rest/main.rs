//! The REST API over a real port.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod access;
mod approvals;
mod events;
mod runs;
mod schedules;
mod server;
mod webhooks;

#[path = "../../../engine/tests/engine/harness.rs"]
#[allow(dead_code, reason = "the engine's own tests use the rest of it")]
mod harness;

#[path = "../../../engine/tests/engine/backend.rs"]
#[allow(dead_code, reason = "the engine's own tests use the rest of it")]
mod backend;
