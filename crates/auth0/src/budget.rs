//! What is known about a tenant's rate buckets, and whether a call may go now. Waits for nothing itself.
//!
//! A call knows its bucket by name; how many calls that bucket holds, and which names share one bucket, only answers
//! tell. Names whose buckets have the same size are treated as one: a tenant with one bucket for everything shows it
//! under every name, and where sizes agree by chance this is merely more careful.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::RateState;

/// The budgets of the process.
#[derive(Default)]
pub(crate) struct Budgets {
    tenants: Mutex<BTreeMap<String, Tenant>>,
    /// Rung whenever an answer came or a call ended.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct Tenant {
    names: BTreeMap<String, Named>,
    pools: BTreeMap<u32, Pool>,
    blocked_until: Option<Timestamp>,
}

/// A bucket as calls name it.
#[derive(Default)]
struct Named {
    size: Size,
    in_flight: u32,
    blocked_until: Option<Timestamp>,
    /// Refusals since the last success.
    refusals: u32,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Size {
    /// No answer yet.
    #[default]
    Unknown,
    /// Answers do not tell.
    Untold,
    Told(u32),
}

/// A bucket as the tenant counts it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pool {
    remaining: u32,
    reset_at: Option<Timestamp>,
    in_flight: u32,
}

/// The state of one rate bucket of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketState {
    /// The kinds of calls that draw from it. Example: `users read`.
    pub calls: Vec<String>,
    /// Its size.
    pub limit: u32,
    /// What was left when the tenant last told.
    pub remaining: u32,
    /// What this client leaves to others.
    pub reserve: u32,
    /// When something is next added.
    pub reset_at: Option<Timestamp>,
    /// Calls that are under way.
    pub in_flight: u32,
    /// No call goes out before this moment, because the tenant refused one.
    pub blocked_until: Option<Timestamp>,
}

/// Whether a call may go.
pub(crate) enum Admission {
    Go(Permit),
    /// Not before this moment.
    NotBefore(Timestamp),
    /// Not before an answer has told more.
    AfterAnAnswer,
}

/// A call under way. Dropping it ends the call, whatever became of it.
pub(crate) struct Permit {
    budgets: Arc<Budgets>,
    tenant: String,
    name: String,
    pool: Option<u32>,
}

/// How much of a bucket is left to others: the share, at least 2, at most half (a bucket of 2 still moves).
fn reserve(limit: u32, share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a u32, not negative"
    )]
    let part = (f64::from(limit) * share).ceil() as u32;
    part.max(2).min(limit / 2)
}

impl Pool {
    /// Whether one more call leaves the reserve untouched. Once the reset has passed, an unknown number of calls was
    /// added: one call goes alone to find out.
    fn admits(&self, reserve: u32, now: Timestamp) -> Result<(), Option<Timestamp>> {
        if self.remaining.saturating_sub(self.in_flight) > reserve {
            return Ok(());
        }
        match self.reset_at {
            Some(reset_at) if now < reset_at => Err(Some(reset_at)),
            _ if self.in_flight == 0 => Ok(()),
            _ => Err(None),
        }
    }
}

impl Budgets {
    /// Asks for one call. `now` may be later than the clock says, when a reset was waited for.
    pub(crate) fn admit(
        self: &Arc<Self>,
        tenant: &str,
        name: &str,
        share: f64,
        now: Timestamp,
    ) -> Admission {
        let mut tenants = self.lock();
        let Tenant { names, pools, blocked_until } = tenants.entry(tenant.to_owned()).or_default();
        let named = names.entry(name.to_owned()).or_default();
        if let Some(until) = (*blocked_until).max(named.blocked_until).filter(|until| now < *until)
        {
            return Admission::NotBefore(until);
        }
        let only_pool = || pools.keys().next().copied().filter(|_| pools.len() == 1);
        let size = match named.size {
            Size::Told(size) => Some(size),
            Size::Untold => None,
            Size::Unknown => {
                let guess = only_pool();
                if guess.is_none() && named.in_flight > 0 {
                    return Admission::AfterAnAnswer;
                }
                guess
            }
        };
        let pool = size.and_then(|size| Some((size, pools.get_mut(&size)?)));
        if let Some((size, pool)) = pool {
            match pool.admits(reserve(size, share), now) {
                Ok(()) => pool.in_flight += 1,
                Err(Some(reset_at)) => return Admission::NotBefore(reset_at),
                Err(None) => return Admission::AfterAnAnswer,
            }
        }
        named.in_flight += 1;
        Admission::Go(Permit {
            budgets: Arc::clone(self),
            tenant: tenant.into(),
            name: name.into(),
            pool: size,
        })
    }

