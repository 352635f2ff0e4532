//! The catalogue of apps: every action and trigger as data, and the one executor that performs an action over HTTP.
//!
//! What this crate does **not** know:
//!
//! * durability: it remembers nothing between two calls. Journals, timers, retries after a crash and the
//!   decision *whether* an action may run belong to `engine`;
//! * any particular app: names, paths, bodies, error shapes and signatures of Auth0, Slack and the others stand in
//!   `apps/<app>/*.yaml`. Only Auth0's transport is special, because it has a client of its own (`callboard_auth0`);
//! * workflows: `flow` reads them and asks the [`Catalogue`] for signatures;
//! * the environment, the clock and random numbers: callers hand them in.

mod action;
mod app;
mod attempt;
mod calls;
mod catalogue;
mod executor;
mod link;
mod manifest;
mod password;
mod rates;
mod schema;
mod template;
mod trigger;
mod webhook;

pub use action::{Action, Inverse, PersonalData, Probe, Recovery, Reversal, Risk};
pub use app::{App, AuthScheme, NoBaseUrl, Service};
pub use attempt::{Attempt, Exchange, Failed, Failure, Performed, Recovered, Tested};
pub use calls::{
    CallAnswer, CallFailed, CallFailure, CallOptions, Calls, HostPolicy, InvalidHost,
    InvalidOrigin, NoCalls, Origin, Secrets, without_secrets,
};
pub use catalogue::Catalogue;
pub use executor::{
    Clock, EventSource, Executor, LogPlace, NoTransport, Options, Random, StreamMessage,
    StreamPlace,
};
pub use link::{Link, LinkCredentials};
pub use manifest::sandbox::{
    IdempotentAnswers, Sandbox, SandboxAnswer, SandboxRefusal, SandboxReply,
};
pub use rates::{Draw, Exchanged, Limits, NotNow, Pace, RateRefused, RateTold, shared_limit};
pub use schema::{Mismatch, Schema};
pub use template::{Template, TemplateError};
pub use trigger::{Feed, Incoming, Trigger, Unreadable};
pub use webhook::Unverified;
