//! The rate budget: who may call which tenant when, shared by all runs and all nodes.
//!
//! ```text
//! pool      one bucket: a lower bound of what is left, learned from answers       pure
//! tenant    the buckets of one tenant, and which calls draw from which             pure
//! seats     how many may wait in memory at all
//! line      who waits: by priority, in turn between workflows, then first come     pure
//! desk      one per tenant: decides, commits with compare-and-set, lets calls go
//! permit    what one call was let go with; paces its exchanges, reports them
//! ```
//!
//! What was let go is taken off before it goes, in a row that every node shares, so that nodes together let go no more
//! than one alone would. What answers tell wins over our own count.

mod desk;
mod gauge;
mod line;
mod permit;
mod pool;
mod priority;
mod seats;
mod tenant;
#[cfg(test)]
mod tests;

pub(crate) use desk::{Admission, Ask, Desks, Ticket, Turn, leave_key};
pub use gauge::{BudgetGauge, Waiting};
pub(crate) use priority::of_run;
pub use priority::{InvalidPriority, Priority};
