//! Reading the keys one by one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, tz::TimeZone};
use serde_json::Value;

use super::concurrency::Mistake;
use super::{Concurrency, KEYS, MOST_MADE_UP, Missed, Overlap, Priority, Profile, USUAL_MADE_UP};
use crate::{
    document::{Definition, Schedule},
    duration,
    pointer::join,
    problem::{Problem, did_you_mean},
};

const METADATA: &str = "/document/metadata";
const MISSED: [(&str, Missed); 3] =
    [("skip", Missed::Skip), ("once", Missed::Once), ("all", Missed::All { limit: USUAL_MADE_UP })];
const OVERLAP: [(&str, Overlap); 4] = [
    ("skip", Overlap::Skip),
    ("queue", Overlap::Queue),
    ("parallel", Overlap::Parallel),
    ("cancel-running", Overlap::CancelRunning),
];
const PRIORITY: [(&str, Priority); 3] =
    [("urgent", Priority::Urgent), ("normal", Priority::Normal), ("bulk", Priority::Bulk)];
/// Keys that say how a plan by time is followed.
const OF_PLANS: [&str; 5] = ["missed", "missedLimit", "overlap", "jitter", "deadline"];
/// Other spellings that people bring along, and what they mean here.
const ALSO_KNOWN: [(&str, &str); 6] = [
    ("tz", "timezone"),
    ("zone", "timezone"),
    ("maxconcurrency", "concurrency"),
    ("catchup", "missed"),
    ("misfire", "missed"),
    ("link", "links"),
];
/// Letters that a key may differ in and still be meant for another.
const SLIPS: usize = 2;

pub(super) fn read(definition: &Definition) -> (Profile, Vec<Problem>) {
    let mut reader = Reader { definition, problems: Vec::new() };
    let profile = Profile {
        timezone: reader.timezone().unwrap_or(TimeZone::UTC),
        missed: reader.missed(),
        overlap: reader.word("overlap", &OVERLAP),
        concurrency: reader.concurrency(),
        jitter: reader.span("jitter"),
        deadline: reader.span("deadline"),
        owner: reader.text("owner"),
        links: reader.links(),
        priority: reader.word("priority", &PRIORITY),
        minutes_saved: reader.minutes(),
    };
    (profile, reader.problems)
}

/// A key that differs from a known one in case, dashes or a letter or two.
pub(super) fn doubtful(definition: &Definition) -> Vec<Problem> {
    let keys = definition.document.metadata.keys().filter(|key| !KEYS.contains(&key.as_str()));
    let doubts = keys.filter_map(|key| {
        let near = meant(key)?;
        let message = format!("\"{key}\" means nothing here");
        let mut problem = definition.positions.problem_at_key(&join(METADATA, key), message);
        problem.suggestion = Some(format!("did you mean \"{near}\"?"));
        Some(problem.in_file(&definition.file))
    });
    doubts.collect()
}

/// Keys that count only with a plan by time, where there is none.
pub(super) fn unheard(definition: &Definition) -> Vec<Problem> {
    let plans = |schedule: &Schedule| {
        schedule.cron.is_some() || schedule.every.is_some() || schedule.after.is_some()
    };
    if definition.schedule.as_ref().is_some_and(plans) {
        return Vec::new();
    }
    let metadata = &definition.document.metadata;
    let unheard = OF_PLANS.iter().filter(|key| metadata.contains_key(**key));
    let doubts = unheard.map(|key| {
        let message =
            format!("\"{key}\" counts only with schedule.cron, schedule.every or schedule.after");
        let mut problem = definition.positions.problem_at_key(&join(METADATA, key), message);
        problem.suggestion = Some(if *key == "overlap" {
            "write concurrency: {limit: 1} for runs that take turns".to_owned()
        } else {
            format!("remove \"{key}\"")
        });
        problem.in_file(&definition.file)
    });
    doubts.collect()
}

fn meant(key: &str) -> Option<&'static str> {
    let plain = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    let key = plain(key);
    let also = ALSO_KNOWN.iter().find(|(other, _)| *other == key).map(|(_, known)| *known);
    also.or_else(|| {
        let near = KEYS.iter().map(|known| (strsim::osa_distance(&key, &plain(known)), *known));
        near.filter(|(slips, _)| *slips <= SLIPS && key.len() > 2 * SLIPS)
            .min()
            .map(|(_, known)| known)
    })
}

