//! How to *be* an identity tenant: Auth0's Management API and Authentication API over a store.
//!
//! This crate does not know workflows, runs, links or any other part of the autopilot, and no HTTP client. It reads no
//! environment and no clock of its own: time, randomness, data folder and listener are given to it.
//!
//! From top to bottom: [`serve`] and [`router`] → `pipeline` (what every Management API request goes through) and
//! `authentication` (the OAuth endpoints), and `delivery` (what goes out
//! by itself, through a [`Courier`] that is given) → `management` (one module per family: what operations *do*) → `tenants`,
//! `tokens`, `logs`, `passwords` → `store` (documents, relations, log; SQL only in its backend).
//!
//! # How a family is added
//!
//! 1. Write `management/<family>.rs` (with `management/<family>/…` when it grows past one subject). It says its
//!    [`store::Kind`], the keys by which its documents are found, and one async function per operation:
//!
//!    ```text
//!    async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
//!        let role = new_role(request.into_fields(), &context);                    // the rule, pure
//!        let answer = Answer::ok(role.clone());                                   // what the caller sees
//!        let change = Transaction::new().insert(ROLE, id, role, keys);            // what is stored, as data
//!        context.commit(change, answer).await.map_err(|error| refusal(error))     // with its log entry, or not at all
//!    }
//!    ```
//!
//!    Path, query and body have been checked against the contract when it is called; the scope has been proven.
//! 2. Register the functions under their operation ids in its `behaviours(table)`: `table.read("get_roles", list)`,
//!    `table.write("post_roles", "Create a role", create)`; the title becomes the description of the `sapi` log entry.
//! 3. Name the family in [`management`]'s list. An operation id that the contract does not know stops the start.
//! 4. Test it in `tests/tenant/<family>.rs` through the `TestTenant` of `tests/tenant/harness.rs`.

mod authentication;
mod certificates;
mod clock;
mod delivery;
mod logs;
mod management;
mod passwords;
mod pipeline;
mod random;
mod search;
mod serve;
mod store;
mod tenants;
mod tokens;

pub use callboard_contract::rate_limits::Plan;
pub use clock::Clock;
pub use delivery::{Courier, Parcel, Undelivered};
pub use pipeline::RateLimits;
pub use random::Rng;
pub use serve::{router, serve};
pub use store::{Durability, StoreError};
pub use tenants::{Data, OpenError, Scheme, Settings, Tenants};
pub use tokens::TokenError;
