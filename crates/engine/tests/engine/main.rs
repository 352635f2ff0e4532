//! The engine through its public methods, with a made-up app, a clock that tests move, and crashes on demand.

mod answers;
mod crashes;
mod failures;
mod harness;
mod inbox;
mod library;
mod links;
mod starts;
mod store;
