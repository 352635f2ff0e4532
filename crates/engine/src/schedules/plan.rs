//! When a workflow is due: pure, and the same on any machine.
//!
//! The nights when clocks change, for `cron` in its zone:
//!
//! * a plan that names its hours (`30 2 * * *`, `0 8-18 * * *`, `0 */2 * * *`) happens once for each local time it names:
//!   what falls into the skipped hour happens once, at the first instant after it; in the doubled hour the first pass
//!   counts;
//! * a plan for every hour (`*` in that field: `*/15 * * * *`) follows the time that passes: it happens in both passes of
//!   the doubled hour, and what falls into the skipped hour does not happen.

use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// Nothing is planned more often.
pub(super) const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// Instants at which runs begin by themselves.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) when: When,
    pub(super) zone: TimeZone,
}

#[derive(Debug, Clone)]
pub(super) enum When {
    Cron {
        text: String,
        cron: Box<Cron>,
        every_hour: bool,
    },
    /// Counted from when the plan was first seen.
    Every(SignedDuration),
    /// After the last run has ended, or after the plan was first seen.
    After(SignedDuration),
}

/// Reads five or six fields, or a word like `@daily`.
pub(super) fn cron(text: &str) -> Result<When, String> {
    let cron = CronParser::builder().year(Year::Disallowed).build().parse(text);
    let cron = cron.map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
    let every_hour = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
    let first = cron.find_next_occurrence(&DateTime::constant(2000, 1, 1, 0, 0, 0, 0), true);
    first.map_err(|_| "no day is ever like that".to_owned())?;
    Ok(When::Cron { text: text.to_owned(), cron: Box::new(cron), every_hour })
}

impl Plan {
    /// What makes it another plan when it changes.
    pub(super) fn fingerprint(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        match &self.when {
            When::Cron { text, .. } => format!("cron {text} in {zone}"),
            When::Every(span) => format!("every {span}"),
            When::After(span) => format!("after {span}"),
        }
    }

    /// The first planned instant later than `at`. `after` is counted from `at`.
    pub(super) fn next_after(&self, anchor: Timestamp, at: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Cron { cron, every_hour: true, .. } => self.elapsing(cron, at),
            When::Cron { cron, .. } => self.named(cron, at),
            When::Every(span) => next_multiple(anchor, *span, at),
            When::After(span) => at.checked_add(*span).ok(),
        }
    }

    /// Planned instants later than `from`, up to and including `until`.
    pub(super) fn between(
        &self,
        anchor: Timestamp,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        let first = self.next_after(anchor, from);
        std::iter::successors(first, move |last| self.next_after(anchor, *last))
            .take_while(move |planned| *planned <= until)
    }

    /// Each local time that matches happens once.
    fn named(&self, cron: &Cron, at: Timestamp) -> Option<Timestamp> {
        let mut local = self.zone.to_datetime(at);
        loop {
            local = cron.find_next_occurrence(&local, false).ok()?;
            let planned = self.instant_of(local)?;
            // In the second pass of a doubled hour, what follows locally may lie before.
            if planned > at {
                return Some(planned);
            }
        }
    }

    /// The first instant with this local time; one that is skipped happens when the gap ends.
    fn instant_of(&self, local: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_the_gap = after.to_timestamp(local).ok()?;
                Some(self.zone.following(before_the_gap).next()?.timestamp())
            }
        }
    }

    /// From one change of the offset to the next, local time is simply counted.
    fn elapsing(&self, cron: &Cron, at: Timestamp) -> Option<Timestamp> {
        let (mut from, mut inclusive) = (at, false);
        loop {
            let offset = self.zone.to_offset(from);
            let change = self.zone.following(from).next().map(|change| change.timestamp());
            let local = cron.find_next_occurrence(&offset.to_datetime(from), inclusive).ok()?;
            let planned = offset.to_timestamp(local).ok()?;
            match change {
                Some(change) if planned >= change => (from, inclusive) = (change, true),
                _ => return Some(planned),
            }
        }
    }
}

fn next_multiple(anchor: Timestamp, span: SignedDuration, at: Timestamp) -> Option<Timestamp> {
    let span = span.as_nanos().max(1);
    let passed = at.as_nanosecond() - anchor.as_nanosecond();
    let number = passed.div_euclid(span) + 1;
    Timestamp::from_nanosecond(anchor.as_nanosecond() + number * span).ok()
}

#[cfg(test)]
mod tests;
