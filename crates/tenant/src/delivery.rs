//! What goes out of a tenant by itself: log entries to log streams, events to event streams.
//!
//! Each stream has a task of its own that reads on from where it stands when there is something new. What has been
//! delivered is written down after the other end has taken it, so that everything arrives at least once, whatever happens
//! in between. How a parcel reaches its destination is the business of a [`Courier`] that is given.

mod courier;
mod destination;
mod dispatch;
mod event_stream;
mod log_stream;
mod retry;

pub use courier::{Courier, Parcel, Undelivered};
pub(crate) use dispatch::begin;
