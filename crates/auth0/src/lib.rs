//! How to talk to an Auth0 tenant: tokens, rate budget, retries, paging, typed calls.
//!
//! This crate does *not* know workflows, runs, journals, apps or links; it does not know whether the tenant behind
//! the base URL is Auth0's or a local twin; it stores nothing and reads no environment variable.
//!
//! ```text
//! Call (a value) ──▶ Client::send ─┬▶ token     one fetch for all callers, renewed at 80 % of its life, once on 401
//!                                  ├▶ pacing    keeps a reserve of every rate bucket, waits only for a bounded time;
//!                                  │            or somebody else's (`Client::send_paced`)
//!                                  ├▶ transport one HTTP exchange; the only place that touches the network
//!                                  └▶ verdict   pure: what the outcome means for the caller's next step
//! ```
#![warn(missing_docs, clippy::missing_errors_doc)]

mod answer;
mod budget;
mod call;
mod client;
mod credentials;
mod error;
mod families;
mod given;
mod jwt;
mod options;
mod pacing;
mod pages;
mod rate;
mod stream;
mod token;
mod transport;
mod typed;
mod verdict;

pub use answer::Answer;
pub use budget::BucketState;
pub use call::{Call, InvalidCall, Repeat};
pub use client::Client;
pub use credentials::{Credentials, CredentialsError};
pub use error::Error;
pub use families::{applications, connections, events, logs, roles, tickets, users};
pub use given::{Pace, Refused};
pub use options::{Clock, InvalidOptions, Options, Random, Retry, Shared};
pub use pages::{Listing, Page, Pages, Paging};
pub use rate::RateState;
pub use stream::{Message, Stream};
pub use token::TokenInfo;
pub use typed::{Done, Typed};
