//! The line and the tenant's state against a simulated tenant, in simulated time.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds and calls of a simulation are small"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use callboard_apps::{Limits, RateRefused, RateTold};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::line::{Line, Waiter};
use super::priority::Priority;
use super::tenant::{Ended, Tenant, Token, Wanted, floor, reserve};

const SHARE: f64 = 0.3;

/// A bucket as a tenant keeps it.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    burst: u32,
    per_second: f64,
    /// What comes in comes once a second, not by and by.
    steps: bool,
    tokens: f64,
    at: i64,
}

impl Bucket {
    fn new(burst: u32, per_second: f64, steps: bool) -> Self {
        Self { burst, per_second, steps, tokens: f64::from(burst), at: 0 }
    }

    fn fill(&mut self, now: i64) {
        let seconds = if self.steps {
            (now.div_euclid(1_000_000) - self.at.div_euclid(1_000_000)) as f64
        } else {
            (now - self.at) as f64 / 1e6
        };
        self.tokens = (self.tokens + seconds * self.per_second).min(f64::from(self.burst));
        self.at = now;
    }

    /// One call; what the answer tells, and whether it was refused.
    fn take(&mut self, now: i64) -> (RateTold, bool) {
        self.fill(now);
        let refused = self.tokens < 1.0;
        if !refused {
            self.tokens -= 1.0;
        }
        let next = if self.steps {
            1
        } else {
            (((1.0 - self.tokens.fract()) / self.per_second).ceil() as i64).max(1)
        };
        let reset_at = Timestamp::from_second(now.div_euclid(1_000_000) + next).ok();
        (RateTold { limit: self.burst, remaining: self.tokens as u32, reset_at }, refused)
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives {
        node: usize,
        call: usize,
    },
    Answered {
        node: usize,
        call: usize,
    },
    Look {
        node: usize,
    },
    Start {
        node: usize,
    },
    /// Somebody else calls.
    Other,
}

/// Calls that a workflow makes, all wanted from the beginning.
#[derive(Debug, Clone)]
struct Job {
    workflow: &'static str,
    priority: Priority,
    calls: usize,
    /// Second from which on they are wanted.
    from: i64,
}

#[derive(Debug, Default)]
struct Report {
    refused: u32,
    /// Lowest level that a call found, over which it went.
    lowest: f64,
    /// When each call of each workflow went, in microseconds.
    went: BTreeMap<&'static str, Vec<i64>>,
    waits: BTreeMap<&'static str, Vec<i64>>,
    ended_at: i64,
}

struct World {
    bucket: Bucket,
    tenant: Tenant,
    lines: Vec<Line>,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    order: u64,
    /// Token, what it told, workflow, when it was wanted.
    calls: Vec<(Token, Option<(RateTold, bool)>)>,
    numbers: BTreeMap<u64, (&'static str, i64)>,
    latency: u64,
    /// By node; a look that was put off is not made.
    next_looks: Vec<Option<i64>>,
    report: Report,
}

fn at(micros: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_micros(micros)
}

fn node(number: usize) -> String {
    format!("node-{number}")
}

impl World {
    fn push(&mut self, at: i64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, event)));
    }

    /// Not random, but never twice the same in a row.
    fn delay(&mut self) -> i64 {
        self.latency = self.latency.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        let spread = (self.latency >> 33) % 80_000;
        i64::try_from(10_000 + spread).unwrap()
    }

    fn look(&mut self, number: usize, now: i64) {
        let (name, time) = (node(number), at(now));
        self.tenant.refresh(time);
        let decided = self.lines[number].decide(&mut self.tenant, &name, time);
        let counts = self.lines[number].counts_without(&decided.go);
        self.tenant.say_waiting(&name, counts, time);
        for (waiter, tokens) in decided.go {
            let waiter_of = self.lines[number].leave(waiter).unwrap();
            self.lines[number].count_turn(&waiter_of.workflow);
            let (workflow, wanted_at) = self.numbers[&waiter];
            self.report.went.entry(workflow).or_default().push(now);
            self.report.waits.entry(workflow).or_default().push(now - wanted_at);
            for token in tokens {
                self.calls.push((token, None));
                let call = self.calls.len() - 1;
                let there = now + self.delay();
                self.push(there, Event::Arrives { node: number, call });
            }
        }
        if !self.lines[number].is_empty() {
            let around = now + 1_000_000;
            let next = decided.next.map_or(around, |next| next.as_microsecond().min(around));
            let next = next.max(now + 1);
            self.next_looks[number] = Some(next);
            self.push(next, Event::Look { node: number });
        }
    }
}