struct Reader<'d> {
    definition: &'d Definition,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    fn timezone(&mut self) -> Option<TimeZone> {
        let value = self.value("timezone")?;
        let found = value.as_str().and_then(|name| TimeZone::get(name).ok());
        if found.is_none() {
            let names: Vec<String> =
                jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let names = names.iter().map(String::as_str);
            let near = value.as_str().and_then(|wanted| did_you_mean(wanted, names));
            let suggestion =
                near.unwrap_or_else(|| "write an IANA name like \"Europe/Berlin\"".to_owned());
            self.problem("timezone", format!("{value} is not a time zone"), suggestion);
        }
        found
    }

    fn missed(&mut self) -> Missed {
        let limit = self.count("missedLimit", MOST_MADE_UP);
        match (self.word("missed", &MISSED), limit) {
            (Some(Missed::All { .. }), Some(limit)) => Missed::All { limit },
            (missed, _) => missed.unwrap_or(Missed::Once),
        }
    }

    fn concurrency(&mut self) -> Option<Concurrency> {
        match Concurrency::read(self.value("concurrency")?) {
            Ok(concurrency) => Some(concurrency),
            Err(mistakes) => {
                for mistake in mistakes {
                    let Mistake { place, message, suggestion } = mistake;
                    self.problem(&format!("concurrency{place}"), message, suggestion);
                }
                None
            }
        }
    }

    fn links(&mut self) -> BTreeMap<String, String> {
        let Some(value) = self.value("links") else { return BTreeMap::new() };
        let Some(entries) = value.as_object() else {
            let message = "\"links\" says for each app which link stands for it".to_owned();
            self.problem("links", message, "write {auth0: production}".to_owned());
            return BTreeMap::new();
        };
        let mut links = BTreeMap::new();
        for (app, link) in entries {
            if let Some(link) = link.as_str() {
                links.insert(app.clone(), link.to_owned());
            } else {
                let message = format!("the link for \"{app}\" is a name, not {link}");
                let suggestion = "\"callboard link list\" shows the names".to_owned();
                self.problem(&format!("links/{app}"), message, suggestion);
            }
        }
        links
    }

    fn minutes(&mut self) -> Option<f64> {
        let value = self.value("minutesSaved")?;
        let found = value.as_f64().filter(|minutes| *minutes >= 0.0);
        if found.is_none() {
            let message = format!("\"minutesSaved\" is a number of minutes, not {value}");
            self.problem("minutesSaved", message, "write a number like 25".to_owned());
        }
        found
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        let found = value.as_str().filter(|text| !text.trim().is_empty());
        if found.is_none() {
            let message = format!("\"{key}\" is a text, not {value}");
            self.problem(key, message, format!("write {key}: it-ops"));
        }
        found.map(str::to_owned)
    }

    fn span(&mut self, key: &str) -> Option<SignedDuration> {
        let read = duration::parse(self.value(key)?);
        read.map_err(|why| {
            let message = format!("\"{key}\": {why}");
            self.problem(key, message, "write a duration like PT5M or {minutes: 5}".to_owned());
        })
        .ok()
    }

    fn word<T: Copy>(&mut self, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let value = self.value(key)?;
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let listed = known.join("\", \"");
            let near = value.as_str().and_then(|wanted| did_you_mean(wanted, known));
            let suggestion = near.unwrap_or_else(|| format!("write \"{listed}\""));
            let message = format!("\"{key}\" is one of \"{listed}\", not {value}");
            self.problem(key, message, suggestion);
        }
        found.map(|(_, meaning)| *meaning)
    }

    fn count(&mut self, path: &str, most: u64) -> Option<u64> {
        let value = self.value(path)?;
        let found = value.as_u64().filter(|count| (1..=most).contains(count));
        if found.is_none() {
            let name = path.replace('/', ".");
            let message = format!("\"{name}\" is a number from 1 to {most}, not {value}");
            self.problem(path, message, "write a whole number".to_owned());
        }
        found
    }

    fn value(&self, path: &str) -> Option<&'d Value> {
        self.definition.source.pointer(&format!("{METADATA}/{path}"))
    }

    fn problem(&mut self, path: &str, message: String, suggestion: String) {
        let problem = self.definition.positions.problem(&format!("{METADATA}/{path}"), message);
        self.problems.push(Problem {
            suggestion: Some(suggestion),
            ..problem.in_file(&self.definition.file)
        });
    }
}
