//! Token buckets per tenant and endpoint group, with the headers that clients pace themselves by. Sizes are the
//! contract's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use callboard_contract::rate_limits::{Bucket, Group, Plan, Window};
use callboard_contract::{ErrorBody, Limit, Operation};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::ApiError;

/// How the Management API is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    /// Not at all; no headers either.
    Off,
    /// As on this plan.
    Plan(Plan),
}

/// How full a bucket was when it was last looked at.
#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: Timestamp,
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

/// The buckets of one tenant; `None` is the one that all groups share.
pub(crate) struct RateLimiter {
    limits: RateLimits,
    levels: Mutex<HashMap<Option<Group>, Level>>,
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, levels: Mutex::default() }
    }

    /// Takes a token from every bucket that counts, or refuses. Without limits there is nothing to tell.
    pub(super) fn take(
        &self,
        operation: &Operation,
        searches: bool,
        now: Timestamp,
    ) -> Result<Option<RateState>, ApiError> {
        let RateLimits::Plan(plan) = self.limits else { return Ok(None) };
        let group = Group::of(operation, searches);
        let limits = plan.limits(group);
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = None;
        let buckets =
            [(None, limits.global, Limit::Global), (Some(group), limits.group, Limit::Endpoint)];
        for (place, bucket, limit) in buckets {
            let Some(bucket) = bucket else { continue };
            let level =
                levels.entry(place).or_insert(Level { tokens: f64::from(bucket.burst), at: now });
            let granted = level.take(bucket, now);
            let state = level.state(bucket);
            if !granted {
                return Err(refusal(limit, state));
            }
            // The group's bucket, where there is one, is the one that callers are told of.
            told = Some(state);
        }
        Ok(told)
    }
}

impl Level {
    /// Fills up what has come in since the last look, then takes one.
    fn take(&mut self, bucket: Bucket, now: Timestamp) -> bool {
        let elapsed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + elapsed * per_second(bucket)).min(f64::from(bucket.burst));
        self.at = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "buckets are small and never negative"
    )]
    fn state(self, bucket: Bucket) -> RateState {
        let until_next = ((1.0 - self.tokens.fract()) / per_second(bucket)).ceil() as i64;
        RateState {
            limit: bucket.burst,
            remaining: self.tokens as u32,
            reset: self.at.as_second() + until_next.max(1),
        }
    }
}

fn per_second(bucket: Bucket) -> f64 {
    let seconds = match bucket.per {
        Window::Second => 1.0,
        Window::Minute => 60.0,
        Window::Day => 86_400.0,
    };
    f64::from(bucket.sustained) / seconds
}

fn refusal(limit: Limit, state: RateState) -> ApiError {
    let error = ApiError::from(ErrorBody::too_many_requests(limit));
    state.headers().into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
}

#[cfg(test)]
mod tests {
    use callboard_contract::contract;

    use super::*;

    fn take(limiter: &RateLimiter, at: &str) -> Result<Option<RateState>, ApiError> {
        limiter.take(contract().operation("get_users").unwrap(), false, at.parse().unwrap())
    }

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let limiter = RateLimiter::new(RateLimits::Plan(Plan::Free));
        assert_eq!(take(&limiter, "2026-01-01T00:00:00Z").unwrap().unwrap().remaining, 1);
        assert_eq!(take(&limiter, "2026-01-01T00:00:00Z").unwrap().unwrap().remaining, 0);
        let refused = take(&limiter, "2026-01-01T00:00:00Z").unwrap_err();
        assert_eq!(refused.to_string(), "429 Too Many Requests: Global limit has been reached");
        assert!(take(&limiter, "2026-01-01T00:00:01Z").is_ok());
    }

    #[test]
    fn a_group_has_its_own_bucket() {
        let limiter = RateLimiter::new(RateLimits::Plan(Plan::SelfService));
        assert_eq!(take(&limiter, "2026-01-01T00:00:00Z").unwrap().unwrap().remaining, 39);
    }

    #[test]
    fn without_limits_nothing_is_told() {
        assert_eq!(take(&RateLimiter::new(RateLimits::Off), "2026-01-01T00:00:00Z").unwrap(), None);
    }
}
