//! Token buckets per tenant and endpoint group, with the headers that clients pace themselves by.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use callboard_contract::{ErrorBody, Limit};
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;

use super::ApiError;

/// How the Management API is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    /// Not at all; no headers either.
    Off,
    /// Free plan: 2 requests, 2 per second, for everything together.
    Free,
    /// Self-service plans: a bucket per endpoint group, no global one.
    SelfService,
    /// Enterprise, development tenant: 10 requests, 2 per second.
    EnterpriseDevelopment,
    /// Enterprise, production tenant: 50 requests, 16 per second.
    EnterpriseProduction,
}

/// A bucket's size and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Policy {
    name: &'static str,
    burst: u32,
    per_second: f64,
}

impl Policy {
    const fn per_second(name: &'static str, burst: u32, rate: f64) -> Self {
        Self { name, burst, per_second: rate }
    }

    const fn per_minute(name: &'static str, burst: u32, rate: f64) -> Self {
        Self { name, burst, per_second: rate / 60.0 }
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Timestamp,
}

/// What a caller is told after a request that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateState {
    limit: u32,
    remaining: u32,
    /// Unix seconds at which tokens are next added.
    reset: i64,
}

impl RateState {
    pub(super) fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        [
            (HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(self.limit)),
            (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(self.remaining)),
            (HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(self.reset)),
        ]
    }
}

/// The buckets of one tenant.
pub(crate) struct RateLimiter {
    limits: RateLimits,
    buckets: Mutex<HashMap<&'static str, Bucket>>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// Takes one token, or refuses. Without limits there is nothing to tell.
    pub(super) fn take(
        &self,
        method: &Method,
        path: &str,
        now: Timestamp,
    ) -> Result<Option<RateState>, ApiError> {
        let Some(policy) = policy(self.limits, method, path) else { return Ok(None) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = f64::from(policy.burst);
        let bucket = buckets.entry(policy.name).or_insert(Bucket { tokens: full, filled_at: now });
        let elapsed = now.duration_since(bucket.filled_at).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * policy.per_second).min(full);
        bucket.filled_at = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        let state = state(policy, bucket.tokens, now);
        drop(buckets);
        if granted { Ok(Some(state)) } else { Err(refusal(policy, state)) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bucket sizes are small and not negative"
)]
fn state(policy: Policy, tokens: f64, now: Timestamp) -> RateState {
    let until_next = ((1.0 - tokens.fract()) / policy.per_second).ceil() as i64;
    RateState {
        limit: policy.burst,
        remaining: tokens as u32,
        reset: now.as_second() + until_next.max(1),
    }
}

fn refusal(policy: Policy, state: RateState) -> ApiError {
    let limit = if policy.name == GLOBAL { Limit::Global } else { Limit::Endpoint };
    let error = ApiError::from(ErrorBody::too_many_requests(limit));
    state.headers().into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
}

const GLOBAL: &str = "global";

fn policy(limits: RateLimits, method: &Method, path: &str) -> Option<Policy> {
    match limits {
        RateLimits::Off => None,
        RateLimits::Free => Some(Policy::per_second(GLOBAL, 2, 2.0)),
        RateLimits::EnterpriseDevelopment => Some(Policy::per_second(GLOBAL, 10, 2.0)),
        RateLimits::EnterpriseProduction => Some(Policy::per_second(GLOBAL, 50, 16.0)),
        RateLimits::SelfService => Some(self_service(method, path)),
    }
}

/// `path` is the contract's template below `/api/v2`.
fn self_service(method: &Method, path: &str) -> Policy {
    let reads = method == Method::GET;
    match path {
        "/users" | "/users/{id}" if reads => Policy::per_minute("users read", 40, 500.0),
        "/users/{id}" if method == Method::DELETE => Policy::per_minute("users delete", 20, 200.0),
        "/users" | "/users/{id}" => Policy::per_minute("users write", 20, 200.0),
        "/logs" | "/logs/{id}" => Policy::per_minute("logs read", 10, 100.0),
        "/clients" | "/clients/{id}" if reads => Policy::per_minute("clients read", 5, 100.0),
        "/connections/{id}/status" => Policy::per_second("connection status", 100, 15.0),
        "/connections" | "/connections/{id}" if reads => {
            Policy::per_minute("connections read", 5, 50.0)
        }
        "/device-credentials" | "/device-credentials/{id}" if !reads => {
            Policy::per_minute("device credentials write", 5, 100.0)
        }
        "/organizations" if reads => Policy::per_minute("organizations list", 5, 50.0),
        "/organizations/{id}" if reads => Policy::per_minute("organization read", 20, 200.0),
        "/organizations/name/{name}" => Policy::per_minute("organization by name", 10, 100.0),
        "/organizations" | "/organizations/{id}" => {
            Policy::per_minute("organizations write", 5, 25.0)
        }
        "/organizations/{id}/members" if reads => Policy::per_minute("members read", 40, 500.0),
        "/organizations/{id}/members" => Policy::per_minute("members write", 20, 200.0),
        _ => Policy::per_minute("others", 10, 150.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let limiter = RateLimiter::new(RateLimits::Free);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let take = |now| limiter.take(&Method::GET, "/users", now);
        assert_eq!(take(start).unwrap().unwrap().remaining, 1);
        assert_eq!(take(start).unwrap().unwrap().remaining, 0);
        let refused = take(start).unwrap_err();
        assert_eq!(refused.status(), http::StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.body()["message"], "Global limit has been reached");
        assert!(take(start + jiff::SignedDuration::from_secs(1)).is_ok());
    }

    #[test]
    fn without_limits_nothing_is_told() {
        let limiter = RateLimiter::new(RateLimits::Off);
        assert_eq!(limiter.take(&Method::GET, "/users", Timestamp::UNIX_EPOCH).unwrap(), None);
    }
}
