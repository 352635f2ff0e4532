//! The buckets of one tenant, and which of them a call draws from. Pure; kept as one row that all nodes share.

use std::collections::BTreeMap;

use callboard_apps::{Limits, RateRefused, RateTold, shared_limit};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::pool::{Pool, Taken, Wait, later};
use super::priority::Priority;

/// The pool that all buckets of a tenant without a size of their own are.
const SHARED: &str = "";
/// A first call that has no answer so long holds nobody back any more.
const LONGEST_LOOK: SignedDuration = SignedDuration::from_secs(5);
/// After a refusal that does not say more.
const PAUSE: f64 = 2.0;
/// What a node says of those who wait there counts so long.
const FRESH: SignedDuration = SignedDuration::from_secs(3);
/// Never less than so many calls are left, never more than half a bucket.
const LEAST_RESERVE: u32 = 2;

/// All that is known of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tenant {
    names: BTreeMap<String, Named>,
    pools: BTreeMap<String, Pool>,
    blocked_until: Option<Timestamp>,
    /// Share of the buckets that was last left to others.
    #[serde(default)]
    share: f64,
    /// By node: who waits there.
    #[serde(default)]
    waiting: BTreeMap<String, NodeWaiting>,
}

/// A bucket as calls name it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Named {
    size: Size,
    blocked_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Size {
    /// No answer yet; since then a call is under way to find out.
    Unknown {
        looking_since: Option<Timestamp>,
    },
    /// Answers do not tell.
    #[default]
    Untold,
    Told(u32),
}

/// How many wait at a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct NodeWaiting {
    at: Timestamp,
    /// By bucket and priority.
    counts: BTreeMap<String, [u64; 3]>,
}

/// What one call wants of one bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) calls: u32,
    pub(crate) limits: Limits,
}

/// One exchange that may go: its bucket, and the pools that it was taken from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) taken: Vec<(String, Taken)>,
}

/// Why calls do not go now, and the bucket or pool that it is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    pub(crate) by: String,
    pub(crate) wait: Wait,
}

impl Held {
    fn by(name: &str, wait: Wait) -> Self {
        Self { by: name.to_owned(), wait }
    }
}

/// What became of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ended {
    Answered {
        rate: Option<RateTold>,
        refused: Option<RateRefused>,
    },
    /// It was sent, and nothing came back.
    Lost,
    NotSent,
}

/// The part of a bucket that is left to others: the share, at least 2, at most half.
pub(crate) fn reserve(limit: u32, share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a u32, not negative"
    )]
    let part = (f64::from(limit) * share).ceil() as u32;
    if share <= 0.0 { 0 } else { part.max(LEAST_RESERVE).min(limit / 2) }
}

/// What a call of this priority leaves behind: an urgent one may use half of the reserve.
pub(crate) fn floor(limit: u32, share: f64, priority: Priority) -> u32 {
    let reserve = reserve(limit, share);
    if priority == Priority::Urgent { reserve / 2 } else { reserve }
}

impl Tenant {
    /// Whether calls like these just go: answers do not tell of their buckets, and nothing was refused.
    pub(crate) fn is_free(&self, wanted: &[Wanted], now: Timestamp) -> bool {
        self.blocked_until.is_none_or(|until| until <= now)
            && wanted.iter().all(|wanted| match self.names.get(&wanted.name) {
                Some(named) => {
                    named.size == Size::Untold && named.blocked_until.is_none_or(|at| at <= now)
                }
                None => wanted.limits == Limits::Untold,
            })
    }

    /// Until when the tenant refuses calls like these.
    pub(crate) fn blocked_until(&self, wanted: &[Wanted]) -> Option<Timestamp> {
        let named = wanted.iter().filter_map(|wanted| self.names.get(&wanted.name)?.blocked_until);
        named.max().max(self.blocked_until)
    }

    /// Whether the end of an exchange that was taken from no pool tells anything new.
    pub(crate) fn is_news(&self, name: &str, ended: &Ended) -> bool {
        match ended {
            Ended::Answered { rate: None, refused: None } | Ended::Lost | Ended::NotSent => {
                let size = self.names.get(name).map(|named| named.size);
                matches!(size, Some(Size::Unknown { .. }))
            }
            Ended::Answered { .. } => true,
        }
    }

    /// Lets time pass.
    pub(crate) fn refresh(&mut self, now: Timestamp) {
        for pool in self.pools.values_mut() {
            pool.refresh(now);
        }
        let over = |until: &mut Option<Timestamp>| *until = until.filter(|at| *at > now);
        over(&mut self.blocked_until);
        self.names.values_mut().for_each(|named| over(&mut named.blocked_until));
        self.waiting.retain(|_, waiting| is_fresh(waiting.at, now));
    }

