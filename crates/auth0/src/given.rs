//! Pacing by somebody else: a budget that more than this process shares.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Call, Error, RateState};

/// Paces calls in the client's place. Every exchange is asked for and told of, also those that repeat a call.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Completes when one exchange may go.
    ///
    /// # Errors
    /// Best [`Error::RateLimited`]: nothing was sent.
    async fn admit(&self, call: &Call) -> Result<(), Error>;

    /// Whether the exchange was answered, and what it told of the call's bucket.
    fn ended(&self, call: &Call, answered: bool, rate: Option<RateState>, refused: Option<Refused>);
}

/// A 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// No call makes sense before.
    pub until: Timestamp,
    /// The limit is the whole tenant's.
    pub whole_tenant: bool,
}
