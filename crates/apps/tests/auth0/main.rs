//! The actions of Auth0 against a local tenant that behaves like one.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod harness;
mod lists;
mod plans;
mod roles;
mod trouble;
mod users;
