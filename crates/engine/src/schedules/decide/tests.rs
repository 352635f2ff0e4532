//! Random lives of a schedule: downtime, clocks set back, runs that take their time.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::schedules::plan::{SHORTEST, cron};
use crate::schedules::policy::Policy;

/// What happens next to a schedule.
#[derive(Debug, Clone)]
enum Event {
    /// So many seconds pass, then somebody looks. Nobody looked meanwhile.
    Pass(i64),
    SetBack(i64),
    /// The oldest run ends.
    End,
}

/// A store of one schedule in memory.
struct Book {
    timetable: Timetable,
    anchor: Timestamp,
    watermark: Timestamp,
    now: Timestamp,
    begun: Vec<Timestamp>,
    queued: Vec<QueuedOccurrence>,
    open: Vec<RunId>,
    last_ended: Option<Timestamp>,
    ids: i64,
}

impl Book {
    fn new(when: When, policy: Policy) -> Self {
        let start: Timestamp = "2026-03-28T20:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Self {
            timetable: Timetable { plan: Plan { when, zone }, policy },
            anchor: start,
            watermark: start,
            now: start,
            begun: Vec::new(),
            queued: Vec::new(),
            open: Vec::new(),
            last_ended: None,
            ids: 0,
        }
    }

    /// As the scheduler does: decides, and again where a key is taken.
    fn look(&mut self) -> Decision {
        let mut taken = BTreeSet::new();
        loop {
            let decision = decide(&Situation {
                workflow: "tick",
                timetable: &self.timetable,
                anchor: self.anchor,
                watermark: self.watermark,
                last_ended: self.last_ended,
                queued: &self.queued,
                open: &self.open,
                taken: &taken,
                now: self.now,
            });
            let clash = decision.steps.iter().find_map(|step| match step {
                Step::Start { planned } | Step::Queue { planned } if self.knows(*planned) => {
                    Some(*planned)
                }
                _ => None,
            });
            if let Some(planned) = clash {
                assert!(taken.insert(planned), "{planned} is chosen again");
                continue;
            }
            self.watermark = decision.watermark;
            decision.steps.iter().for_each(|step| self.take(step));
            return decision;
        }
    }

    fn knows(&self, planned: Timestamp) -> bool {
        self.begun.contains(&planned)
            || self.queued.iter().any(|queued| queued.planned_at == planned)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Start { planned } => self.begin(*planned),
            Step::StartQueued { id, planned } => {
                self.queued.retain(|queued| queued.id != *id);
                self.begin(*planned);
            }
            Step::Queue { planned } => {
                self.ids += 1;
                let (id, planned_at) = (self.ids, *planned);
                self.queued.push(QueuedOccurrence {
                    id,
                    planned_at,
                    origin: Origin::Time,
                    asked_by: None,
                });
            }
            Step::DropQueued { id, .. } => {
                let before = self.queued.len();
                self.queued.retain(|queued| queued.id != *id);
                assert_eq!(self.queued.len() + 1, before, "{id} is settled twice");
            }
            Step::Cancel { run } => assert!(self.open.contains(run)),
            Step::Skip { span, .. } | Step::Merge { span, .. } => assert!(span.first <= span.last),
        }
    }

    fn begin(&mut self, planned: Timestamp) {
        assert!(!self.begun.contains(&planned), "{planned} begins twice");
        self.begun.push(planned);
        self.ids += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.ids.to_be_bytes());
        let random: crate::time::Random = std::sync::Arc::new(move |buffer| {
            buffer.copy_from_slice(&bytes[bytes.len() - buffer.len()..]);
        });
        self.open.push(RunId::generate(self.now, &random));
    }

    fn planned(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        self.timetable.plan.between(self.anchor, from, until).collect()
    }
}

/// The store refuses to settle one twice: the schedule would be looked at without end.
#[test]
fn what_waited_past_its_deadline_is_dropped_once_also_where_another_takes_its_place() {
    let minute = SignedDuration::from_mins(1);
    let deadline = Some(SignedDuration::from_secs(90));
    let policy = Policy { deadline, ..policy(Missed::Once, Overlap::CancelRunning) };
    let mut book = Book::new(When::Every(minute), policy);
    for passed in [1, 1, 3] {
        book.now += minute * passed;
        book.look();
    }
    assert_eq!(book.open.len(), 1, "the first still goes");
    assert_eq!(book.queued.len(), 1, "only the last waits");
}

