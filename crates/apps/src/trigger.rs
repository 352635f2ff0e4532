//! What an app announces: one signed delivery in, any number of events out.

use http::HeaderMap;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::template::Template;
use crate::webhook::{Unverified, Verification};

/// A webhook of an app.
#[derive(Debug, Clone)]
pub struct Trigger {
    pub app: String,
    /// The last part of its address: `/v1/hooks/{app}/{name}`.
    pub name: String,
    pub title: String,
    pub summary: String,
    /// Every type its events can have, for checks of workflows.
    pub event_types: Vec<String>,
    /// How Callboard reads the same events by itself, where it can.
    pub feed: Option<Feed>,
    /// Personal data in its events, in the register's words.
    pub personal_data: Vec<String>,
    pub(crate) filter: Option<Template>,
    pub(crate) verification: Verification,
    pub(crate) events: Events,
    /// Types that begin so are known too: the app may invent more of them.
    pub(crate) open_types: Option<String>,
    /// A delivery may be several JSON texts in a row.
    pub(crate) sequence: bool,
}

/// Where a tenant tells of its events when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    /// Its log, read by checkpoint.
    Log,
    /// Its stream of events.
    Events,
}

/// One event of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// `bamboohr.employee.created`.
    pub event_type: String,
    /// The same for every delivery of the same event.
    pub dedupe_key: String,
    /// What it is about: `employee/42`.
    pub subject: String,
    /// When it happened, where the app says so.
    pub time: Option<Timestamp>,
    pub data: Value,
}

/// How events are found in a delivery: `each` sees `{headers, body}`, the others see `{headers, item}` for each one.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    pub(crate) each: Template,
    pub(crate) kind: Template,
    pub(crate) dedupe_key: Template,
    pub(crate) subject: Template,
    pub(crate) time: Option<Template>,
    pub(crate) data: Template,
}

/// A delivery brings no more events than this.
const MOST_EVENTS: usize = 1_000;

/// Why a delivery that is signed correctly cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body is not what {app} sends to `{trigger}`: {why}")]
    UnknownShape { app: String, trigger: String, why: String },
    #[error(
        "the delivery brings {count} events, more than {MOST_EVENTS}; have the app send it in parts"
    )]
    TooMany { count: usize },
}

impl Trigger {
    /// Whether the app itself sent exactly these bytes, and recently.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<(), Unverified> {
        self.verification.check(headers, body, secret, now)
    }

    /// Whether a link must hold a signing secret for this trigger.
    pub fn needs_secret(&self) -> bool {
        !matches!(self.verification, Verification::None)
    }

    /// The events of a verified delivery. Deliveries of other kinds have none, which is no mistake.
    pub fn events(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Incoming>, Unreadable> {
        let body = self.read_body(body).map_err(|error| Unreadable::NotJson(error.to_string()))?;
        let headers = header_map(headers);
        let unknown_shape = |why| self.unknown_shape(why);
        let context = json!({ "headers": headers, "body": body });
        let each = self.events.each.evaluate(&context);
        let Value::Array(items) = each.map_err(|error| unknown_shape(error.to_string()))? else {
            return Err(unknown_shape("no list of events in it".to_owned()));
        };
        if items.len() > MOST_EVENTS {
            return Err(Unreadable::TooMany { count: items.len() });
        }
        self.read_items(&headers, items).map_err(unknown_shape)
    }

    /// Each item alone: with the whole delivery beside it, a long one would be read once for every item.
    fn read_items(&self, headers: &Value, items: Vec<Value>) -> Result<Vec<Incoming>, String> {
        let mut context = json!({ "headers": headers });
        let mut events = Vec::new();
        for item in items {
            context["item"] = item;
            events.extend(self.read_item(&context)?);
        }
        Ok(events)
    }

    /// The event in one item of a feed; none where the trigger does not want it.
    pub fn event_of(&self, item: &Value) -> Result<Option<Incoming>, Unreadable> {
        let read = self.read_item(&json!({ "headers": {}, "item": item }));
        read.map_err(|why| self.unknown_shape(why))
    }

    fn read_item(&self, context: &Value) -> Result<Option<Incoming>, String> {
        if let Some(filter) = &self.filter
            && !filter.holds(context).map_err(|error| error.to_string())?
        {
            return Ok(None);
        }
        let time = match &self.events.time {
            Some(time) => text(time, context, "time")?.parse().ok(),
            None => None,
        };
        Ok(Some(Incoming {
            event_type: self.known_type(&text(&self.events.kind, context, "type")?)?,
            dedupe_key: text(&self.events.dedupe_key, context, "dedupe_key")?,
            subject: text(&self.events.subject, context, "subject")?,
            time,
            data: self.events.data.evaluate(context).map_err(|error| error.to_string())?,
        }))
    }

    /// Whether its events may have this type.
    pub fn has_type(&self, kind: &str) -> bool {
        let is_open = |prefix: &String| kind.starts_with(prefix.as_str());
        self.event_types.iter().any(|known| known == kind)
            || self.open_types.as_ref().is_some_and(is_open)
    }

    fn read_body(&self, body: &[u8]) -> Result<Value, serde_json::Error> {
        if !self.sequence {
            return serde_json::from_slice(body);
        }
        let texts = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
        let mut texts: Vec<Value> = texts.collect::<Result<_, _>>()?;
        Ok(if texts.len() == 1 { texts.swap_remove(0) } else { Value::Array(texts) })
    }

    fn unknown_shape(&self, why: String) -> Unreadable {
        Unreadable::UnknownShape { app: self.app.clone(), trigger: self.name.clone(), why }
    }

    fn known_type(&self, kind: &str) -> Result<String, String> {
        if self.has_type(kind) {
            return Ok(kind.to_owned());
        }
        Err(format!("the event type `{kind}` is not one of {}", self.event_types.join(", ")))
    }
}

fn text(template: &Template, context: &Value, what: &str) -> Result<String, String> {
    match template.evaluate(context).map_err(|error| error.to_string())? {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("an event without {what}")),
    }
}

/// Headers as expressions see them: lower-case names, the last value of each.
pub(crate) fn header_map(headers: &HeaderMap) -> Value {
    let pairs = headers.iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        )
    });
    Value::Object(pairs.collect())
}
