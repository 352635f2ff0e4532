//! When a workflow begins and how it is run, as words.

use super::words::{listed, span};
use crate::{
    document::Definition,
    duration::Span,
    profile::{Concurrency, Missed, Overlap, Priority, Profile},
};

/// `every day at 06:30`, where the plan is one of the usual ones; else the plan as it is written.
pub(super) fn plan(cron: &str) -> String {
    usual(cron).unwrap_or_else(|| format!("at the times \"{cron}\""))
}

fn usual(cron: &str) -> Option<String> {
    match cron {
        "@hourly" => return Some("every hour".to_owned()),
        "@daily" | "@midnight" => return Some("every day at 00:00".to_owned()),
        _ => {}
    }
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, "*", weekday] = fields[..] else { return None };
    if (hour, day, weekday) == ("*", "*", "*") {
        if minute == "*" {
            return Some("every minute".to_owned());
        }
        if let Some(step) = minute.strip_prefix("*/") {
            return Some(format!("every {step} minutes"));
        }
        let minute: u8 = minute.parse().ok()?;
        return Some(format!("every hour at minute {minute}"));
    }
    let (minute, hour): (u8, u8) = (minute.parse().ok()?, hour.parse().ok()?);
    let days = match (day, weekday) {
        ("*", "*") => "every day".to_owned(),
        ("*", weekday) => weekdays(weekday)?,
        (day, "*") => format!("on day {} of every month", day.parse::<u8>().ok()?),
        _ => return None,
    };
    Some(format!("{days} at {hour:02}:{minute:02}"))
}

fn weekdays(field: &str) -> Option<String> {
    const DAYS: [(&str, &str, &str); 8] = [
        ("SUN", "0", "Sunday"),
        ("MON", "1", "Monday"),
        ("TUE", "2", "Tuesday"),
        ("WED", "3", "Wednesday"),
        ("THU", "4", "Thursday"),
        ("FRI", "5", "Friday"),
        ("SAT", "6", "Saturday"),
        ("SUN", "7", "Sunday"),
    ];
    let name = |day: &str| {
        let day = day.to_uppercase();
        DAYS.iter()
            .find(|(short, number, _)| *short == day || *number == day)
            .map(|(.., name)| *name)
    };
    if let Some((first, last)) = field.split_once('-') {
        return Some(format!("{} to {}", name(first)?, name(last)?));
    }
    let days: Option<Vec<String>> =
        field.split(',').map(|day| name(day).map(|day| format!("every {day}"))).collect();
    Some(listed(&days?))
}

/// What stands in `document.metadata` and in `use.secrets`, a sentence each.
pub(super) fn manner(definition: &Definition) -> Vec<String> {
    let profile = Profile::of(definition);
    let metadata = &definition.document.metadata;
    let schedule = definition.schedule.as_ref();
    let by_time = schedule.is_some_and(|schedule| {
        schedule.cron.is_some() || schedule.every.is_some() || schedule.after.is_some()
    });
    let mut sentences: Vec<String> = Vec::new();
    let mut say = |sentence: &str| sentences.push(sentence.to_owned());
    if by_time && let Some(overlap) = profile.overlap {
        say(match overlap {
            Overlap::Skip => "While a run has not ended, the next one is left out.",
            Overlap::Queue => "While a run has not ended, the next one waits.",
            Overlap::Parallel => "Runs may overlap.",
            Overlap::CancelRunning => "A run that has not ended is cancelled by the next one.",
        });
    }
    if by_time && metadata.contains_key("missed") {
        match profile.missed {
            Missed::Skip => say("Runs that were missed are left out."),
            Missed::Once => say("Runs that were missed are made up for by one."),
            Missed::All { limit } => {
                say(&format!("Runs that were missed are made up for, the latest {limit} of them."));
            }
        }
    }
    if by_time && let Some(deadline) = profile.deadline {
        let late = span(&Span::Fixed(deadline));
        say(&format!("A run that could not begin within {late} is left out."));
    }
    if let Some(Concurrency { key, limit }) = &profile.concurrency {
        let of =
            key.as_ref().map_or(String::new(), |key| format!(" with the same `{}`", key.text()));
        say(&match limit {
            1 => format!("Its runs{of} take turns, one at a time."),
            limit => format!("Its runs{of} take turns, {limit} at a time."),
        });
    }
    match profile.priority {
        Some(Priority::Urgent) => say("Its calls go before those of others."),
        Some(Priority::Normal) | None => {}
        Some(Priority::Bulk) => say("Its calls give way to those of others."),
    }
    for (app, link) in &profile.links {
        say(&format!("It reaches {app} through the link {link}."));
    }
    if !definition.secrets.is_empty() {
        say(&format!("It may read the secrets {}.", listed(&definition.secrets)));
    }
    if let Some(minutes) = profile.minutes_saved {
        say(&format!("A run saves about {minutes} minutes of work by hand."));
    }
    if let Some(owner) = &profile.owner {
        say(&format!("Its owner is {owner}."));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_plans_are_told_in_words_and_others_as_they_are() {
        for (cron, words) in [
            ("0 0 * * *", "every day at 00:00"),
            ("30 6 * * MON-FRI", "Monday to Friday at 06:30"),
            ("30 6 * * 1,3", "every Monday, every Wednesday at 06:30"),
            ("0 7 1 * *", "on day 1 of every month at 07:00"),
            ("*/15 * * * *", "every 15 minutes"),
            ("5 * * * *", "every hour at minute 5"),
            ("@daily", "every day at 00:00"),
            ("0 0 12 * * *", "at the times \"0 0 12 * * *\""),
            ("0 7 1 * MON", "at the times \"0 7 1 * MON\""),
            ("0 7 1 6 *", "at the times \"0 7 1 6 *\""),
        ] {
            assert_eq!(plan(cron), words, "{cron}");
        }
    }
}
