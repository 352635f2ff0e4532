//! Triggers that come from tenants: their log, read by checkpoint, and their stream of events.
//!
//! A feed is read only while a workflow or a listening run wants its events, by one node at a time, and how far it was
//! read is durable in the transaction of the runs that its events start. What was lost for good is said: see `gap`.

mod announce;
mod conditions;
mod feeds;
mod follower;
mod gap;
mod log;
mod place;
mod status;
mod stream;
mod wants;

pub(crate) use announce::OWN;
pub(crate) use conditions::{Reactions, problems};
pub(crate) use feeds::keep_feeds;
pub(crate) use place::scope_of;
pub use place::{Gap, Trouble};
pub use status::{ConditionStatus, FeedStatus, TriggerStatus, Triggers};
pub(crate) use wants::filters_of;
