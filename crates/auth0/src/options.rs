//! How a client behaves, and what clients of one process share.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::budget::Budgets;
use crate::token::Tokens;

/// Where "now" comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where chance comes from: numbers from 0 up to, not including, 1.
pub type Random = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How a client behaves.
#[derive(Clone)]
pub struct Options {
    /// Decides about expiry, budget and next tries.
    pub clock: Clock,
    /// Spreads repeated calls.
    pub random: Random,
    /// Asks the token endpoint for these scopes only; empty means all that the grant allows.
    pub scopes: Vec<String>,
    /// Further root certificates (PEM), for tenants whose certificate no public authority signed.
    pub root_certificates: Vec<Vec<u8>>,
    /// Allows `http://` for hosts that are not loopback.
    pub allow_plain_http: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one exchange may take, connecting and reading included.
    pub timeout: Duration,
    /// How lost or failed exchanges are repeated, where repeating is harmless.
    pub retry: Retry,
    /// How long one call may wait for its rate bucket in all; beyond, it fails with `RateLimited`.
    pub max_wait: Duration,
    /// The share of every rate bucket that is left to others, from 0 to 0.9. At least 2 calls and at most half the bucket.
    pub reserve: f64,
    /// Tokens and budgets. Clones of one value share both, over all clients of the process.
    pub shared: Shared,
}

/// How an exchange is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often it is sent in all, at least 1.
    pub attempts: u32,
    /// The pause after the first attempt; doubled with each further one.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
}

/// What several clients of one process share: tokens per (tenant, client, scopes), budgets per (tenant, bucket).
#[derive(Clone, Default)]
pub struct Shared {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) budgets: Arc<Budgets>,
}

/// Why a client could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// The base URL is no absolute URL without path, query and user.
    #[error("`{0}` is no tenant address; it looks like https://tenant.eu.auth0.com")]
    BaseUrl(String),
    /// `http://` to a host that is not this machine.
    #[error(
        "`{0}` would send credentials unencrypted; use https, or allow plain http for this link"
    )]
    PlainHttp(String),
    /// A root certificate is not PEM.
    #[error("the root certificate is not valid PEM: {0}")]
    RootCertificate(String),
    /// The TLS settings of this machine do not work.
    #[error(
        "TLS cannot be set up: {0}; install the system's CA certificates or give a root certificate"
    )]
    Tls(String),
    /// The reserve is no share.
    #[error("the reserve is a share of the bucket from 0 to 0.9, not {0}")]
    Reserve(String),
}

impl Options {
    /// The usual behaviour: 10 s to connect, 30 s an exchange, 3 attempts, 30 % reserve, waits of at most 10 s.
    pub fn new(clock: Clock, random: Random) -> Self {
        Self {
            clock,
            random,
            scopes: Vec::new(),
            root_certificates: Vec::new(),
            allow_plain_http: false,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            retry: Retry::default(),
            max_wait: Duration::from_secs(10),
            reserve: 0.3,
            shared: Shared::default(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
        }
    }
}

impl Retry {
    /// The pause after attempt number `attempt` (from 1): doubled each time, half of it by chance.
    pub(crate) fn pause(&self, attempt: u32, random: f64) -> Duration {
        let doubled =
            self.first_pause.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        doubled.min(self.longest_pause).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_vary_by_half() {
        let retry = Retry::default();
        for (attempt, random, expected) in
            [(1, 0.0, 250), (1, 1.0, 500), (2, 1.0, 1_000), (4, 0.5, 3_000), (40, 1.0, 20_000)]
        {
            let pause = retry.pause(attempt, random);
            assert_eq!(
                pause,
                Duration::from_millis(expected),
                "attempt {attempt}, random {random}"
            );
        }
    }
}
