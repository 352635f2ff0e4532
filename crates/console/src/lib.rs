//! The REST API and webhooks in.
//!
//! What this crate does **not** know:
//!
//! * the engine's tables, or how a run is driven: a handler decodes, calls one method of the engine, encodes;
//! * addresses, TLS, signals: the binary serves the [`router`];
//! * business rules: if two faces need the same decision, it stands in the engine.
//!
//! [`wire`] holds what goes over the line, for clients as well.

mod caller;
mod decode;
mod page;
mod problem;
mod router;
mod routes;
mod to_wire;
pub mod wire;

pub use router::{Access, Methods, ROUTES, Route, router};
