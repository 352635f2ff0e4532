//! What a workflow says about its schedule: read from `schedule` and `document.metadata`, checked when it is loaded.

use callboard_flow::duration::Span;
pub(super) use callboard_flow::profile::{MOST_MADE_UP, Missed, Overlap};
use callboard_flow::{Definition, Problem, Profile};
use jiff::SignedDuration;

use super::plan::{self, Plan, SHORTEST, When};

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

/// The schedule of a definition that was checked; none where it has none by time.
pub(super) fn timetable(definition: &Definition) -> Option<Timetable> {
    Reader::new(definition).timetable()
}

/// Every mistake in the plan itself; those in `document.metadata` are the language's own check.
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
        let when = self.when()?;
        let profile = Profile::of(self.definition);
        let usual = match when {
            // As the language says of `every`.
            When::Every(_) => Overlap::Parallel,
            When::Cron { .. } | When::After(_) => Overlap::Skip,
        };
        let overlap = profile.overlap.unwrap_or(usual);
        // With a key it counts runs of the key, and each occurrence takes its turn among them.
        let whole = profile.concurrency.filter(|concurrency| concurrency.key.is_none());
        let limit = whole.map(|whole| usize::try_from(whole.limit).unwrap_or(usize::MAX));
        let policy = Policy {
            missed: profile.missed,
            overlap,
            limit: limit.or((overlap != Overlap::Parallel).then_some(1)),
            jitter: profile.jitter.unwrap_or(SignedDuration::ZERO),
            deadline: profile.deadline,
        };
        Some(Timetable { plan: Plan { when, zone: profile.timezone }, policy })
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

    fn problem(&mut self, pointer: &str, message: String, suggestion: &str) {
        let problem = self.definition.positions.problem(pointer, message);
        self.problems.push(Problem {
            suggestion: Some(suggestion.to_owned()),
            ..problem.in_file(&self.definition.file)
        });
    }
}
