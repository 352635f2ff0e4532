//! The tenant through its HTTP interface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod actions;
mod apis;
mod authentication_methods;
mod clients;
mod connections;
mod event_streams;
mod events;
mod every_operation;
mod harness;
mod jobs;
mod listener;
mod log_entries;
mod log_streams;
mod logs;
mod organizations;
mod pipeline;
mod post;
mod roles;
mod sessions;
mod signing_keys;
mod stats;
mod tickets;
mod tokens;
mod users;
