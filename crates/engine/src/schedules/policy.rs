//! What a workflow says about its schedule: read from `schedule` and `document.metadata`, checked when it is loaded.

use callboard_flow::duration::{self, Span};
use callboard_flow::{Definition, Problem};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::plan::{self, Plan, SHORTEST, When};
use crate::nearest::nearest;

/// What becomes of occurrences that passed while nobody could begin them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    Skip,
    /// One run stands for all of them.
    Once,
    /// The latest of them, at most so many.
    All {
        limit: usize,
    },
}

/// What becomes of an occurrence while earlier ones still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    Skip,
    Queue,
    Parallel,
    CancelRunning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) missed: Missed,
    pub(super) overlap: Overlap,
    /// So many runs of the schedule at a time; unlimited where there is none.
    pub(super) limit: Option<usize>,
    /// Each start is put off by a part of it, the same for the same occurrence.
    pub(super) jitter: SignedDuration,
    /// Too late to begin after that.
    pub(super) deadline: Option<SignedDuration>,
}

/// A workflow's schedule by time.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    pub(super) plan: Plan,
    pub(super) policy: Policy,
}

const MISSED: [&str; 3] = ["skip", "once", "all"];
const OVERLAP: [&str; 4] = ["skip", "queue", "parallel", "cancel-running"];
/// Unless `missedLimit` says otherwise.
const USUAL_LIMIT: u64 = 100;
/// No more occurrences are made up for at once.
pub(super) const MOST_MADE_UP: u64 = 1_000;

/// The schedule of a definition that was checked; none where it has none by time.
pub(super) fn timetable(definition: &Definition) -> Option<Timetable> {
    Reader::new(definition).timetable()
}

/// Every mistake in it.
pub(crate) fn problems(definition: &Definition) -> Vec<Problem> {
    let mut reader = Reader::new(definition);
    reader.timetable();
    reader.problems
}

