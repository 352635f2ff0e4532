//! `concurrency`: how many runs at a time, of the whole workflow or of those with the same key.

use serde_json::Value;

use crate::{
    document::Definition,
    expression::{self, Expression},
    problem::did_you_mean,
};

const KEYS: [&str; 2] = ["key", "limit"];
const MOST: u64 = u32::MAX as u64;

/// Runs that take turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concurrency {
    /// On the input of a run: those with the same value count together. Without one, all do.
    pub key: Option<Expression>,
    /// So many at a time; 1 unless set.
    pub limit: u64,
}

/// Something in it that cannot be right, and where below it.
pub(super) struct Mistake {
    pub(super) place: String,
    pub(super) message: String,
    pub(super) suggestion: String,
}

impl Concurrency {
    /// That of a definition; one that is wrong counts as left out.
    pub fn of(definition: &Definition) -> Option<Self> {
        Self::read(definition.document.metadata.get("concurrency")?).ok()
    }

    pub(super) fn read(value: &Value) -> Result<Self, Vec<Mistake>> {
        let Some(entries) = value.as_object() else {
            let message = "\"concurrency\" is a mapping".to_owned();
            return Err(vec![mistake("", message, "write {limit: 2}")]);
        };
        let mut mistakes = Vec::new();
        for other in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let message = format!("\"concurrency\" has no \"{other}\" here");
            let near = did_you_mean(other, KEYS);
            let suggestion = near.unwrap_or_else(|| "write concurrency: {limit: 2}".to_owned());
            mistakes.push(Mistake { place: format!("/{other}"), message, suggestion });
        }
        if entries.is_empty() {
            let message = "\"concurrency\" has neither \"key\" nor \"limit\"".to_owned();
            mistakes.push(mistake("", message, "write {limit: 1}"));
        }
        let limit = entries.get("limit").map_or(Ok(1), limit);
        let key = entries.get("key").map(key).transpose();
        match (key, limit) {
            (Ok(key), Ok(limit)) if mistakes.is_empty() => Ok(Self { key, limit }),
            (key, limit) => {
                mistakes.extend(key.err().into_iter().chain(limit.err()));
                Err(mistakes)
            }
        }
    }
}

fn limit(value: &Value) -> Result<u64, Mistake> {
    value.as_u64().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
        let message = format!("\"concurrency.limit\" is a number from 1 to {MOST}, not {value}");
        mistake("/limit", message, "write a whole number")
    })
}

fn key(value: &Value) -> Result<Expression, Mistake> {
    let wrong = |message: String| mistake("/key", message, "write a path like .employee");
    let Some(text) = value.as_str() else {
        let message = "\"concurrency.key\" is a jq expression on the input of a run";
        return Err(wrong(format!("{message}, not {value}")));
    };
    let (bare, _) = expression::bare(text);
    let parsed = Expression::parse(bare)
        .map_err(|error| wrong(format!("\"concurrency.key\": {}", error.message)))?;
    match parsed.variables().first() {
        Some(variable) => {
            let message = "\"concurrency.key\" sees only the input";
            Err(wrong(format!("{message}, not ${variable}")))
        }
        None => Ok(parsed),
    }
}

fn mistake(place: &str, message: String, suggestion: &str) -> Mistake {
    Mistake { place: place.to_owned(), message, suggestion: suggestion.to_owned() }
}
