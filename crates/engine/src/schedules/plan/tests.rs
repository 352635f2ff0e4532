//! Nights when clocks change, by hand; whole years against a model that counts minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn plan(text: &str, zone: &str) -> Plan {
    Plan { when: cron(text).unwrap(), zone: TimeZone::get(zone).unwrap() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_skipped_and_the_doubled_hour_are_as_documented() {
    let (berlin, york) = ("Europe/Berlin", "America/New_York");
    // Berlin: 2026-03-29T01:00Z skips 02:00 to 03:00, 2026-10-25T01:00Z repeats 02:00 to 03:00.
    // New York: 2026-03-08T07:00Z skips 02:00 to 03:00, 2026-11-01T06:00Z repeats 01:00 to 02:00.
    let cases: [(&str, &str, &str, &[&str]); 10] = [
        ("30 2 * * *", berlin, "2026-03-28T12:00:00Z", &["03-29T01:00", "03-30T00:30"]),
        ("*/20 2 * * *", berlin, "2026-03-28T12:00:00Z", &["03-29T01:00", "03-30T00:00"]),
        ("0 2,3 * * *", berlin, "2026-03-28T12:00:00Z", &["03-29T01:00", "03-30T00:00"]),
        ("30 * * * *", berlin, "2026-03-28T23:45:00Z", &["03-29T00:30", "03-29T01:30"]),
        ("30 2 * * *", berlin, "2026-10-24T12:00:00Z", &["10-25T00:30", "10-26T01:30"]),
        (
            "30 * * * *",
            berlin,
            "2026-10-24T23:45:00Z",
            &["10-25T00:30", "10-25T01:30", "10-25T02:30"],
        ),
        // Asked in the middle of the second pass.
        ("45 2 * * *", berlin, "2026-10-25T01:10:00Z", &["10-26T01:45"]),
        ("15 2 * * 0", york, "2026-03-07T12:00:00Z", &["03-08T07:00", "03-15T06:15"]),
        ("30 1 * * *", york, "2026-10-31T12:00:00Z", &["11-01T05:30", "11-02T06:30"]),
        (
            "*/30 * * * *",
            york,
            "2026-11-01T05:10:00Z",
            &["11-01T05:30", "11-01T06:00", "11-01T06:30"],
        ),
    ];
    for (text, zone, from, expected) in cases {
        let plan = plan(text, zone);
        let mut last = at(from);
        for wanted in expected {
            last = plan.next_after(last, last).unwrap();
            assert_eq!(last, at(&format!("2026-{wanted}:00Z")), "{text} in {zone} from {from}");
        }
    }
}

#[test]
fn intervals_are_counted_from_their_anchor() {
    let anchor = at("2026-01-01T00:00:10Z");
    let plan = Plan { when: When::Every(SignedDuration::from_mins(1)), zone: TimeZone::UTC };
    for (from, next) in [
        ("2025-12-31T23:00:00Z", "2025-12-31T23:00:10Z"),
        ("2026-01-01T00:00:10Z", "2026-01-01T00:01:10Z"),
        ("2026-01-01T00:01:09.5Z", "2026-01-01T00:01:10Z"),
        ("2026-01-01T00:01:10Z", "2026-01-01T00:02:10Z"),
    ] {
        assert_eq!(plan.next_after(anchor, at(from)), Some(at(next)), "{from}");
    }
}

#[test]
fn what_is_no_plan_is_refused() {
    for (text, valid) in [
        ("*/5 * * * *", true),
        ("0 */5 * * * *", true),
        ("@daily", true),
        ("0 0 29 2 *", true),
        ("0 9 * * MON-FRI", true),
        ("0 0 30 2 *", false),
        ("61 * * * *", false),
        ("* * * *", false),
        ("0 0 0 1 1 * 2030", false),
        ("", false),
        ("every day", false),
    ] {
        assert_eq!(cron(text).is_ok(), valid, "{text}");
    }
}

/// A year of a zone, minute by minute.
struct Year {
    name: &'static str,
    /// Local time to its instants, in minutes since 1970.
    instants: BTreeMap<i64, Vec<i64>>,
}

const FROM: &str = "2026-01-01T00:00:00Z";
const MINUTES: i64 = 365 * 24 * 60;

static YEARS: LazyLock<Vec<Year>> = LazyLock::new(|| {
    ["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"].map(Year::of).into()
});

impl Year {
    fn of(name: &'static str) -> Self {
        let (zone, mut instants) = (TimeZone::get(name).unwrap(), BTreeMap::<_, Vec<_>>::new());
        let first = at(FROM).as_second() / 60;
        for minute in first..first + MINUTES {
            let offset = zone.to_offset(Timestamp::from_second(minute * 60).unwrap()).seconds();
            instants.entry(minute + i64::from(offset) / 60).or_default().push(minute);
        }
        Self { name, instants }
    }

    /// All planned minutes, by looking at every one.
    fn planned(&self, fields: &Fields) -> BTreeSet<i64> {
        let (first, last) =
            (*self.instants.keys().next().unwrap(), *self.instants.keys().last().unwrap());
        let mut planned = BTreeSet::new();
        for local in (first..=last).filter(|local| fields.fit(*local)) {
            match self.instants.get(&local) {
                Some(passes) if fields.hours.is_empty() => planned.extend(passes),
                Some(passes) => drop(planned.insert(passes[0])),
                None if fields.hours.is_empty() => {}
                None => {
                    let (_, after) = self.instants.range(local..).next().unwrap();
                    planned.insert(after[0]);
                }
            }
        }
        planned
    }
}

/// Empty means every.
#[derive(Debug, Clone)]
struct Fields {
    minutes: BTreeSet<i64>,
    hours: BTreeSet<i64>,
    weekdays: BTreeSet<i64>,
}

impl Fields {
    fn fit(&self, local: i64) -> bool {
        let weekday = (local.div_euclid(24 * 60) + 4).rem_euclid(7);
        let within = |set: &BTreeSet<i64>, value| set.is_empty() || set.contains(&value);
        within(&self.minutes, local.rem_euclid(60))
            && within(&self.hours, local.div_euclid(60).rem_euclid(24))
            && within(&self.weekdays, weekday)
    }

    fn text(&self) -> String {
        let field = |set: &BTreeSet<i64>| {
            let values: Vec<String> = set.iter().map(ToString::to_string).collect();
            if values.is_empty() { "*".to_owned() } else { values.join(",") }
        };
        format!("{} {} * * {}", field(&self.minutes), field(&self.hours), field(&self.weekdays))
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    let set = |most: i64, size| proptest::collection::btree_set(0..most, size);
    (set(60, 1..4), set(5, 0..3), set(7, 0..2)).prop_map(|(minutes, hours, weekdays)| Fields {
        minutes,
        hours,
        weekdays,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_year_is_as_a_count_of_its_minutes_says(fields in fields(), zone in 0..4_usize) {
        let year = &YEARS[zone];
        let plan = plan(&fields.text(), year.name);
        let (start, end) = (at(FROM), Timestamp::from_second(at(FROM).as_second() + MINUTES * 60).unwrap());
        let found: BTreeSet<i64> = plan
            .between(start, start - SignedDuration::from_secs(1), end - SignedDuration::from_secs(1))
            .map(|planned| planned.as_second() / 60)
            .collect();
        prop_assert_eq!(found, year.planned(&fields), "{} in {}", fields.text(), year.name);
    }
}
