//! The way out of the tenant, as a port.

use async_trait::async_trait;

/// Something to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// `https`, or `http` to a loopback host.
    pub url: String,
    /// `Content-Type` is among them.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Nobody answered, or the way there is closed. The text names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

/// Posts parcels. Whether a host may be reached at all is its decision.
#[async_trait]
pub trait Courier: Send + Sync {
    /// The status that the other end answered. Takes no longer than a bounded time.
    async fn post(&self, parcel: Parcel) -> Result<u16, Undelivered>;
}