fn policy(missed: Missed, overlap: Overlap) -> Policy {
    let limit = (overlap != Overlap::Parallel).then_some(1);
    Policy { missed, overlap, limit, jitter: SignedDuration::ZERO, deadline: None }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (1..7_200_i64).prop_map(Event::Pass),
        1 => (7_200..90_000_i64).prop_map(Event::Pass),
        1 => (1..90_000_i64).prop_map(Event::SetBack),
        4 => Just(Event::End),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        Just(cron("*/7 * * * *").unwrap()),
        Just(cron("30 2 * * *").unwrap()),
        Just(cron("0 */2 * * *").unwrap()),
        Just(When::Every(SignedDuration::from_mins(11))),
        Just(When::After(SignedDuration::from_mins(13))),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    let missed =
        prop_oneof![Just(Missed::Skip), Just(Missed::Once), Just(Missed::All { limit: 3 })];
    let overlap = prop_oneof![
        Just(Overlap::Skip),
        Just(Overlap::Queue),
        Just(Overlap::Parallel),
        Just(Overlap::CancelRunning)
    ];
    (missed, overlap, 0..400_i64).prop_map(|(missed, overlap, jitter)| Policy {
        jitter: SignedDuration::from_secs(jitter),
        ..policy(missed, overlap)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_begins_twice_too_early_or_beside_what_it_must_not_and_nothing_is_mute(
        when in when(), policy in policies(), events in proptest::collection::vec(event(), 1..40)
    ) {
        let (mut book, mut set_back) = (Book::new(when, policy), false);
        for event in events {
            match event {
                Event::Pass(seconds) => book.now += SignedDuration::from_secs(seconds),
                Event::SetBack(seconds) => {
                    // What waits was due before.
                    set_back = true;
                    book.now -= SignedDuration::from_secs(seconds);
                }
                Event::End => {
                    if book.open.is_empty() {
                        continue;
                    }
                    book.open.remove(0);
                    book.last_ended = Some(book.last_ended.map_or(book.now, |last| last.max(book.now)));
                }
            }
            let begun = book.begun.len();
            let decision = book.look();
            if !set_back {
                let early = book.begun[begun..].iter().find(|planned| **planned > book.now);
                prop_assert!(early.is_none(), "{early:?} is not due at {}", book.now);
            }
            if let Some(limit) = book.timetable.policy.limit {
                prop_assert!(book.open.len() <= limit, "{:?}", book.open);
                prop_assert!(book.queued.is_empty() || !book.open.is_empty(), "something waits for nothing");
            }
            match decision.next {
                Some(next) => {
                    prop_assert!(next.wake_at > book.now, "{next:?} is due at {}", book.now);
                    let longest = SignedDuration::from_hours(26);
                    prop_assert!(next.wake_at <= after(book.now, longest), "mute until {next:?}");
                }
                None => prop_assert!(!book.open.is_empty(), "nothing will wake it"),
            }
        }
    }

    #[test]
    fn whenever_somebody_looks_all_that_is_due_is_settled_as_a_simple_count_says(
        when in when(), which in 0..3_usize, passes in proptest::collection::vec(1..20_000_i64, 1..20)
    ) {
        let missed = [Missed::Skip, Missed::Once, Missed::All { limit: 1_000 }][which];
        prop_assume!(!matches!(when, When::After(_)));
        let mut book = Book::new(when, policy(missed, Overlap::Parallel));
        let mut expected = Vec::new();
        for seconds in passes {
            let before = book.now;
            book.now += SignedDuration::from_secs(seconds);
            let due = book.planned(before, book.now);
            let on_time = due.iter().filter(|at| after(**at, ON_TIME) >= book.now).count();
            let begins = match missed {
                Missed::Skip => on_time,
                Missed::Once => on_time.max(usize::from(!due.is_empty())),
                Missed::All { .. } => due.len(),
            };
            expected.extend(&due[due.len() - begins..]);
            book.look();
            prop_assert_eq!(&book.begun, &expected);
        }
    }
}

#[test]
fn a_year_of_seconds_is_settled_without_counting_them() {
    let mut book =
        Book::new(When::Every(SHORTEST), policy(Missed::All { limit: 5 }, Overlap::Parallel));
    book.now += SignedDuration::from_hours(24 * 365);
    let decision = book.look();
    assert_eq!(book.begun.len(), 61 + 5, "on time, and the latest of the others");
    assert!(matches!(&decision.steps[0], Step::Skip { span: Span { count: None, .. }, .. }));
    assert_eq!(decision.watermark, book.now);
}

#[test]
fn jitter_is_the_same_for_the_same_occurrence_and_within_its_bound() {
    let (mut seen, jitter) = (BTreeSet::new(), SignedDuration::from_mins(5));
    for hour in 0..50 {
        let planned = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
        let due = due_at("tick", planned, jitter);
        assert_eq!(due, due_at("tick", planned, jitter));
        assert!((planned..planned + jitter).contains(&due));
        seen.insert(due.duration_since(planned).as_millis());
    }
    assert!(seen.len() > 40, "it spreads: {seen:?}");
}
