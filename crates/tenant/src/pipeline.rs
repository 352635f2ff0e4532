//! What every Management API request goes through, in this order: request id → authenticate (401) → scope (403) →
//! rate limit (429) → parse and validate path, query and body (400) → behaviour → answer.
//!
//! Routes come from the contract. What an operation *does* is a [`Behaviour`] registered under its operation id; a
//! test makes sure that every operation has one.

mod answer;
mod authenticate;
mod body;
mod context;
mod error;
mod management_log;
mod multipart;
mod origin;
mod paging;
mod projection;
mod rate_limit;
mod request;
mod routes;
mod table;

pub(crate) use answer::Answer;
pub(crate) use body::MAX_BODY;
pub(crate) use context::{Context, Exchange};
pub(crate) use error::ApiError;
pub(crate) use origin::{Origin, SYSTEM_API};
pub(crate) use paging::{Envelope, Paging};
pub(crate) use projection::Projection;
pub(crate) use rate_limit::RateLimiter;
pub use rate_limit::RateLimits;
pub(crate) use request::Request;
pub(crate) use routes::{not_found, router};
pub(crate) use table::Table;
