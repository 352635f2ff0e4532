//! The deterministic simulator: the real engine, its real SQL in memory, and a world that one seed decides.
//!
//! Nodes crash at any poll, stand still and come back, lose their leases; the store is slow, full, or out of reach, and
//! commits whose answers get lost; requests fail, get lost before or after they had their effect; clocks are set;
//! clients and people ask twice. Then the trouble ends, and what `truth` says must be so.
//!
//! `SEED=17 cargo test -p callboard-engine --test simulation one_seed -- --nocapture` plays one seed and tells it all.
#![allow(clippy::unwrap_used, reason = "a simulation that cannot go on says so by panicking")]

mod acts;
mod checks;
mod clocks;
mod dice;
mod disk;
mod ledger;
mod mutation;
mod node;
mod outside;
mod people;
mod play;
mod plot;
mod truth;
mod workflows;
mod world;

use mutation::Mutation;
use play::play;

/// Plays a seed; a violation is told with all that led to it.
fn must_hold(seed: u64) {
    let outcome = play(seed, None, false);
    if !outcome.violations.is_empty() {
        let again = play(seed, None, true);
        panic!(
            "{}\nseed {seed}: {:#?}\nplay it again: SEED={seed} cargo test -p callboard-engine --test simulation one_seed",
            again.lines.join("\n"),
            again.violations,
        );
    }
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a person names the seed to play")]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

#[test]
fn one_seed() {
    let seed = number("SEED").unwrap_or(1);
    eprintln!("{}", play(seed, None, true).lines.join("\n"));
    must_hold(seed);
}

/// `SEEDS=40000` plays more of them.
fn part(part: u64) {
    const PARTS: u64 = 8;
    let all = number("SEEDS").unwrap_or(10_000);
    (0..all).filter(|seed| seed % PARTS == part).for_each(must_hold);
}

macro_rules! parts {
    ($($name:ident: $part:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                part($part);
            }
        )*
    };
}

parts! {
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_0: 0,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_1: 1,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_2: 2,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_3: 3,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_4: 4,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_5: 5,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_6: 6,
    whatever_goes_wrong_nothing_is_lost_or_doubled_in_part_7: 7,
}

#[test]
fn the_same_seed_plays_the_same() {
    for seed in 0..60 {
        let (one, other) = (play(seed, None, false), play(seed, None, false));
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
    }
}

#[test]
fn every_mistake_that_is_put_in_is_noticed() {
    for mutation in Mutation::ALL {
        let noticed = |seed: &u64| !play(*seed, Some(mutation), false).violations.is_empty();
        assert!((0..400).any(|seed| noticed(&seed)), "nobody notices {mutation:?}");
    }
}
