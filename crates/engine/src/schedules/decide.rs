//! What becomes of a schedule now. Pure: the same situation always gives the same decision.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::plan::{Plan, When};
use super::policy::{MOST_MADE_UP, Missed, Overlap, Timetable};
use crate::ids::RunId;
use crate::store::{Origin, QueuedOccurrence};

/// So much later than planned is still on time.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);
/// A watermark so far ahead of the clock tells that the clock was set back.
pub(super) const SET_BACK: SignedDuration = SignedDuration::from_secs(10);
/// Occurrences that passed are counted one by one up to here.
const MOST_COUNTED: usize = 2_000;
/// No more wait in a queue.
pub(super) const LONGEST_QUEUE: usize = 1_000;

/// A schedule as it stands.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    pub(super) workflow: &'a str,
    pub(super) timetable: &'a Timetable,
    pub(super) anchor: Timestamp,
    /// Everything planned up to here is settled.
    pub(super) watermark: Timestamp,
    /// When the last run of the schedule ended.
    pub(super) last_ended: Option<Timestamp>,
    /// Oldest first.
    pub(super) queued: &'a [QueuedOccurrence],
    /// Runs of the schedule that have not ended.
    pub(super) open: &'a [RunId],
    /// Planned instants that were begun or queued before, as far as that matters.
    pub(super) taken: &'a BTreeSet<Timestamp>,
    pub(super) now: Timestamp,
}

/// A planned instant, or many in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// None where nobody counted them.
    pub(super) count: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Start { planned: Timestamp },
    StartQueued { id: i64, planned: Timestamp },
    Queue { planned: Timestamp },
    Skip { span: Span, why: String },
    Merge { span: Span, into: Timestamp },
    DropQueued { id: i64, why: String },
    Cancel { run: RunId },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) steps: Vec<Step>,
    pub(super) watermark: Timestamp,
    /// The next planned instant, and when to look at the schedule again.
    pub(super) next: Option<Next>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) planned: Timestamp,
    pub(super) wake_at: Timestamp,
}

pub(super) fn decide(situation: &Situation<'_>) -> Decision {
    let mut decider = Decider { situation, steps: Vec::new(), begun: 0, queued: 0 };
    decider.drain_queue();
    let (base, due) = situation.due();
    let last = due.kept.last().copied();
    for planned in decider.choose(due) {
        decider.admit(planned);
    }
    let begun = decider.begun > 0;
    let watermark = match (last, &situation.plan().when) {
        // Nothing began: the wait begins again.
        (Some(_), When::After(_)) if !begun => situation.now,
        (last, _) => last.map_or(base, |last| last.max(base)),
    };
    Decision { steps: decider.steps, watermark, next: situation.next(watermark, begun) }
}

/// What came due and nobody looked at.
pub(super) fn passed_by(situation: &Situation<'_>) -> Option<Span> {
    let (_, due) = situation.due();
    span(due.passed, &due.kept)
}

/// Occurrences whose time has come.
#[derive(Debug, Default)]
struct Due {
    /// Too many to be looked at one by one.
    passed: Option<Span>,
    kept: Vec<Timestamp>,
}

