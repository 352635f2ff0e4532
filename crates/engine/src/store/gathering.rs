//! Runs that need several events: what is gathered, and when it is enough. Pure; the store keeps the rows.

use callboard_flow::expression::Expression;
use callboard_flow::profile::Concurrency;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::change::NewRun;
use crate::journal::Fact;
use crate::lanes::Lane;

/// No run gets more events than this as its input; of more, the latest.
const MOST_GIVEN: usize = 100;
/// Nothing waits for more events than this: of more with one key that are the same part, the oldest are forgotten.
pub(super) const MOST_GATHERED: usize = 1_000;

/// An event on its way to a run that needs several.
#[derive(Debug, Clone)]
pub struct Gather {
    pub workflow: String,
    /// Events with the same key belong together.
    pub key: String,
    /// What it is to the rule: the number of a filter.
    pub part: u32,
    /// The same for the same event.
    pub event_id: String,
    /// When it happened.
    pub event_at: Timestamp,
    /// What a run reads of it.
    pub given: Value,
    pub rule: Rule,
    /// Begins if this event is the one that was missing. Its input is what was gathered.
    pub run: NewRun,
    /// Among which others it takes turns, which its input says.
    pub concurrency: Option<Concurrency>,
}

/// When it is enough.
#[derive(Debug, Clone)]
pub enum Rule {
    /// So many within so long; then nothing until the time to cool down is over.
    Count { count: usize, within: SignedDuration, cool_down: SignedDuration },
    /// One of each part.
    All { parts: u32, within: SignedDuration },
    /// Part 0 is gathered until one of each of the others has come.
    UntilAll { parts: u32, within: SignedDuration },
    /// Part 0 is gathered until any other has come.
    UntilAny { within: SignedDuration },
    /// Part 0 is gathered until this holds of all that was.
    UntilHolds { condition: Expression, within: SignedDuration },
}

/// An event that was gathered. What a run reads of it is fetched when it is one of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) id: i64,
    pub(super) part: u32,
    pub(super) at: Timestamp,
}

/// A run begins with these, in this order, and that is what is taken out for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Enough {
    pub(super) given: Vec<i64>,
    pub(super) taken: Vec<i64>,
    /// When the last of them happened.
    pub(super) at: Timestamp,
}

impl Rule {
    fn within(&self) -> SignedDuration {
        match self {
            Self::Count { within, .. }
            | Self::All { within, .. }
            | Self::UntilAll { within, .. }
            | Self::UntilAny { within }
            | Self::UntilHolds { within, .. } => *within,
        }
    }

    /// What happened before that counts for nothing any more; events may be late by one more window.
    pub(super) fn forgets_before(&self, now: Timestamp) -> Timestamp {
        let kept = match self {
            Self::Count { within, cool_down, .. } => within.saturating_mul(2).max(*cool_down),
            _ => self.within(),
        };
        now.saturating_sub(kept).unwrap_or(Timestamp::MIN)
    }

    /// The gathered events that can matter now that the one that happened at `event_at` is among them: those that
    /// happened from here to there.
    pub(super) fn reach(&self, event_at: Timestamp) -> (Timestamp, Timestamp) {
        let Self::Count { within, .. } = self else { return (Timestamp::MIN, Timestamp::MAX) };
        let from = event_at.saturating_sub(*within).unwrap_or(Timestamp::MIN);
        (from, event_at.saturating_add(*within).unwrap_or(Timestamp::MAX))
    }

    /// What must hold of all that was gathered, in the order of their arrival.
    pub(super) fn condition(&self) -> Option<&Expression> {
        match self {
            Self::UntilHolds { condition, .. } => Some(condition),
            _ => None,
        }
    }

    /// Whether `gathered`, in the order of their arrival, are enough now that the one that happened at `event_at` is
    /// among them. `holds` tells of the condition, `fired_at` is the latest event of the last run for the same key.
    pub(super) fn is_met(
        &self,
        gathered: &[Gathered],
        holds: bool,
        event_at: Timestamp,
        fired_at: Option<Timestamp>,
    ) -> Option<Enough> {
        match self {
            Self::Count { count, within, cool_down } => {
                counted(gathered, *count, *within, *cool_down, event_at, fired_at)
            }
            Self::All { parts, .. } => {
                let first = |part| gathered.iter().find(|event| event.part == part);
                let mut all = (0..*parts).map(first).collect::<Option<Vec<_>>>()?;
                all.sort_by_key(|event| event.id);
                enough(&all, &[])
            }
            Self::UntilAll { parts, .. } => {
                let has = |part| gathered.iter().any(|event| event.part == part);
                (1..*parts).all(has).then(|| gathered_until(gathered)).flatten()
            }
            Self::UntilAny { .. } => {
                let has_ended = gathered.iter().any(|event| event.part > 0);
                has_ended.then(|| gathered_until(gathered)).flatten()
            }
            Self::UntilHolds { .. } => {
                let is_enough = holds || gathered.len() >= MOST_GATHERED;
                is_enough.then(|| gathered_until(gathered)).flatten()
            }
        }
    }
}

