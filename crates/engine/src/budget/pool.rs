//! One rate bucket as far as answers have told: a lower bound of what is left in it. Pure.
//!
//! Calls are taken off when they are let go, additions come on by the lowest rate that answers prove, and every answer
//! corrects the count: upwards by what it proves to be there, whatever the order in which calls under way reach the
//! tenant; downwards where somebody else must have used the bucket.

use std::collections::BTreeMap;

use callboard_apps::RateTold;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A call without an end is taken to have ended after that: its node is gone.
const LONGEST_CALL: SignedDuration = SignedDuration::from_mins(2);
/// The proof of a rate begins anew, so that it follows a tenant whose plan changes.
const LONGEST_PROOF: f64 = 600.0;
/// Without a word about additions one call may look after so many seconds.
const SILENCE: f64 = 10.0;
/// A try is so much more than what is known, and after one too many there is none for so many seconds.
const STEP: f64 = 0.1;
const CALM: f64 = 60.0;
/// Sums of fractions of a call.
const TOLERANCE: f64 = 1e-6;

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) limit: u32,
    /// At least so many are left.
    level: f64,
    /// The instant of `level`.
    at: Timestamp,
    /// At least so many a second come in.
    rate: f64,
    /// Perhaps so many come in: tried where calls waited and the bucket was full all the same.
    #[serde(default)]
    tried: f64,
    /// Not before then is more tried.
    #[serde(default)]
    tries_at: Option<Timestamp>,
    /// No answer tells: the rate is the manifest's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    declared: bool,
    /// Longest time, in seconds, that an answer gave until something is added.
    grain: f64,
    /// At that instant at least so many are left, less what goes until then.
    promise: Option<(Timestamp, f64)>,
    /// When one call may look how much is left, should nothing be known by then.
    look_at: Timestamp,
    /// Calls let go in all.
    sent: u64,
    /// Calls under way by node, and when that last changed.
    under_way: BTreeMap<String, (u64, Timestamp)>,
    /// Where the present proof of the rate begins.
    mark: Option<Mark>,
}

/// What an answer told once: the instant of its call, what was left, and how many calls may have been taken off by then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    sent: u64,
    left: f64,
}

/// A call that was let go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Taken {
    pub(crate) at: Timestamp,
    /// Its number.
    pub(crate) sent: u64,
    /// So many calls had ended before, and surely reached the tenant earlier.
    pub(crate) ended: u64,
    /// It waited until something had come in.
    pub(crate) waited: bool,
}

/// Why a call does not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    NotBefore(Timestamp),
    /// An answer under way will tell.
    ForAnAnswer,
}

impl Pool {
    /// As the first answer told of it, while so many calls that may draw from it are under way.
    pub(crate) fn told_first(told: RateTold, under_way: u32, now: Timestamp) -> Self {
        let mut pool = Self::empty(told.limit, now);
        pool.level = f64::from(told.remaining) - f64::from(under_way);
        pool.mark = Some(Mark { at: now, sent: 0, left: f64::from(told.remaining) });
        pool.hear(told, pool.level, now);
        pool
    }

    /// As the manifest declares it.
    pub(crate) fn declared(burst: u32, per_second: f64, now: Timestamp) -> Self {
        let mut pool = Self::empty(burst, now);
        (pool.level, pool.rate, pool.declared) = (f64::from(burst), per_second, true);
        pool
    }

    fn empty(limit: u32, now: Timestamp) -> Self {
        Self {
            limit,
            level: 0.0,
            at: now,
            rate: 0.0,
            tried: 0.0,
            tries_at: None,
            declared: false,
            grain: 1.0,
            promise: None,
            look_at: later(now, SILENCE),
            sent: 0,
            under_way: BTreeMap::new(),
            mark: None,
        }
    }

    /// Lets time pass.
    pub(crate) fn refresh(&mut self, now: Timestamp) {
        // A clock that was set back adds nothing, and counts from there on.
        self.level += self.rate() * seconds(self.at, now).max(0.0);
        self.at = now;
        if let Some((at, level)) = self.promise
            && at <= now
        {
            self.level = self.level.max(level);
            self.promise = None;
        }
        self.level = self.level.min(f64::from(self.limit));
        self.under_way.retain(|_, (_, since)| now.duration_since(*since) < LONGEST_CALL);
    }

    /// How many calls a second come in, as far as anybody knows.
    pub(crate) fn rate(&self) -> f64 {
        self.rate.max(self.tried)
    }