struct Reader<'d> {
    definition: &'d Definition,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    fn new(definition: &'d Definition) -> Self {
        Self { definition, problems: Vec::new() }
    }

    fn timetable(&mut self) -> Option<Timetable> {
        let zone = self.zone();
        let (missed, overlap) = (self.missed(), self.overlap());
        let (jitter, deadline) = (self.span("jitter"), self.span("deadline"));
        let when = self.when()?;
        let usual = match when {
            // As the language says of `every`.
            When::Every(_) => Overlap::Parallel,
            When::Cron { .. } | When::After(_) => Overlap::Skip,
        };
        let overlap = overlap.unwrap_or(usual);
        let limit = self.limit().or((overlap != Overlap::Parallel).then_some(1));
        let jitter = jitter.unwrap_or(SignedDuration::ZERO);
        let policy = Policy { missed, overlap, limit, jitter, deadline };
        Some(Timetable { plan: Plan { when, zone }, policy })
    }

    fn when(&mut self) -> Option<When> {
        let schedule = self.definition.schedule.as_ref()?;
        let words = [
            ("every", schedule.every.is_some()),
            ("cron", schedule.cron.is_some()),
            ("after", schedule.after.is_some()),
        ];
        let used: Vec<&str> = words.iter().filter(|word| word.1).map(|word| word.0).collect();
        if let [first, second, ..] = used[..] {
            let message = format!("a schedule has `{first}` or `{second}`, not both");
            self.problem(&format!("/schedule/{second}"), message, "write a workflow for each");
            return None;
        }
        if let Some(text) = &schedule.cron {
            return self.cron(text);
        }
        if let Some(span) = &schedule.every {
            return self.fixed("every", span).map(When::Every);
        }
        schedule.after.as_ref().and_then(|span| self.fixed("after", span)).map(When::After)
    }

    fn cron(&mut self, text: &str) -> Option<When> {
        plan::cron(text)
            .map_err(|why| {
                let message = format!("`{text}` is not a plan: {why}");
                let suggestion = "write five fields: minute, hour, day of the month, month, \
                                  weekday, like `30 6 * * MON-FRI`";
                self.problem("/schedule/cron", message, suggestion);
            })
            .ok()
    }

    fn fixed(&mut self, word: &str, span: &Span) -> Option<SignedDuration> {
        let shortest = if word == "every" { SHORTEST } else { SignedDuration::ZERO };
        match span {
            Span::Fixed(span) if *span >= shortest => return Some(*span),
            Span::Fixed(_) => self.problem(
                &format!("/schedule/{word}"),
                "an interval is at least one second".into(),
                "write `{seconds: 1}` or more",
            ),
            Span::Expression(_) => self.problem(
                &format!("/schedule/{word}"),
                "no expression can say when the first run begins".into(),
                "write a duration: `{minutes: 15}`",
            ),
        }
        None
    }

    fn zone(&mut self) -> TimeZone {
        let Some(value) = self.metadata("timezone") else { return TimeZone::UTC };
        let found = value.as_str().and_then(|name| TimeZone::get(name).ok());
        found.unwrap_or_else(|| {
            let wanted = value.as_str().unwrap_or_default();
            let names: Vec<String> =
                jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let near = nearest(wanted, names.iter().map(String::as_str));
            let suggestion = near.map_or_else(
                || "write an IANA name like `Europe/Berlin`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.problem(
                &metadata_pointer("timezone"),
                format!("{value} is not a time zone"),
                &suggestion,
            );
            TimeZone::UTC
        })
    }

    fn missed(&mut self) -> Missed {
        let limit = self.count("missedLimit", MOST_MADE_UP).unwrap_or(USUAL_LIMIT);
        match self.word("missed", &MISSED) {
            Some("skip") => Missed::Skip,
            Some("all") => Missed::All { limit: usize::try_from(limit).unwrap_or(usize::MAX) },
            _ => Missed::Once,
        }
    }

    fn overlap(&mut self) -> Option<Overlap> {
        Some(match self.word("overlap", &OVERLAP)? {
            "skip" => Overlap::Skip,
            "queue" => Overlap::Queue,
            "parallel" => Overlap::Parallel,
            _ => Overlap::CancelRunning,
        })
    }

    fn limit(&mut self) -> Option<usize> {
        for key in self.metadata("concurrency")?.as_object().into_iter().flat_map(|map| map.keys())
        {
            if key != "limit" {
                let pointer = format!("{}/{key}", metadata_pointer("concurrency"));
                let message = format!("`concurrency.{key}` is not done for a schedule");
                self.problem(&pointer, message, "write `concurrency: {limit: 2}`");
            }
        }
        let limit = self.count("concurrency/limit", u64::from(u32::MAX))?;
        usize::try_from(limit).ok()
    }

    fn span(&mut self, key: &str) -> Option<SignedDuration> {
        let value = self.metadata(key)?;
        duration::parse(value)
            .map_err(|why| {
                self.problem(&metadata_pointer(key), why, "write a duration: `{minutes: 5}`");
            })
            .ok()
    }

    fn word(&mut self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let value = self.metadata(key)?;
        let found = words.iter().find(|word| value.as_str() == Some(word));
        if found.is_none() {
            let known = words.join("`, `");
            let near = nearest(value.as_str().unwrap_or_default(), words.iter().copied());
            let suggestion = near.map_or_else(
                || format!("write `{known}`"),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{key}` is one of `{known}`, not {value}");
            self.problem(&metadata_pointer(key), message, &suggestion);
        }
        found.copied()
    }

    fn count(&mut self, path: &str, most: u64) -> Option<u64> {
        let value = self.metadata(path)?;
        let found = value.as_u64().filter(|count| (1..=most).contains(count));
        if found.is_none() {
            let name = path.replace('/', ".");
            let message = format!("`{name}` is a number from 1 to {most}, not {value}");
            self.problem(&metadata_pointer(path), message, "write a whole number");
        }
        found
    }

    fn metadata(&self, path: &str) -> Option<&'d Value> {
        self.definition.source.pointer(&metadata_pointer(path))
    }

    fn problem(&mut self, pointer: &str, message: String, suggestion: &str) {
        let problem = self.definition.positions.problem(pointer, message);
        self.problems.push(Problem {
            suggestion: Some(suggestion.to_owned()),
            ..problem.in_file(&self.definition.file)
        });
    }
}

fn metadata_pointer(path: &str) -> String {
    format!("/document/metadata/{path}")
}
