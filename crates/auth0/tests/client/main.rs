//! The client against a local stand-in for a tenant.

mod limits;
mod paging;
mod retries;
mod stand_in;
mod tokens;
