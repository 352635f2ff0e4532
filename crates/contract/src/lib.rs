//! What the Management API *is*: operations, schemas, scopes, sentences, identifiers, limits.
//!
//! This crate knows no server, no client, no storage, no clock and no source of randomness; it opens no socket and no file.
//! Its data (`data/`) is compiled in: two generated files with facts of Auth0's published document, and `overlay.json`,
//! hand-written, where recorded traffic contradicts it. `cargo xtask contract` renews the generated files.
#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod collections;
pub mod ids;
pub mod log_events;
pub mod metadata;
pub mod rate_limits;
pub mod timestamps;

mod contract;
mod errors;
mod operation;
mod overlay;
mod paths;
mod query;
mod schemas;
mod validation;
mod violation;

pub use contract::{Contract, contract};
pub use errors::{ErrorBody, Inexistent, Limit, Unauthorized};
pub use operation::{Answer, Body, MissingParameter, Operation, Parameter, Place};
pub use paths::Located;
pub use violation::Violation;