    /// At least so many are left.
    pub(crate) fn remaining(&self) -> u32 {
        whole(self.level)
    }

    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.values().map(|(count, _)| count).sum()
    }

    /// Whether so many calls may go and leave `floor` behind. Ask after [`Pool::refresh`].
    pub(crate) fn admits(&self, calls: u32, floor: u32) -> Result<(), Wait> {
        let most = self.limit.saturating_sub(floor).max(1);
        let needed = f64::from(floor) + f64::from(calls.min(most));
        let lacks = needed - self.level;
        if lacks <= TOLERANCE {
            return Ok(());
        }
        // Nobody knows how much came in meanwhile: one call goes alone to find out.
        let alone = self.under_way() == 0 && !self.declared;
        let look = alone.then_some(self.look_at);
        if look.is_some_and(|look| look <= self.at) {
            return Ok(());
        }
        let rate = self.rate();
        let by_rate = (rate > 0.0).then(|| later(self.at, lacks / rate));
        let promised = self.promise.filter(|(_, level)| needed - level <= TOLERANCE);
        let next = [by_rate, promised.map(|(at, _)| at), look].into_iter().flatten().min();
        Err(next.map_or(Wait::ForAnAnswer, Wait::NotBefore))
    }

    /// Lets one call go.
    pub(crate) fn take(&mut self, node: &str, waited: bool, now: Timestamp) -> Taken {
        self.level -= 1.0;
        if let Some((_, level)) = &mut self.promise {
            *level -= 1.0;
        }
        let ended = self.sent.saturating_sub(self.under_way());
        self.sent += 1;
        self.look_at = self.look_at.max(later(now, SILENCE));
        let (count, since) = self.under_way.entry(node.to_owned()).or_insert((0, now));
        *count += 1;
        *since = now;
        Taken { at: now, sent: self.sent, ended, waited }
    }

    /// The call was not made.
    pub(crate) fn give_back(&mut self, node: &str, now: Timestamp) {
        self.refresh(now);
        self.level = (self.level + 1.0).min(f64::from(self.limit));
        self.sent = self.sent.saturating_sub(1);
        self.end(node, now);
    }

    /// The call has ended, whatever it told.
    pub(crate) fn end(&mut self, node: &str, now: Timestamp) {
        if let Some((count, since)) = self.under_way.get_mut(node) {
            *count = count.saturating_sub(1);
            *since = now;
            if *count == 0 {
                self.under_way.remove(node);
            }
        }
    }

    /// What the answer of a call told that has [ended](Pool::end).
    pub(crate) fn told(&mut self, taken: Taken, told: RateTold, now: Timestamp) {
        self.refresh(now);
        if told.limit != self.limit {
            let under_way = u32::try_from(self.under_way()).unwrap_or(u32::MAX);
            let (sent, open) = (self.sent, std::mem::take(&mut self.under_way));
            *self = Self::told_first(told, under_way, now);
            (self.sent, self.under_way) = (sent, open);
            return;
        }
        let remaining = f64::from(told.remaining);
        let open_after = self.sent.saturating_sub(taken.sent).min(self.under_way());
        let perhaps_after = self.sent.saturating_sub(taken.ended + 1);
        let proven = remaining - float(perhaps_after);
        if self.level < proven {
            self.level = proven;
        } else if self.level >= remaining + 1.0 - float(open_after) {
            self.level = remaining - float(open_after);
            self.tried *= 1.0 - STEP;
            self.tries_at = Some(later(now, CALM));
        }
        if taken.waited && told.remaining + 1 >= told.limit && perhaps_after == 0 {
            self.try_more(now);
        }
        self.learn(taken, remaining, now);
        self.hear(told, proven, now);
    }

    fn hear(&mut self, told: RateTold, proven: f64, now: Timestamp) {
        self.look_at = later(now, SILENCE);
        let Some(reset_at) = told.reset_at else { return };
        // It is told in whole seconds, of a clock that stands somewhere within one.
        let reset_at = later(reset_at, 1.0);
        if self.rate() <= 0.0 {
            self.look_at = reset_at;
        }
        self.grain = self.grain.max(seconds(now, reset_at));
        let promised = proven + 1.0;
        if self.promise.is_none_or(|(at, level)| at < reset_at || level <= promised) {
            self.promise = Some((reset_at, promised));
        }
    }

    /// What must have come in since the mark proves a rate: additions may come all at once, so one more interval counts.
    fn learn(&mut self, taken: Taken, left: f64, now: Timestamp) {
        let here = Mark { at: taken.at, sent: self.sent, left };
        let Some(mark) = self.mark.filter(|mark| mark.sent <= taken.ended) else {
            self.mark.get_or_insert(here);
            return;
        };
        let added = left - mark.left + float(taken.ended - mark.sent);
        let span = seconds(mark.at, now);
        let rate = added / (span + self.grain);
        if rate > self.rate {
            self.rate = rate;
        }
        if span > LONGEST_PROOF {
            self.mark = Some(here);
        }
    }

    /// What came in did not fit: perhaps more comes in than is proven. Never more than a whole bucket a second.
    fn try_more(&mut self, now: Timestamp) {
        if !self.declared && self.tries_at.is_none_or(|at| at <= now) {
            self.tried = (self.rate() * (1.0 + STEP)).min(f64::from(self.limit));
        }
    }

    /// A call was refused: less is left and less comes in than it seemed.
    pub(crate) fn refused(&mut self, now: Timestamp) {
        self.refresh(now);
        self.level = self.level.min(0.0);
        if !self.declared {
            self.rate *= 0.7;
            self.tried = 0.0;
            self.mark = None;
        }
    }

    /// When something is next added, as an answer promised.
    pub(crate) fn reset_at(&self) -> Option<Timestamp> {
        self.promise.map(|(at, _)| at)
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Rounded up, so that then it is surely so late.
pub(super) fn later(at: Timestamp, seconds: f64) -> Timestamp {
    let wait = SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e7) + 1e-6);
    at.saturating_add(wait.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls, far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and no larger than a limit"
)]
fn whole(level: f64) -> u32 {
    (level + TOLERANCE).max(0.0) as u32
}