pub(super) fn holds(condition: &Expression, all: Vec<Value>) -> bool {
    let holds = condition.evaluate(&Value::Array(all), &Map::new());
    holds.is_ok_and(|holds| holds == true)
}

/// Any window of that length that the event stands in.
fn counted(
    gathered: &[Gathered],
    count: usize,
    within: SignedDuration,
    cool_down: SignedDuration,
    event_at: Timestamp,
    fired_at: Option<Timestamp>,
) -> Option<Enough> {
    let mut sorted: Vec<&Gathered> = gathered.iter().collect();
    sorted.sort_by_key(|event| (event.at, event.id));
    let last_of = |window: &[&Gathered]| window.last().map(|event| event.at);
    let full = sorted.windows(count).find(|window| {
        let (Some(first), Some(last)) = (window.first(), last_of(window)) else { return false };
        let stands_in_it = first.at <= event_at && event_at <= last;
        let cooled =
            fired_at.is_none_or(|fired_at| last.duration_since(fired_at).abs() > cool_down);
        stands_in_it && cooled && last.duration_since(first.at) <= within
    })?;
    let last = last_of(full)?;
    let begin = last.saturating_sub(within).unwrap_or(Timestamp::MIN);
    let evidence: Vec<&Gathered> =
        sorted.iter().copied().filter(|event| (begin..=last).contains(&event.at)).collect();
    // They count on: whether the next window is full is seen from them.
    Some(Enough { taken: Vec::new(), ..enough(&evidence, &[])? })
}

fn gathered_until(gathered: &[Gathered]) -> Option<Enough> {
    let (given, ends): (Vec<&Gathered>, Vec<&Gathered>) =
        gathered.iter().partition(|event| event.part == 0);
    enough(&given, &ends)
}

fn enough(given: &[&Gathered], ends: &[&Gathered]) -> Option<Enough> {
    let at = given.iter().map(|event| event.at).max()?;
    let latest = &given[given.len().saturating_sub(MOST_GIVEN)..];
    Some(Enough {
        given: latest.iter().map(|event| event.id).collect(),
        taken: given.iter().chain(ends).map(|event| event.id).collect(),
        at,
    })
}

impl Gather {
    /// The run with what was gathered as its input.
    pub(super) fn begun_with(&self, gathered: Vec<Value>) -> NewRun {
        let mut run = self.run.clone();
        if let Fact::Started { input, lane, .. } = &mut run.first.fact {
            *input = Value::Array(gathered);
            *lane = Lane::of(self.concurrency.as_ref(), input);
        }
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn events(seconds: &[i64]) -> Vec<Gathered> {
        let event = |(id, second): (i64, &i64)| Gathered { id, part: 0, at: at(*second) };
        (1..).zip(seconds).map(event).collect()
    }

    #[test]
    fn a_window_slides_by_the_time_of_the_events_and_cools_down() {
        let rule = Rule::Count {
            count: 3,
            within: SignedDuration::from_secs(10),
            cool_down: SignedDuration::from_secs(60),
        };
        for (seconds, event, fired, met) in [
            (&[0, 5][..], 5, None, None),
            (&[0, 5, 10], 10, None, Some(10)),
            (&[0, 5, 11], 11, None, None),
            // The one that came last happened in between.
            (&[0, 9, 4], 4, None, Some(9)),
            // A full window that the event does not stand in has had its turn.
            (&[0, 1, 2, 50], 50, None, None),
            (&[0, 5, 10], 10, Some(0), None),
            (&[70, 75, 80], 80, Some(10), Some(80)),
            (&[0, 5, 10], 10, Some(500), Some(10)),
        ] {
            let enough = rule.is_met(&events(seconds), false, at(event), fired.map(at));
            assert_eq!(enough.map(|enough| enough.at), met.map(at), "{seconds:?} {fired:?}");
        }
    }

    #[test]
    fn one_of_each_is_enough_and_what_is_left_waits_for_the_next() {
        let rule = Rule::All { parts: 2, within: SignedDuration::from_secs(10) };
        let mut gathered = events(&[1, 2, 3]);
        assert_eq!(rule.is_met(&gathered, false, at(3), None), None);
        gathered[2].part = 1;
        let enough = rule.is_met(&gathered, false, at(3), None).unwrap();
        assert_eq!((enough.given, enough.taken), (vec![1, 3], vec![1, 3]));
    }
}