impl Situation<'_> {
    fn plan(&self) -> &Plan {
        &self.timetable.plan
    }

    /// When an occurrence begins: its planned instant and its part of the jitter.
    fn due_at(&self, planned: Timestamp) -> Timestamp {
        due_at(self.workflow, planned, self.timetable.policy.jitter)
    }

    /// Where the plan goes on from. A clock that was set back begins again from now: what was begun before is known
    /// by its key.
    fn base(&self) -> Timestamp {
        let latest = self.now.saturating_add(SET_BACK).unwrap_or(Timestamp::MAX);
        let from = if self.watermark > latest { self.now } else { self.watermark };
        match self.plan().when {
            When::After(_) => {
                self.last_ended.filter(|at| *at <= latest).map_or(from, |at| at.max(from))
            }
            _ => from,
        }
    }

    fn due(&self) -> (Timestamp, Due) {
        let (base, mut due) = (self.base(), Due::default());
        if matches!(self.plan().when, When::After(_)) {
            let next = self.plan().next_after(self.anchor, base);
            let ready = next.filter(|next| self.open.is_empty() && self.due_at(*next) <= self.now);
            due.kept.extend(ready);
            return (base, due);
        }
        let mut planned = self.plan().between(self.anchor, base, self.now);
        let mut is_due = |at: &Timestamp| self.due_at(*at) <= self.now;
        due.kept = planned.by_ref().take_while(&mut is_due).take(MOST_COUNTED).collect();
        if due.kept.len() == MOST_COUNTED {
            let (first, kept) = (due.kept[0], self.latest());
            due.kept = kept.into_iter().filter(|at| *at >= first).collect();
            let last = due.kept.first().map(|kept| just_before(*kept));
            due.passed =
                last.filter(|last| *last >= first).map(|last| Span { first, last, count: None });
        }
        (base, due)
    }

    /// The latest due occurrences, found by looking back further and further.
    fn latest(&self) -> Vec<Timestamp> {
        let most = usize::try_from(MOST_MADE_UP).unwrap_or(usize::MAX);
        let mut back = SignedDuration::from_mins(2);
        loop {
            let from = self.now.saturating_sub(back).unwrap_or(Timestamp::MIN);
            let planned = self.plan().between(self.anchor, from, self.now);
            let mut found: Vec<_> = planned.take_while(|at| self.due_at(*at) <= self.now).collect();
            if found.len() >= most || from <= self.watermark {
                drop(found.drain(..found.len().saturating_sub(most)));
                return found;
            }
            back = back.saturating_mul(2);
        }
    }

    fn next(&self, watermark: Timestamp, begun: bool) -> Option<Next> {
        // The end of the run says from when on to count.
        if matches!(self.plan().when, When::After(_)) && (begun || !self.open.is_empty()) {
            return None;
        }
        let planned = self.plan().next_after(self.anchor, watermark)?;
        Some(Next { planned, wake_at: self.due_at(planned) })
    }
}

struct Decider<'a> {
    situation: &'a Situation<'a>,
    steps: Vec<Step>,
    begun: usize,
    queued: usize,
}

