//! Runs that take turns: those of one workflow whose input gives the same `concurrency` key stand in one lane.
//!
//! The key is worked out once, when a run is made, and stands in its first entry. Who goes and who waits is decided by
//! the store in the transaction that creates a run or ends one; a run that waits reads so in its journal, is woken by
//! nothing but a signal, and learns of its turn by one.

use callboard_flow::profile::Concurrency;
use callboard_flow::{ErrorKind, WorkflowError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::journal::{Entry, Fact};
use crate::sealing::masked;
use crate::start::canonical;
use crate::store::NewRun;

/// A longer key is kept as its hash.
const LONGEST_KEY: usize = 200;

/// Where a run stands among others of its workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// So many runs of the workflow with this key go at a time; an empty key is that of all of them.
    Turns { key: String, limit: u32 },
    /// The input gives no key: the run fails before it does anything.
    Failed { why: String },
}

impl Lane {
    /// The lane for an input. None where the workflow wants none, and where the key is null or empty.
    pub(crate) fn of(concurrency: Option<&Concurrency>, input: &Value) -> Option<Self> {
        let Concurrency { key, limit } = concurrency?;
        let limit = u32::try_from(*limit).unwrap_or(u32::MAX);
        let Some(expression) = key else {
            return Some(Self::Turns { key: String::new(), limit });
        };
        match expression.evaluate(&masked(input), &Map::new()) {
            Ok(Value::Null) => None,
            Ok(Value::String(key)) if key.is_empty() => None,
            Ok(key) => Some(Self::Turns { key: spelled(&key), limit }),
            Err(error) => Some(Self::Failed { why: error.to_string() }),
        }
    }

    /// How a run without a key ends.
    pub(crate) fn failure(&self) -> Option<WorkflowError> {
        let Self::Failed { why } = self else { return None };
        let why = format!("the concurrency key cannot be told from the input: {why}");
        Some(WorkflowError::new(ErrorKind::Expression, why))
    }
}

/// Text as it is, all else as JSON, so that `42` and `"42"` are the same key. What a database may not take is hashed.
fn spelled(key: &Value) -> String {
    let text = key.as_str().map_or_else(|| canonical(key), str::to_owned);
    if text.len() > LONGEST_KEY || text.contains(char::is_control) {
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    } else {
        text
    }
}

/// The lane of a run by its first entry.
pub(crate) fn lane_of(first: &Entry) -> Option<&Lane> {
    match &first.fact {
        Fact::Started { lane, .. } => lane.as_ref(),
        _ => None,
    }
}

impl NewRun {
    pub(crate) fn lane(&self) -> Option<&Lane> {
        lane_of(&self.first)
    }
}

#[cfg(test)]
mod tests {
    use callboard_flow::expression::Expression;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_text_or_json_or_nothing() {
        let key = |key: &str| Some(Lane::Turns { key: key.into(), limit: 2 });
        let long = json!({"a": "x".repeat(201)});
        for (input, lane) in [
            (json!({"a": "42"}), key("42")),
            (json!({"a": 42}), key("42")),
            (json!({"a": {"c": 1, "b": [true]}}), key(r#"{"b":[true],"c":1}"#)),
            (json!({"a": null}), None),
            (json!({"a": ""}), None),
            (json!({}), None),
        ] {
            let expression = Some(Expression::parse(".a").unwrap());
            let concurrency = Concurrency { key: expression, limit: 2 };
            assert_eq!(Lane::of(Some(&concurrency), &input), lane, "{input}");
            let Some(Lane::Turns { key, .. }) = Lane::of(Some(&concurrency), &long) else {
                panic!("a long key is one too")
            };
            assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
            let failed = Lane::of(Some(&concurrency), &json!([1])).unwrap();
            assert!(failed.failure().is_some(), "{failed:?}");
        }
        assert_eq!(Lane::of(None, &json!({})), None);
        let whole = Concurrency { key: None, limit: 2 };
        assert_eq!(Lane::of(Some(&whole), &json!([1])), key(""));
    }
}