    /// What is known about a tenant's buckets, smallest first.
    pub(crate) fn states(&self, tenant: &str, share: f64) -> Vec<BucketState> {
        let tenants = self.lock();
        let Some(tenant) = tenants.get(tenant) else { return Vec::new() };
        let state = |(&limit, pool): (&u32, &Pool)| {
            let named = || tenant.names.iter().filter(|(_, named)| named.size == Size::Told(limit));
            BucketState {
                calls: named().map(|(name, _)| name.clone()).collect(),
                limit,
                remaining: pool.remaining,
                reserve: reserve(limit, share),
                reset_at: pool.reset_at,
                in_flight: pool.in_flight,
                blocked_until: tenant
                    .blocked_until
                    .max(named().filter_map(|(_, named)| named.blocked_until).max()),
            }
        };
        tenant.pools.iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Tenant>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Takes note of what an answer told.
    pub(crate) fn told(&self, rate: Option<RateState>, refused: bool) {
        let mut tenants = self.budgets.lock();
        let Some(tenant) = tenants.get_mut(&self.tenant) else { return };
        let Some(named) = tenant.names.get_mut(&self.name) else { return };
        if !refused {
            named.refusals = 0;
        }
        let Some(RateState { limit, remaining, reset_at }) = rate else { return };
        named.size = Size::Told(limit);
        let pool = tenant.pools.entry(limit).or_insert(Pool { remaining, reset_at, in_flight: 0 });
        // Answers overtake each other: within one window the lower figure is the later one.
        pool.remaining =
            if pool.reset_at == reset_at { pool.remaining.min(remaining) } else { remaining };
        pool.reset_at = reset_at;
    }

    /// How often this bucket has refused in a row, this time included.
    pub(crate) fn count_refusal(&self) -> u32 {
        let mut tenants = self.budgets.lock();
        let named =
            tenants.get_mut(&self.tenant).and_then(|tenant| tenant.names.get_mut(&self.name));
        named.map_or(1, |named| {
            named.refusals = named.refusals.saturating_add(1);
            named.refusals
        })
    }

    /// Keeps further calls back until `until`; all calls of the tenant when the limit is the tenant's.
    pub(crate) fn block(&self, until: Timestamp, whole_tenant: bool) {
        let mut tenants = self.budgets.lock();
        let Some(tenant) = tenants.get_mut(&self.tenant) else { return };
        if whole_tenant {
            tenant.blocked_until = Some(until);
        } else if let Some(named) = tenant.names.get_mut(&self.name) {
            named.blocked_until = Some(until);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut tenants = self.budgets.lock();
        if let Some(tenant) = tenants.get_mut(&self.tenant) {
            if let Some(named) = tenant.names.get_mut(&self.name) {
                named.in_flight = named.in_flight.saturating_sub(1);
                if named.size == Size::Unknown {
                    named.size = Size::Untold; // others need not go one by one to learn nothing
                }
            }
            if let Some(pool) = self.pool.and_then(|size| tenant.pools.get_mut(&size)) {
                pool.in_flight = pool.in_flight.saturating_sub(1);
            }
        }
        drop(tenants);
        self.budgets.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(limit: u32, remaining: u32, reset: i64) -> RateState {
        RateState { limit, remaining, reset_at: Some(at(reset)) }
    }

    fn go(budgets: &Arc<Budgets>, name: &str, now: i64) -> Option<Permit> {
        match budgets.admit("t", name, 0.3, at(now)) {
            Admission::Go(permit) => Some(permit),
            Admission::NotBefore(_) | Admission::AfterAnAnswer => None,
        }
    }

    #[test]
    fn the_reserve_is_a_share_but_lets_the_smallest_bucket_move() {
        for (limit, expected) in
            [(1, 0), (2, 1), (5, 2), (10, 3), (40, 12), (50, 15), (5_000, 1_500)]
        {
            assert_eq!(reserve(limit, 0.3), expected, "bucket of {limit}");
        }
    }

    #[test]
    fn the_first_call_goes_alone_and_the_rest_learn_from_it() {
        let budgets = Arc::new(Budgets::default());
        let first = go(&budgets, "users read", 0).unwrap();
        assert!(matches!(budgets.admit("t", "users read", 0.3, at(0)), Admission::AfterAnAnswer));
        first.told(Some(told(10, 9, 1)), false);
        drop(first);
        let under_way: Vec<Permit> = std::iter::from_fn(|| go(&budgets, "users read", 0)).collect();
        assert_eq!(under_way.len(), 6, "9 left, 3 kept");
        assert!(
            go(&budgets, "roles read", 0).is_none(),
            "the only known bucket is taken for the tenant's"
        );
        assert!(
            matches!(budgets.admit("t", "users read", 0.3, at(0)), Admission::NotBefore(until) if until == at(1))
        );
    }

    #[test]
    fn after_the_reset_one_call_finds_out_how_much_was_added() {
        let budgets = Arc::new(Budgets::default());
        go(&budgets, "users read", 0).unwrap().told(Some(told(10, 3, 1)), false);
        assert!(go(&budgets, "users read", 0).is_none());
        let probe = go(&budgets, "users read", 1).unwrap();
        assert!(go(&budgets, "users read", 1).is_none());
        probe.told(Some(told(10, 9, 2)), false);
        assert!(go(&budgets, "users read", 1).is_some());
    }

    #[test]
    fn a_tenant_that_tells_nothing_is_not_paced() {
        let budgets = Arc::new(Budgets::default());
        go(&budgets, "users read", 0).unwrap().told(None, false);
        let under_way: Vec<Permit> =
            (0..100).filter_map(|_| go(&budgets, "users read", 0)).collect();
        assert_eq!(under_way.len(), 100);
    }

    #[test]
    fn a_refusal_keeps_its_bucket_or_the_tenant_back() {
        for (whole_tenant, other_goes) in [(false, true), (true, false)] {
            let budgets = Arc::new(Budgets::default());
            for name in ["users read", "roles read"] {
                go(&budgets, name, 0).unwrap().told(None, false);
            }
            go(&budgets, "users read", 0).unwrap().block(at(5), whole_tenant);
            assert!(go(&budgets, "users read", 4).is_none());
            assert_eq!(go(&budgets, "roles read", 4).is_some(), other_goes);
            assert!(go(&budgets, "users read", 5).is_some());
        }
    }

    #[test]
    fn a_late_answer_does_not_raise_what_is_left() {
        let budgets = Arc::new(Budgets::default());
        let permit = go(&budgets, "users read", 0).unwrap();
        permit.told(Some(told(10, 4, 9)), false);
        permit.told(Some(told(10, 7, 9)), false);
        assert_eq!(budgets.states("t", 0.3)[0].remaining, 4);
        permit.told(Some(told(10, 10, 12)), false);
        let state = &budgets.states("t", 0.3)[0];
        assert_eq!((state.remaining, state.reset_at, state.calls.len()), (10, Some(at(12)), 1));
    }
}
