//! Handlers: decode, one call, encode.

pub(crate) mod actions;
pub(crate) mod approvals;
pub(crate) mod budgets;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod secrets;
pub(crate) mod triggers;
pub(crate) mod workflows;
