//! Events: those that start runs and those that runs listen to.

use serde_json::Value;

use super::{Reader, text};
use crate::{
    document::{Correlation, EventFilter, Foreach, ReadAs, Schedule, Strategy, Until},
    pointer::join,
};

impl<'d> Reader<'d> {
    pub(super) fn schedule(&mut self, source: &'d Value) -> Schedule {
        Schedule {
            every: self.span(source, "/schedule", "every"),
            after: self.span(source, "/schedule", "after"),
            cron: text(source, "cron").map(str::to_owned),
            on: source.get("on").map(|on| self.strategy(on, "/schedule/on")),
            read: read_as(source),
        }
    }

    pub(super) fn foreach(&mut self, source: &'d Value, at: &str) -> Foreach {
        let at = join(at, "foreach");
        Foreach {
            item: text(source, "item").unwrap_or("item").to_owned(),
            at: text(source, "at").unwrap_or("index").to_owned(),
            tasks: self.tasks(&source["do"], &join(&at, "do")),
            output: self.filter(source, &at, "output"),
            export: self.filter(source, &at, "export"),
        }
    }

    pub(super) fn strategy(&mut self, source: &Value, at: &str) -> Strategy {
        if let Some(one) = source.get("one") {
            return Strategy::One(self.event_filter(one, &join(at, "one")));
        }
        let filters = |reader: &mut Self, key: &str| -> Vec<EventFilter> {
            let items = source[key].as_array().into_iter().flatten().enumerate();
            items
                .map(|(index, item)| reader.event_filter(item, &format!("{at}/{key}/{index}")))
                .collect()
        };
        if source.get("all").is_some() {
            return Strategy::All(filters(self, "all"));
        }
        let filters = filters(self, "any");
        let until = match source.get("until") {
            None => None,
            Some(Value::String(_)) => self.expression(source, at, "until").map(Until::Condition),
            Some(strategy) => {
                Some(Until::Consumed(Box::new(self.strategy(strategy, &join(at, "until")))))
            }
        };
        Strategy::Any { filters, until }
    }

    fn event_filter(&mut self, source: &Value, at: &str) -> EventFilter {
        let object = |key: &str| source.get(key).and_then(Value::as_object).into_iter().flatten();
        let with = object("with")
            .map(|(name, template)| {
                (name.clone(), self.template(template, &join(&join(at, "with"), name)))
            })
            .collect();
        let correlate = object("correlate")
            .filter_map(|(name, correlation)| {
                let at = join(&join(at, "correlate"), name);
                let from = self.expression(correlation, &at, "from")?;
                Some(Correlation {
                    name: name.clone(),
                    from,
                    expect: self.entry(correlation, &at, "expect"),
                })
            })
            .collect();
        EventFilter { with, correlate }
    }
}

pub(super) fn read_as(parent: &Value) -> ReadAs {
    match text(parent, "read") {
        Some("envelope") => ReadAs::Envelope,
        Some("raw") => ReadAs::Raw,
        _ => ReadAs::Data,
    }
}