impl Decider<'_> {
    fn drain_queue(&mut self) {
        for waiting in self.situation.queued {
            if waiting.origin == Origin::Time && self.is_too_late(waiting.planned_at) {
                let why = "its deadline passed while it waited".to_owned();
                self.steps.push(Step::DropQueued { id: waiting.id, why });
            } else if self.has_room() {
                self.begun += 1;
                self.steps.push(Step::StartQueued { id: waiting.id, planned: waiting.planned_at });
            } else {
                self.queued += 1;
            }
        }
    }

    /// Which of the due ones are to begin; the others are settled here.
    fn choose(&mut self, due: Due) -> Vec<Timestamp> {
        let Due { passed, kept } = due;
        let situation = self.situation;
        let policy = &situation.timetable.policy;
        let kept = kept.into_iter().filter(|planned| !situation.taken.contains(planned));
        let (late, on_time): (Vec<_>, Vec<_>) =
            kept.partition(|planned| situation.now > after(situation.due_at(*planned), ON_TIME));
        let (expired, mut late): (Vec<_>, Vec<_>) =
            late.into_iter().partition(|planned| self.is_too_late(*planned));
        self.skip(span(passed, &expired), "its deadline had passed");
        let passed = if expired.is_empty() { passed } else { None };
        let mut chosen = match policy.missed {
            Missed::Skip => {
                self.skip(span(passed, &late), "it was missed");
                on_time
            }
            Missed::All { limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let over: Vec<_> = late.drain(..late.len().saturating_sub(limit)).collect();
                self.skip(span(passed, &over), "it was missed, and more than `missedLimit` were");
                late.into_iter().chain(on_time).collect()
            }
            Missed::Once => {
                let into = on_time.first().copied().or_else(|| late.pop());
                if let (Some(span), Some(into)) = (span(passed, &late), into) {
                    self.steps.push(Step::Merge { span, into });
                }
                if on_time.is_empty() { into.into_iter().collect() } else { on_time }
            }
        };
        if policy.overlap == Overlap::CancelRunning
            && let Some(into) = chosen.pop()
        {
            // Each would cancel the one before it.
            if let Some(span) = span(None, &chosen) {
                self.steps.push(Step::Merge { span, into });
            }
            chosen = vec![into];
        }
        chosen
    }

    fn admit(&mut self, planned: Timestamp) {
        let Situation { open, .. } = self.situation;
        match self.situation.timetable.policy.overlap {
            _ if self.has_room() => {
                self.begun += 1;
                self.steps.push(Step::Start { planned });
            }
            Overlap::Skip => {
                let who = open.first().map_or_else(|| "another run".into(), ToString::to_string);
                self.skip(span(None, &[planned]), &format!("{who} was still going"));
            }
            Overlap::Queue | Overlap::Parallel if self.queued >= LONGEST_QUEUE => {
                self.skip(span(None, &[planned]), "the queue is full");
            }
            Overlap::Queue | Overlap::Parallel => {
                self.queued += 1;
                self.steps.push(Step::Queue { planned });
            }
            Overlap::CancelRunning => {
                for waiting in self.situation.queued.iter().filter(|q| q.origin == Origin::Time) {
                    // Each is settled once: the store refuses the second time.
                    if !self.is_settled(waiting.id) {
                        let why = format!("{planned} took its place");
                        self.steps.push(Step::DropQueued { id: waiting.id, why });
                    }
                }
                self.steps.extend(open.iter().map(|run| Step::Cancel { run: run.clone() }));
                self.queued += 1;
                self.steps.push(Step::Queue { planned });
            }
        }
    }

    fn is_settled(&self, waiting: i64) -> bool {
        self.steps.iter().any(|step| {
            matches!(step, Step::StartQueued { id, .. } | Step::DropQueued { id, .. } if *id == waiting)
        })
    }

    fn has_room(&self) -> bool {
        let going = self.situation.open.len() + self.begun;
        self.situation.timetable.policy.limit.is_none_or(|limit| going < limit)
    }

    fn is_too_late(&self, planned: Timestamp) -> bool {
        let deadline = self.situation.timetable.policy.deadline;
        deadline.is_some_and(|deadline| self.situation.now > after(planned, deadline))
    }

    fn skip(&mut self, span: Option<Span>, why: &str) {
        self.steps.extend(span.map(|span| Step::Skip { span, why: why.to_owned() }));
    }
}

fn span(passed: Option<Span>, planned: &[Timestamp]) -> Option<Span> {
    let first = passed.map(|passed| passed.first).or(planned.first().copied())?;
    let last = planned.last().copied().or(passed.map(|passed| passed.last))?;
    let count = if passed.is_some() { None } else { u64::try_from(planned.len()).ok() };
    Some(Span { first, last, count })
}

/// The start of an occurrence: late by a part of the jitter that depends on nothing but its key.
pub(super) fn due_at(workflow: &str, planned: Timestamp, jitter: SignedDuration) -> Timestamp {
    let milliseconds = u64::try_from(jitter.as_millis()).unwrap_or_default();
    if milliseconds == 0 {
        return planned;
    }
    let hash = Sha256::digest(format!("{workflow} {planned}"));
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let part = i64::try_from(number % milliseconds).unwrap_or_default();
    after(planned, SignedDuration::from_millis(part))
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    crate::driver::after(at, wait)
}

fn just_before(at: Timestamp) -> Timestamp {
    at.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
