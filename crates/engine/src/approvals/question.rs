//! What is asked: as a workflow writes it, and as it stands once it is asked.

use std::collections::BTreeSet;

use callboard_flow::duration;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fold::Call;
use crate::people::Caller;

/// Reminders do not come more often than this.
const SHORTEST_REMINDER: SignedDuration = SignedDuration::from_mins(1);
const MOST_ANSWERS: u32 = 10;

/// Arguments of the function.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) evidence: Value,
    #[serde(default)]
    pub(crate) from: Audience,
    #[serde(default)]
    pub(crate) four_eyes: bool,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default, deserialize_with = "span")]
    pub(crate) deadline: Option<SignedDuration>,
    #[serde(default)]
    pub(crate) on_deadline: OnDeadline,
    #[serde(default, deserialize_with = "span")]
    pub(crate) remind: Option<SignedDuration>,
    #[serde(default)]
    pub(crate) about: Option<Value>,
}

fn one() -> u32 {
    1
}

fn span<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<SignedDuration>, D::Error> {
    let written = Option::<Value>::deserialize(source)?;
    let read = written.map(|written| duration::parse(&written)).transpose();
    read.map_err(serde::de::Error::custom)
}

impl Ask {
    /// Reads the arguments; else a sentence on what is wrong with them.
    pub(crate) fn read(arguments: &Value) -> Result<Self, String> {
        let ask = Self::deserialize(arguments).map_err(|error| error.to_string())?;
        if ask.question.trim().is_empty() {
            return Err("`question` is empty".into());
        }
        if !(1..=MOST_ANSWERS).contains(&ask.count) {
            return Err(format!("`count` is {}, it can be 1 to {MOST_ANSWERS}", ask.count));
        }
        if ask.remind.is_some_and(|every| every < SHORTEST_REMINDER) {
            return Err("`remind` is shorter than a minute".into());
        }
        Ok(ask)
    }

    /// What the question is about.
    pub(crate) fn about(&self) -> Result<Option<About>, String> {
        About::read(self.about.as_ref())
    }
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    /// An action that reads it, now and again when somebody answers.
    Reading {
        function: String,
        arguments: Value,
        /// JSON pointers to what counts of it; all of it where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        compare: Vec<String>,
    },
    /// It cannot change.
    Value(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    call: String,
    #[serde(default)]
    with: Map<String, Value>,
    #[serde(default)]
    compare: Vec<String>,
}

impl About {
    fn read(source: Option<&Value>) -> Result<Option<Self>, String> {
        let source = match source {
            None | Some(Value::Null) => return Ok(None),
            Some(source) => source,
        };
        if source.get("call").is_none_or(|call| !call.is_string()) {
            return Ok(Some(Self::Value(source.clone())));
        }
        let Reading { call, with, compare } =
            Reading::deserialize(source).map_err(|error| format!("`about`: {error}"))?;
        if let Some(wrong) = compare.iter().find(|pointer| !pointer.starts_with('/')) {
            return Err(format!("`about.compare` has `{wrong}`; a JSON pointer begins with `/`"));
        }
        Ok(Some(Self::Reading { function: call, arguments: Value::Object(with), compare }))
    }

    /// The call that reads it.
    pub(crate) fn call(&self) -> Option<Call> {
        match self {
            Self::Reading { function, arguments, .. } => {
                Some(Call { function: function.clone(), arguments: arguments.clone() })
            }
            Self::Value(_) => None,
        }
    }

    /// What counts of what was seen.
    pub(crate) fn counting(&self, seen: &Value) -> Value {
        match self {
            Self::Reading { compare, .. } if !compare.is_empty() => {
                let parts = compare.iter().map(|pointer| {
                    (pointer.clone(), seen.pointer(pointer).cloned().unwrap_or_default())
                });
                Value::Object(parts.collect())
            }
            _ => seen.clone(),
        }
    }
}

/// Who may answer: these people, and those in these groups; everybody with the role where nobody is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

impl Audience {
    pub(crate) fn includes(&self, person: &Caller) -> bool {
        let anybody = self.people.is_empty() && self.groups.is_empty();
        anybody || self.people.contains(&person.name) || !self.groups.is_disjoint(&person.groups)
    }
}

/// What happens where nobody has answered in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDeadline {
    #[default]
    Reject,
    Approve,
    /// The step fails, so that the workflow can catch it.
    Fail,
}

impl OnDeadline {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Approve => "approve",
            Self::Fail => "fail",
        }
    }
}

/// A question as it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The same over all rounds.
    pub id: String,
    /// How often it has been asked, from 1.
    pub round: u32,
    pub question: String,
    /// What the workflow shows, its secrets sealed.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub evidence: Value,
    /// What it is about, as it was when it was asked, its secrets sealed.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub seen: Value,
    /// Hash of what counts of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<About>,
    pub from: Audience,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub four_eyes: bool,
    /// So many different people must approve.
    pub count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    #[serde(default)]
    pub on_deadline: OnDeadline,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_seconds: Option<i64>,
    /// Who asked for the run, or for one above it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requested_by: BTreeSet<String>,
}
