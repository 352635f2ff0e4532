//! The types of log events: code, category, meaning.

use std::{collections::HashMap, fmt, sync::LazyLock};

const EVENTS: &str = include_str!("../data/log_events.txt");

static ALL: LazyLock<Vec<LogEvent>> =
    LazyLock::new(|| EVENTS.lines().filter_map(LogEvent::read).collect());

static BY_CODE: LazyLock<HashMap<&'static str, LogEvent>> =
    LazyLock::new(|| ALL.iter().map(|event| (event.code, *event)).collect());

/// Security events that log streams may send first.
const PRIORITIZED: [&str; 8] = [
    "limit_mu",
    "limit_sul",
    "limit_wc",
    "pwd_leak",
    "ublkdu",
    "signup_pwd_leak",
    "reset_pwd_leak",
    "gd_send_sms",
];

/// A type of log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogEvent {
    /// The code, as in `ss`.
    pub code: &'static str,
    /// The category that the filters of log streams use, as in `auth.signup.success`.
    pub category: &'static str,
    /// What it means, in a few words.
    pub meaning: &'static str,
}

impl LogEvent {
    /// All of them, sorted by code.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The one with this code.
    pub fn find(code: &str) -> Option<Self> {
        BY_CODE.get(code).copied()
    }

    /// Whether a stream of security events carries it first.
    pub fn is_prioritized(self) -> bool {
        PRIORITIZED.contains(&self.code)
    }

    fn read(line: &'static str) -> Option<Self> {
        let (code, rest) = line.split_once(' ')?;
        let (category, meaning) = rest.split_once(' ')?;
        Some(Self { code, category, meaning })
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_event_and_every_code_is_there_once() {
        assert_eq!(LogEvent::all().len(), EVENTS.lines().count());
        assert_eq!(BY_CODE.len(), LogEvent::all().len());
        assert!(LogEvent::all().len() >= 167);
        assert!(LogEvent::all().is_sorted_by_key(|event| event.code));
    }

    #[test]
    fn an_event_is_found_by_its_code() {
        let event = LogEvent::find("sapi").unwrap();
        assert_eq!((event.category, event.is_prioritized()), ("management.success", false));
        assert!(LogEvent::find("limit_wc").unwrap().is_prioritized());
        assert_eq!(LogEvent::find("nothing"), None);
    }
}
