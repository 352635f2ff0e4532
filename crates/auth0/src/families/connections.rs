//! Connections: where users come from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{PER_PAGE, fixed};
use crate::{Listing, Paging};

/// A connection.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Example: `con_4Qk2dCx0RRRMZjZt`.
    pub id: String,
    /// Unique in the tenant. Example: `Username-Password-Authentication`.
    pub name: String,
    /// What it is. Example: `auth0`, `samlp`.
    pub strategy: String,
    /// All other fields; `options` may hold secrets.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Prints no options: they may hold secrets.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, name, strategy, .. } = self;
        f.debug_struct("Connection")
            .field("id", id)
            .field("name", name)
            .field("strategy", strategy)
            .finish_non_exhaustive()
    }
}

/// `GET /connections`: all connections, or those of one strategy.
pub fn list(strategy: Option<&str>) -> Listing<Connection> {
    let call = fixed("get_connections");
    let listing =
        Listing::new(call, "connections", Paging::Checkpoint { take: PER_PAGE, from: None });
    match strategy {
        Some(strategy) => listing.with_query("strategy", strategy),
        None => listing,
    }
}
