//! Which rate buckets an action draws from, and who paces its exchanges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use async_trait::async_trait;
use callboard_contract::rate_limits::{Group, Plan};
use callboard_contract::{Operation, contract};
use jiff::Timestamp;

use crate::action::Action;
use crate::app::{AuthScheme, Service};
use crate::executor::request::{Request, Target};

/// So many calls of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    pub bucket: String,
    pub calls: u32,
}

/// What is known of a bucket before anything was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limits {
    /// Every answer tells.
    Told,
    /// The manifest tells; no answer does.
    Declared { burst: u32, per_second: f64 },
    /// Nobody tells, but for answers that refuse.
    Untold,
}

/// State of a bucket as an answer told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateTold {
    pub limit: u32,
    pub remaining: u32,
    /// When something is next added.
    pub reset_at: Option<Timestamp>,
}

/// A refusal because of the rate of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRefused {
    /// `None`: the answer did not say.
    pub until: Option<Timestamp>,
    /// Not only this bucket: the whole link.
    pub everything: bool,
}

/// How an exchange ended, as far as the rate of calls goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    Answered {
        rate: Option<RateTold>,
        refused: Option<RateRefused>,
    },
    /// Nothing came back.
    Lost,
}

/// Why an exchange may not go. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNow {
    pub until: Timestamp,
    pub why: String,
}

/// Paces the exchanges of one attempt. Without one the executor's own clients pace themselves.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Completes when one exchange may go.
    async fn admit(&self, bucket: &str) -> Result<(), NotNow>;

    /// How it ended.
    fn ended(&self, bucket: &str, ended: Exchanged);
}

/// The bucket of whatever has no group of its own.
const OTHERS: &str = "others";

/// Groups by the name of their bucket.
static GROUPS: LazyLock<BTreeMap<String, Group>> = LazyLock::new(|| {
    let operations = contract().operations().iter();
    let groups = operations.flat_map(|operation| [false, true].map(|q| Group::of(operation, q)));
    groups.map(|group| (words(group), group)).collect()
});

/// `UsersRead` as `users read`.
fn words(group: Group) -> String {
    let mut words = String::new();
    for letter in format!("{group:?}").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// The bucket of an operation of the Management API.
pub(crate) fn bucket_of(operation: Option<&Operation>, searches: bool) -> String {
    operation.map_or_else(|| OTHERS.to_owned(), |operation| words(Group::of(operation, searches)))
}

impl Action {
    /// What one attempt draws, in the order of its requests: at least one call. Further pages and items come on top.
    pub fn draws(&self) -> Vec<Draw> {
        let before = self.before.iter().flat_map(|before| &before.requests);
        let surely = |request: &&Request| request.when.is_none() && request.each.is_none();
        let mut draws: Vec<Draw> = Vec::new();
        for request in before.chain(&self.requests).filter(surely) {
            let bucket = match &request.target {
                Target::Operation(operation) => bucket_of(Some(operation), false),
                Target::Http { .. } if self.service.auth == AuthScheme::Auth0 => OTHERS.to_owned(),
                Target::Http { .. } => self.bucket.clone(),
            };
            match draws.iter_mut().find(|draw| draw.bucket == bucket) {
                Some(draw) => draw.calls += 1,
                None => draws.push(Draw { bucket, calls: 1 }),
            }
        }
        if draws.is_empty() {
            draws.push(Draw { bucket: self.bucket.clone(), calls: 1 });
        }
        draws
    }

    /// How its service is limited.
    pub fn service(&self) -> &Service {
        &self.service
    }
}

impl Service {
    /// What is known of one of its buckets.
    pub fn limits(&self, bucket: &str) -> Limits {
        match self.rate_limit.declared.get(bucket) {
            _ if self.auth == AuthScheme::Auth0 => Limits::Told,
            Some(declared) => *declared,
            None if self.rate_limit.limit.is_some() && self.rate_limit.remaining.is_some() => {
                Limits::Told
            }
            None => Limits::Untold,
        }
    }

    /// Whether it is a tenant: its limits are shared with logins, and by every link to the same address.
    pub fn is_tenant(&self) -> bool {
        self.auth == AuthScheme::Auth0
    }
}

/// The size of the bucket that all groups of a tenant share, where what it told of some of them fits a plan with one.
pub fn shared_limit(told: &BTreeMap<String, u32>) -> Option<u32> {
    let known: Vec<(Group, u32)> =
        told.iter().filter_map(|(name, limit)| Some((*GROUPS.get(name)?, *limit))).collect();
    let fits = |plan: Plan| {
        known.iter().all(|(group, limit)| {
            let limits = plan.limits(*group);
            limits.group.or(limits.global).is_some_and(|bucket| bucket.burst == *limit)
        })
    };
    if known.is_empty() {
        return None;
    }
    let shared = [Plan::Free, Plan::Enterprise, Plan::EnterpriseDevelopment];
    if let Some(plan) = shared.into_iter().find(|plan| fits(*plan)) {
        return plan.limits(Group::Others).global.map(|bucket| bucket.burst);
    }
    let sizes: BTreeSet<u32> = known.iter().map(|(_, limit)| *limit).collect();
    match sizes.first() {
        Some(only) if sizes.len() == 1 && !fits(Plan::SelfService) => Some(*only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_groups_tell_says_whether_they_share_a_bucket() {
        for (told, shared) in [
            (&[][..], None),
            (&[("users read", 2)][..], Some(2)),
            (&[("users read", 40)][..], None),
            (&[("users read", 50), ("members read", 40)][..], Some(50)),
            (&[("users read", 10)][..], Some(10)),
            (&[("others", 10), ("users read", 40)][..], None),
            (&[("users read", 250), ("others", 250)][..], Some(250)),
        ] {
            let told_by: BTreeMap<String, u32> =
                told.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
            assert_eq!(shared_limit(&told_by), shared, "{told:?}");
        }
    }

    #[test]
    fn an_action_draws_from_the_buckets_of_its_requests() {
        let catalogue = crate::Catalogue::embedded();
        let draws = |id: &str| catalogue.action(id).unwrap().draws();
        let one = |bucket: &str| vec![Draw { bucket: bucket.into(), calls: 1 }];
        assert_eq!(draws("auth0.users.create"), one("users write"));
        assert_eq!(draws("slack.messages.post"), one("chat.postMessage"));
        assert_eq!(draws("auth0.raw"), one("others"));
    }
}