    /// Lets calls go, all of them or none. Ask after [`Tenant::refresh`].
    pub(crate) fn admit(
        &mut self,
        wanted: &[Wanted],
        share: f64,
        priority: Priority,
        has_waited: bool,
        node: &str,
        now: Timestamp,
    ) -> Result<Vec<Token>, Held> {
        self.share = share;
        if let Some(until) = self.blocked_until {
            return Err(Held::by(&wanted[0].name, Wait::NotBefore(until)));
        }
        let mut needs: BTreeMap<String, u32> = BTreeMap::new();
        for wanted in wanted {
            self.meet(wanted, now);
            let named = &self.names[&wanted.name];
            if let Some(until) = named.blocked_until {
                return Err(Held::by(&wanted.name, Wait::NotBefore(until)));
            }
            if let Size::Unknown { looking_since: Some(since) } = named.size {
                let until = since.saturating_add(LONGEST_LOOK).unwrap_or(Timestamp::MAX);
                if now < until {
                    return Err(Held::by(&wanted.name, Wait::NotBefore(until)));
                }
            }
            for pool in self.pools_of(&wanted.name) {
                *needs.entry(pool).or_default() += wanted.calls;
            }
        }
        for (name, calls) in &needs {
            let pool = &self.pools[name];
            pool.admits(*calls, floor(pool.limit, share, priority))
                .map_err(|wait| Held::by(name, wait))?;
        }
        let mut tokens = Vec::new();
        for wanted in wanted {
            let pools = self.pools_of(&wanted.name);
            if let Some(Named { size: Size::Unknown { looking_since }, .. }) =
                self.names.get_mut(&wanted.name)
            {
                *looking_since = Some(now);
            }
            for _ in 0..wanted.calls {
                let mut taken = Vec::new();
                for name in &pools {
                    if let Some(pool) = self.pools.get_mut(name) {
                        taken.push((name.clone(), pool.take(node, has_waited, now)));
                    }
                }
                tokens.push(Token { name: wanted.name.clone(), taken });
            }
        }
        Ok(tokens)
    }

    /// Makes a bucket known.
    fn meet(&mut self, wanted: &Wanted, now: Timestamp) {
        if self.names.contains_key(&wanted.name) {
            return;
        }
        let size = match wanted.limits {
            Limits::Told => Size::Unknown { looking_since: None },
            Limits::Untold => Size::Untold,
            Limits::Declared { burst, per_second } => {
                let pool = Pool::declared(burst, per_second, now);
                self.pools.insert(wanted.name.clone(), pool);
                Size::Told(burst)
            }
        };
        self.names.insert(wanted.name.clone(), Named { size, blocked_until: None });
    }

    /// The pools that a call of this bucket is taken from.
    pub(super) fn pools_of(&self, name: &str) -> Vec<String> {
        let mut pools = vec![SHARED.to_owned(), name.to_owned()];
        pools.retain(|pool| self.pools.contains_key(pool));
        pools
    }

    fn shared_limit(&self) -> Option<u32> {
        let told = self.names.iter().filter_map(|(name, named)| match named.size {
            Size::Told(limit) => Some((name.clone(), limit)),
            _ => None,
        });
        shared_limit(&told.collect())
    }

    /// Takes in how an exchange ended.
    pub(crate) fn ended(&mut self, token: &Token, ended: &Ended, node: &str, now: Timestamp) {
        for (name, _) in &token.taken {
            if let Some(pool) = self.pools.get_mut(name) {
                match ended {
                    Ended::NotSent => pool.give_back(node, now),
                    Ended::Answered { .. } | Ended::Lost => pool.end(node, now),
                }
            }
        }
        match ended {
            Ended::Answered { rate, refused } => self.answered(token, *rate, *refused, now),
            Ended::Lost | Ended::NotSent => {
                if let Some(Named { size: Size::Unknown { looking_since }, .. }) =
                    self.names.get_mut(&token.name)
                {
                    *looking_since = None;
                }
            }
        }
    }

