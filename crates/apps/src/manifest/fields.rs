//! A map of a manifest under reading: remembers which keys were asked for, so that what is left over is a mistake with
//! a suggestion, and collects every problem with file and line instead of stopping at the first.

use std::cell::RefCell;

use callboard_flow::{Problem, yaml::Positions};
use serde_json::{Map, Value};

use crate::template::{Template, escape};

/// One file of a manifest and what was found wrong in it so far.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) positions: Positions,
    /// Expressions of the embedded manifests are checked by a test, not at every start.
    trusted: bool,
    problems: RefCell<Vec<Problem>>,
}

impl Source {
    pub(crate) fn new(file: &str, positions: Positions, trusted: bool) -> Self {
        Self { file: file.to_owned(), positions, trusted, problems: RefCell::default() }
    }

    pub(crate) fn problem(&self, pointer: &str, message: String, suggestion: Option<String>) {
        let (line, column) =
            self.positions.key(pointer).map_or((0, 0), |position| (position.line, position.column));
        self.problems.borrow_mut().push(Problem {
            file: self.file.clone(),
            line,
            column,
            pointer: pointer.to_owned(),
            message,
            suggestion,
        });
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// The keys of one map. `what` names it in messages: ``action `slack.chat.post` ``.
pub(crate) struct Fields<'a> {
    pub(crate) source: &'a Source,
    pub(crate) pointer: String,
    pub(crate) what: String,
    map: Option<&'a Map<String, Value>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(source: &'a Source, pointer: &str, what: String, value: &'a Value) -> Self {
        let map = value.as_object();
        if map.is_none() {
            source.problem(pointer, format!("{what} must be a map of fields"), None);
        }
        Self { source, pointer: pointer.to_owned(), what, map, asked: RefCell::default() }
    }

    pub(crate) fn find(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(key);
        self.map?.get(key)
    }

    /// The value, or a problem that names the missing field.
    pub(crate) fn get(&self, key: &'static str) -> Option<&'a Value> {
        let found = self.find(key);
        if found.is_none() && self.map.is_some() {
            self.source.problem(&self.pointer, format!("{} lacks `{key}`", self.what), None);
        }
        found
    }

    pub(crate) fn wrong(&self, key: &str, expected: &str) {
        self.source.problem(
            &self.at(key),
            format!("`{key}` of {} must be {expected}", self.what),
            None,
        );
    }

    pub(crate) fn at(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, escape(key))
    }

    pub(crate) fn text(&self, key: &'static str) -> String {
        self.get(key).and_then(|value| self.as_text(key, value)).unwrap_or_default()
    }

    pub(crate) fn optional_text(&self, key: &'static str) -> Option<String> {
        self.find(key).and_then(|value| self.as_text(key, value))
    }

    fn as_text(&self, key: &str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(key, "a text");
        }
        text.map(str::to_owned)
    }

    pub(crate) fn number(&self, key: &'static str) -> f64 {
        let Some(value) = self.get(key) else { return 0.0 };
        value.as_f64().filter(|number| *number >= 0.0).unwrap_or_else(|| {
            self.wrong(key, "a number that is not negative");
            0.0
        })
    }

    pub(crate) fn optional_whole(&self, key: &'static str) -> Option<u64> {
        let whole = self.find(key)?.as_u64();
        if whole.is_none() {
            self.wrong(key, "a whole number");
        }
        whole
    }

    pub(crate) fn optional_texts(&self, key: &'static str) -> Vec<String> {
        self.find(key).map(|value| self.as_texts(key, value)).unwrap_or_default()
    }

    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.get(key).map(|value| self.as_texts(key, value)).unwrap_or_default()
    }

    fn as_texts(&self, key: &str, value: &Value) -> Vec<String> {
        let texts: Option<Vec<String>> = value
            .as_array()
            .and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        texts.unwrap_or_else(|| {
            self.wrong(key, "a list of texts");
            Vec::new()
        })
    }

    pub(crate) fn statuses(&self, key: &'static str) -> Vec<u16> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let read = |item: &Value| item.as_u64().and_then(|code| u16::try_from(code).ok());
        let statuses: Option<Vec<u16>> =
            value.as_array().and_then(|list| list.iter().map(read).collect());
        statuses.unwrap_or_else(|| {
            self.wrong(key, "a list of HTTP status codes");
            Vec::new()
        })
    }

    /// One of a few words, with a suggestion for a misspelt one.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
        fallback: T,
    ) -> T {
        let Some(value) = self.get(key) else { return fallback };
        let word = value.as_str().unwrap_or_default();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return *choice;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message =
            format!("`{key}` of {} must be one of {}, not `{word}`", self.what, names.join(", "));
        self.source.problem(&self.at(key), message, suggest(word, &names));
        fallback
    }

    pub(crate) fn optional_template(&self, key: &'static str) -> Option<Template> {
        self.find(key).map(|value| self.compile(key, value))
    }

    /// The template of an entry whose key is data.
    pub(crate) fn compile(&self, key: &str, value: &Value) -> Template {
        self.compile_at(&self.at(key), key, value)
    }

    pub(crate) fn compile_at(&self, pointer: &str, key: &str, value: &Value) -> Template {
        if self.source.trusted {
            return Template::trusted(value);
        }
        let mut mistakes = Vec::new();
        let template = Template::read(value, pointer, &mut mistakes);
        for (pointer, message) in mistakes {
            self.source.problem(
                &pointer,
                format!("{} has a mistake in `{key}`: {message}", self.what),
                None,
            );
        }
        template
    }

    pub(crate) fn template(&self, key: &'static str) -> Template {
        match self.get(key) {
            Some(_) => self.optional_template(key).unwrap_or_default(),
            None => Template::default(),
        }
    }

    pub(crate) fn optional_fields(&self, key: &'static str) -> Option<Fields<'a>> {
        let value = self.find(key)?;
        Some(Fields::new(self.source, &self.at(key), format!("`{key}` of {}", self.what), value))
    }

    pub(crate) fn fields(&self, key: &'static str) -> Option<Fields<'a>> {
        self.get(key).and_then(|_| self.optional_fields(key))
    }

    /// A list of maps; empty when it is absent.
    pub(crate) fn list(&self, key: &'static str) -> Vec<Fields<'a>> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.wrong(key, "a list");
            return Vec::new();
        };
        let read = items.iter().enumerate().map(|(index, item)| {
            let pointer = format!("{}/{index}", self.at(key));
            Fields::new(self.source, &pointer, format!("`{key}` {index} of {}", self.what), item)
        });
        read.collect()
    }

    /// Every entry of the map, whatever its name: for maps whose keys are data (actions, triggers, collections).
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.into_iter().flatten()
    }

    /// Call last: whatever nobody asked for is a mistake.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries().filter(|(key, _)| !asked.contains(&key.as_str())) {
            let message = format!("{} has an unknown field `{key}`", self.what);
            self.source.problem(&self.at(key), message, suggest(key, &asked));
        }
    }
}

/// The known name nearest to a misspelt one, if it is near enough to be what was meant.
pub(crate) fn suggest(word: &str, known: &[&str]) -> Option<String> {
    let scored =
        known.iter().map(|name| (strsim::normalized_damerau_levenshtein(word, name), *name));
    let best =
        scored.max_by(|left, right| left.0.total_cmp(&right.0)).filter(|(score, _)| *score >= 0.55);
    best.map(|(_, name)| format!("did you mean `{name}`?"))
}
