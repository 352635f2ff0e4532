//! The store's rules as SQL, written once for every database behind [`connection`].

mod api_keys;
mod apply;
mod approvals;
mod budgets;
pub(super) mod connection;
mod database;
mod documents;
mod gathering;
mod lanes;
mod locks;
mod read;
mod retention;
mod rows;
mod schedules;
pub(super) mod schema;
mod secrets;
mod settings;
mod subscriptions;

pub use database::{Place, SqlStore};