    fn answered(
        &mut self,
        token: &Token,
        rate: Option<RateTold>,
        refused: Option<RateRefused>,
        now: Timestamp,
    ) {
        let named = self.names.entry(token.name.clone()).or_default();
        if let Some(RateRefused { until, everything }) = refused {
            let until = until.filter(|until| *until > now).unwrap_or_else(|| later(now, PAUSE));
            let blocked =
                if everything { &mut self.blocked_until } else { &mut named.blocked_until };
            *blocked = (*blocked).max(Some(until));
            for (name, _) in &token.taken {
                // The whole tenant's refusal says nothing of the group's own bucket.
                if let Some(pool) =
                    self.pools.get_mut(name).filter(|_| !everything || name == SHARED)
                {
                    pool.refused(now);
                }
            }
        }
        match rate {
            // A refusal for everybody tells of the bucket that everybody shares.
            Some(rate) if refused.is_some_and(|refused| refused.everything) => {
                self.hear(SHARED, token, rate, now);
            }
            Some(rate) => {
                named.size = Size::Told(rate.limit);
                let name = token.name.clone();
                match self.shared_limit() {
                    Some(limit) if limit == rate.limit => {
                        self.pools.remove(&name);
                        self.hear(SHARED, token, rate, now);
                    }
                    Some(_) => self.hear(&name, token, rate, now),
                    None => {
                        self.pools.remove(SHARED);
                        self.hear(&name, token, rate, now);
                    }
                }
            }
            None if refused.is_none() => {
                if let Size::Unknown { .. } = named.size {
                    named.size = Size::Untold;
                }
            }
            None => {}
        }
    }

    fn hear(&mut self, pool: &str, token: &Token, rate: RateTold, now: Timestamp) {
        let as_taken = token.taken.iter().find(|(name, _)| name == pool).map(|(_, taken)| *taken);
        match (self.pools.get_mut(pool), as_taken) {
            (Some(pool), Some(call)) => pool.told(call, rate, now),
            // It was made while this call was under way; those that were let go since count there.
            (Some(_), None) => {}
            (None, _) => {
                let looking = self
                    .names
                    .values()
                    .filter(|named| matches!(named.size, Size::Unknown { looking_since: Some(_) }));
                let under_way = u32::try_from(looking.count()).unwrap_or(u32::MAX);
                let made = Pool::told_first(rate, under_way, now);
                self.pools.insert(pool.to_owned(), made);
            }
        }
    }

    /// Whether what a node said of those who wait there is still what is so.
    pub(crate) fn has_heard(
        &self,
        node: &str,
        counts: &BTreeMap<String, [u64; 3]>,
        now: Timestamp,
    ) -> bool {
        match self.waiting.get(node) {
            None => counts.is_empty(),
            Some(said) => said.counts == *counts && now.duration_since(said.at).abs() < FRESH / 2,
        }
    }

    /// Whether it says of anybody that he waits at this node.
    pub(crate) fn tells_of(&self, node: &str) -> bool {
        self.waiting.contains_key(node)
    }

    /// How many calls a second a bucket takes in, as far as that is proven.
    pub(crate) fn rate(&self, name: &str) -> Option<f64> {
        let rates = self.pools_of(name).into_iter().map(|pool| self.pools[&pool].rate());
        rates.filter(|rate| *rate > 0.0).min_by(f64::total_cmp)
    }

    /// Says who waits at a node.
    pub(crate) fn say_waiting(
        &mut self,
        node: &str,
        counts: BTreeMap<String, [u64; 3]>,
        now: Timestamp,
    ) {
        if counts.is_empty() {
            self.waiting.remove(node);
        } else {
            self.waiting.insert(node.to_owned(), NodeWaiting { at: now, counts });
        }
    }

    /// Whether somebody more urgent waits for this bucket at another node.
    pub(crate) fn yields(
        &self,
        name: &str,
        priority: Priority,
        node: &str,
        now: Timestamp,
    ) -> bool {
        let others = self
            .waiting
            .iter()
            .filter(|(other, waiting)| other.as_str() != node && is_fresh(waiting.at, now));
        let mut counts = others.filter_map(|(_, waiting)| waiting.counts.get(name));
        counts.any(|counts| counts[..priority as usize].iter().any(|count| *count > 0))
    }

    pub(super) fn gauges(&self) -> Vec<super::gauge::Bucket> {
        let bucket = |(name, pool): (&String, &Pool)| {
            let of = |named: &Named| named.size == Size::Told(pool.limit);
            let calls: Vec<String> = if name == SHARED {
                let members = self.names.iter().filter(|(_, named)| of(named));
                members.map(|(name, _)| name.clone()).collect()
            } else {
                vec![name.clone()]
            };
            let blocked = |name: &String| self.names.get(name)?.blocked_until;
            let mut waiting = [0; 3];
            for counts in self.waiting.values() {
                for of_name in calls.iter().filter_map(|name| counts.counts.get(name)) {
                    for (sum, count) in waiting.iter_mut().zip(of_name) {
                        *sum += count;
                    }
                }
            }
            super::gauge::Bucket {
                limit: pool.limit,
                remaining: pool.remaining(),
                reserve: reserve(pool.limit, self.share),
                per_second: pool.rate(),
                under_way: pool.under_way(),
                reset_at: pool.reset_at(),
                blocked_until: calls.iter().filter_map(blocked).max().max(self.blocked_until),
                waiting,
                calls,
            }
        };
        self.pools.iter().map(bucket).collect()
    }
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < FRESH
}
