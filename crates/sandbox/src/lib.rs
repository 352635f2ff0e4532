//! One local server that plays the other apps from their manifests: a **development tool**.
//!
//! What this crate does **not** know:
//!
//! * any particular app: what each one answers stands in the `sandbox` section of its manifest;
//! * Auth0: `tenant` plays that one, with everything a tenant does;
//! * workflows, runs, the engine; it neither calls anybody nor stores anything on disk.
//!
//! An app is found below its name: what would be `https://slack.com/api/chat.postMessage` is `/slack/api/chat.postMessage`.
//! `/` shows what arrived, `/_received` and `/_state` the same as JSON, `/_reset` forgets it, `/_faults` orders trouble.

mod auth;
mod faults;
mod incoming;
mod page;
mod play;
mod server;
mod world;

pub use faults::{Cut, Fault};
pub use server::{Clock, Options, Sandbox};
pub use world::Received;