/// Makes all calls of all jobs, spread over so many nodes, while somebody else calls at these times.
fn simulate(bucket: Bucket, jobs: &[Job], nodes: usize, seed: u64, others: &[i64]) -> Report {
    let mut world = World {
        bucket,
        tenant: Tenant::default(),
        lines: (0..nodes).map(|_| Line::default()).collect(),
        events: BinaryHeap::new(),
        order: 0,
        calls: Vec::new(),
        numbers: BTreeMap::new(),
        latency: seed,
        next_looks: vec![None; nodes],
        report: Report { lowest: f64::from(bucket.burst), ..Report::default() },
    };
    let mut wanted: Vec<VecDeque<(u64, Waiter)>> = Vec::new();
    for job in jobs {
        let from = job.from * 1_000_000;
        let mut calls = VecDeque::new();
        for _ in 0..job.calls {
            let number = u64::try_from(world.numbers.len()).unwrap();
            world.numbers.insert(number, (job.workflow, from));
            let waiter = Waiter {
                wanted: vec![Wanted { name: "users read".into(), calls: 1, limits: Limits::Told }],
                begun: false,
                priority: job.priority,
                workflow: job.workflow.into(),
                since: at(from),
                reserve: SHARE,
            };
            calls.push_back((number, waiter));
        }
        wanted.push(calls);
        world.push(from, Event::Start { node: 0 });
    }
    for time in others {
        world.push(*time, Event::Other);
    }
    while let Some(Reverse((now, _, event))) = world.events.pop() {
        // As in life, only some of them wait in memory.
        for calls in &mut wanted {
            while let Some((number, next)) = calls.front().filter(|next| next.1.since <= at(now)) {
                let node = usize::try_from(*number).unwrap() % nodes;
                if world.lines[node].of_workflow(&next.workflow) >= 32 {
                    break;
                }
                let (number, joins) = calls.pop_front().unwrap();
                world.lines[node].join(number, joins);
                world.push(now, Event::Start { node });
            }
        }
        match event {
            Event::Look { node } => {
                if world.next_looks[node].is_none_or(|next| next == now) {
                    world.look(node, now);
                }
            }
            Event::Start { node } => world.look(node, now),
            Event::Other => drop(world.bucket.take(now)),
            Event::Arrives { node, call } => {
                world.bucket.fill(now);
                world.report.lowest = world.report.lowest.min(world.bucket.tokens);
                let told = world.bucket.take(now);
                world.report.refused += u32::from(told.1);
                world.calls[call].1 = Some(told);
                let back = now + world.delay();
                world.push(back, Event::Answered { node, call });
            }
            Event::Answered { node: number, call } => {
                let (token, told) = world.calls[call].clone();
                let (rate, refused) = told.unwrap();
                let refused =
                    refused.then_some(RateRefused { until: rate.reset_at, everything: false });
                let ended = Ended::Answered { rate: Some(rate), refused };
                world.tenant.refresh(at(now));
                world.tenant.ended(&token, &ended, &node(number), at(now));
                world.report.ended_at = now;
                world.look(number, now);
            }
        }
    }
    assert!(
        world.lines.iter().all(Line::is_empty) && wanted.iter().all(VecDeque::is_empty),
        "nobody is left"
    );
    world.report
}

fn bulk(calls: usize) -> Job {
    Job { workflow: "bulk", priority: Priority::Bulk, calls, from: 0 }
}

/// Seconds that so many calls take at best, the reserve untouched.
fn at_best(bucket: Bucket, calls: usize) -> f64 {
    let first = f64::from(bucket.burst - reserve(bucket.burst, SHARE));
    (calls as f64 - first).max(0.0) / bucket.per_second
}

const BUCKETS: [(u32, f64); 8] = [
    (2, 2.0),
    (10, 2.0),
    (50, 16.0),
    (250, 250.0),
    (40, 500.0 / 60.0),
    (20, 200.0 / 60.0),
    (10, 150.0 / 60.0),
    (5, 25.0 / 60.0),
];

#[test]
fn the_reserve_is_a_share_but_lets_the_smallest_bucket_move() {
    for (limit, usual, urgent) in [(1, 0, 0), (2, 1, 0), (5, 2, 1), (10, 3, 1), (50, 15, 7)] {
        assert_eq!(reserve(limit, SHARE), usual, "bucket of {limit}");
        assert_eq!(floor(limit, SHARE, Priority::Urgent), urgent, "bucket of {limit}");
    }
    assert_eq!(reserve(10, 0.0), 0);
}

