//! Who waits for a tenant: by priority, in turn between workflows, then first come, first served. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::pool::Wait;
use super::priority::Priority;
use super::tenant::{Tenant, Token, Wanted};

/// So many of one workflow wait in memory; more of them come back later.
pub(super) const MOST_OF_ONE: usize = 32;
/// So many wait in memory for one tenant at most, but for the first of a workflow.
pub(super) const MOST: usize = 96;

/// Somebody who waits.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) wanted: Vec<Wanted>,
    /// Its attempt has begun: it goes before all others.
    pub(super) begun: bool,
    pub(super) priority: Priority,
    pub(super) workflow: String,
    /// When it first asked.
    pub(super) since: Timestamp,
    /// Share of the buckets that its link leaves to others.
    pub(super) reserve: f64,
}

/// Everybody who waits, by number.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiters: BTreeMap<u64, Waiter>,
    /// When a workflow was last served, as a number that grows.
    served: BTreeMap<String, u64>,
    turn: u64,
}

/// What a look at the line has decided.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) go: Vec<(u64, Vec<Token>)>,
    /// When to look again by itself.
    pub(super) next: Option<Timestamp>,
}

/// Those of one priority: by workflow, when each came and its number.
type Lane<'a> = BTreeMap<&'a str, Vec<(Timestamp, u64)>>;

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// How many more of a workflow there is room for, where so many may wait. The first of a workflow always finds room,
    /// and what is urgent does not give way to what is not.
    pub(super) fn room(&self, priority: Priority, workflow: &str, most: usize) -> usize {
        let own = self.of_workflow(workflow);
        let others = match priority {
            Priority::Urgent => {
                self.waiters.values().filter(|waiter| waiter.priority == priority).count()
            }
            Priority::Normal | Priority::Bulk => self.waiters.len(),
        };
        let room = MOST_OF_ONE.saturating_sub(own).min(most.saturating_sub(others));
        if own == 0 { room.max(1) } else { room }
    }

    /// Those who have not begun and would wait so long, by what is known.
    pub(super) fn held_off(&self, tenant: &Tenant, from: Timestamp) -> Vec<(u64, Timestamp)> {
        let held_off = |(number, waiter): (&u64, &Waiter)| {
            let until = tenant.blocked_until(&waiter.wanted).filter(|until| *until > from)?;
            (!waiter.begun).then_some((*number, until))
        };
        self.waiters.iter().filter_map(held_off).collect()
    }

    /// How many of a workflow wait here.
    pub(super) fn of_workflow(&self, workflow: &str) -> usize {
        self.waiters.values().filter(|waiter| waiter.workflow == workflow).count()
    }

    pub(super) fn join(&mut self, number: u64, waiter: Waiter) {
        self.waiters.insert(number, waiter);
    }

    pub(super) fn leave(&mut self, number: u64) -> Option<Waiter> {
        self.waiters.remove(&number)
    }

    /// Who waits, by bucket and priority, once these have gone.
    pub(super) fn counts_without(&self, gone: &[(u64, Vec<Token>)]) -> BTreeMap<String, [u64; 3]> {
        let gone: BTreeSet<u64> = gone.iter().map(|(number, _)| *number).collect();
        let mut counts: BTreeMap<String, [u64; 3]> = BTreeMap::new();
        for (_, waiter) in self.waiters.iter().filter(|(number, _)| !gone.contains(number)) {
            for wanted in &waiter.wanted {
                counts.entry(wanted.name.clone()).or_default()[waiter.priority as usize] += 1;
            }
        }
        counts
    }

    /// Numbers in the order in which they would be served, were there enough for all.
    fn order(&self) -> Vec<u64> {
        let mut lanes: BTreeMap<(bool, Priority), Lane<'_>> = BTreeMap::new();
        for (number, waiter) in &self.waiters {
            let lane = lanes.entry((!waiter.begun, waiter.priority)).or_default();
            lane.entry(&waiter.workflow).or_default().push((waiter.since, *number));
        }
        let mut order = Vec::with_capacity(self.waiters.len());
        for lane in lanes.into_values() {
            let last = |workflow: &str| self.served.get(workflow).copied().unwrap_or_default();
            let mut workflows: Vec<(u64, Vec<(Timestamp, u64)>)> = lane
                .into_iter()
                .map(|(workflow, mut numbers)| {
                    numbers.sort_unstable();
                    (last(workflow), numbers)
                })
                .collect();
            workflows.sort_by_key(|(served, _)| *served);
            let longest = workflows.iter().map(|(_, numbers)| numbers.len()).max().unwrap_or(0);
            for round in 0..longest {
                order.extend(
                    workflows.iter().filter_map(|(_, numbers)| Some(numbers.get(round)?.1)),
                );
            }
        }
        order
    }

    /// Lets go whom the tenant admits, most urgent first. Those who go stay in the line until they [leave](Line::leave).
    pub(super) fn decide(&self, tenant: &mut Tenant, node: &str, now: Timestamp) -> Decided {
        let mut decided = Decided::default();
        // Nobody overtakes somebody who waits for the same bucket.
        let mut closed: BTreeSet<String> = BTreeSet::new();
        for number in self.order() {
            let waiter = &self.waiters[&number];
            let is_closed = |wanted: &Wanted| {
                closed.contains(&wanted.name)
                    || tenant.pools_of(&wanted.name).iter().any(|pool| closed.contains(pool))
            };
            if waiter.wanted.iter().any(is_closed) {
                continue;
            }
            let yields = |wanted: &Wanted| {
                !waiter.begun && tenant.yields(&wanted.name, waiter.priority, node, now)
            };
            if waiter.wanted.iter().any(yields) {
                continue;
            }
            let has_waited = waiter.since < now;
            let (share, priority) = (waiter.reserve, waiter.priority);
            match tenant.admit(&waiter.wanted, share, priority, has_waited, node, now) {
                Ok(tokens) => decided.go.push((number, tokens)),
                Err(held) => {
                    closed.insert(held.by);
                    if let Wait::NotBefore(at) = held.wait {
                        decided.next = Some(decided.next.map_or(at, |next| next.min(at)));
                    }
                }
            }
        }
        decided
    }

    /// It was its workflow's turn.
    pub(super) fn count_turn(&mut self, workflow: &str) {
        self.turn += 1;
        self.served.insert(workflow.to_owned(), self.turn);
        if self.served.len() > 4 * MOST {
            let waiting: BTreeSet<&str> =
                self.waiters.values().map(|waiter| waiter.workflow.as_str()).collect();
            self.served.retain(|workflow, _| waiting.contains(workflow.as_str()));
        }
    }
}
