//! The client against a local stand-in for a tenant.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod limits;
mod paging;
mod retries;
mod stand_in;
mod tokens;