#[test]
fn a_long_job_is_never_refused_and_uses_what_it_may() {
    for (burst, per_second) in BUCKETS {
        let calls = ((per_second * 1_200.0) as usize).clamp(500, 10_000);
        let bucket = Bucket::new(burst, per_second, false);
        let report = simulate(bucket, &[bulk(calls)], 1, 7, &[]);
        let (took, best) = (report.ended_at as f64 / 1e6, at_best(bucket, calls));
        assert_eq!(report.refused, 0, "{burst} and {per_second}/s");
        // Of a bucket of two, with one kept, whatever comes in while a call is on its way is lost.
        let least = if burst == 2 { 0.8 } else { 0.95 };
        assert!(
            best / took >= least,
            "{burst} and {per_second}/s: {took:.0} s instead of {best:.0} s"
        );
        let kept = f64::from(reserve(burst, SHARE));
        assert!(report.lowest > kept, "{burst} and {per_second}/s: {}", report.lowest);
    }
}

#[test]
fn additions_that_come_all_at_once_are_used_too() {
    for (burst, per_second) in [(2, 2.0), (10, 2.0), (50, 16.0)] {
        let calls = (per_second * 200.0) as usize;
        let bucket = Bucket::new(burst, per_second, true);
        let report = simulate(bucket, &[bulk(calls)], 1, 3, &[]);
        let (took, best) = (report.ended_at as f64 / 1e6, at_best(bucket, calls));
        assert_eq!(report.refused, 0, "{burst} and {per_second}/s");
        // A bucket of two that fills at once cannot be emptied twice a second and keep one.
        let least = if burst == 2 { 0.4 } else { 0.9 };
        assert!(best / took >= least, "{burst} and {per_second}/s: {took:.0} s, {best:.0} s");
    }
}

#[test]
fn urgent_calls_go_first_and_use_a_part_of_the_reserve() {
    let urgent = |from| Job { workflow: "leaver", priority: Priority::Urgent, calls: 5, from };
    let bucket = Bucket::new(50, 16.0, false);
    let report = simulate(bucket, &[bulk(3_000), urgent(60), urgent(61), urgent(90)], 1, 5, &[]);
    assert_eq!(report.refused, 0);
    let longest = report.waits["leaver"].iter().max().unwrap();
    assert!(*longest < 1_000_000, "an urgent call waited {longest} µs");
    assert!(report.lowest > 7.0, "only a part of the reserve is used: {}", report.lowest);
}

#[test]
fn workflows_take_turns() {
    let job = |workflow, calls| Job { workflow, priority: Priority::Normal, calls, from: 0 };
    let jobs = [job("big", 90), job("small", 30), job("tiny", 10)];
    let report = simulate(Bucket::new(10, 2.0, false), &jobs, 1, 11, &[]);
    let last = |workflow| *report.went[workflow].iter().max().unwrap();
    let all_by =
        |time, workflow: &str| report.went[workflow].iter().filter(|at| **at <= time).count();
    for (slower, calls) in [("big", 10_usize), ("small", 10)] {
        let went = all_by(last("tiny"), slower);
        assert!(went.abs_diff(calls) <= 1, "{slower} made {went} calls while tiny made 10");
    }
    let went = all_by(last("small"), "big");
    assert!(went.abs_diff(30) <= 1, "big made {went} calls while small made 30");
}

#[test]
fn what_somebody_else_uses_is_not_used_again() {
    // Somebody else takes half of what comes in: eight a second.
    let others: Vec<i64> = (0..600 * 8).map(|index| index * 125_000).collect();
    let bucket = Bucket::new(50, 16.0, false);
    let report = simulate(bucket, &[bulk(4_000)], 1, 13, &others);
    assert_eq!(report.refused, 0);
    assert!(report.lowest > 7.0, "the reserve stays for them: {}", report.lowest);
    let took = report.ended_at as f64 / 1e6;
    assert!(took < 3_965.0 / 8.0 / 0.95, "the other half is used: {took:.0} s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn nodes_together_take_no_more_than_one_alone_would(
        which in 0..BUCKETS.len(), nodes in 1_usize..5, seed in any::<u64>(), steps in any::<bool>(),
        urgent in 0_usize..20,
    ) {
        let (burst, per_second) = BUCKETS[which];
        let bucket = Bucket::new(burst, per_second, steps && per_second >= 2.0);
        let calls = ((per_second * 60.0) as usize).clamp(40, 300);
        let leaver = Job { workflow: "leaver", priority: Priority::Urgent, calls: urgent, from: 20 };
        let normal = Job { workflow: "hire", priority: Priority::Normal, calls: 20, from: 10 };
        let jobs = [bulk(calls), normal, leaver];
        let report = simulate(bucket, &jobs, nodes, seed, &[]);
        prop_assert_eq!(report.refused, 0);
        let left = f64::from(floor(burst, SHARE, Priority::Urgent));
        if !bucket.steps {
            prop_assert!(report.lowest > left, "{} of {left}", report.lowest);
        }
    }
}
