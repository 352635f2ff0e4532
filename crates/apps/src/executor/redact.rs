//! What history may show of a request and its answer.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::app::Redact;

/// Longest body that is kept, as JSON text.
const LONGEST: usize = 8 * 1024;
/// Shorter values are not searched for in texts: they would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// A secret of at most so many small letters is taken for a word.
const LONGEST_WORD: usize = 8;

pub(crate) const SECRET: &str = "[secret]";
const PERSONAL: &str = "[personal]";

/// Masks fields by name, and secret values wherever they stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor {
    secret: Vec<String>,
    personal: Vec<String>,
    values: Values,
}

/// Secret texts; `Debug` shows none.
#[derive(Clone, Default)]
struct Values(Vec<String>);

impl std::fmt::Debug for Values {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} values", self.0.len())
    }
}

impl Redactor {
    pub(crate) fn new(redact: &Redact) -> Self {
        Self {
            secret: redact.secret.clone(),
            personal: redact.personal.clone(),
            values: Values::default(),
        }
    }

    /// From now on these fields are not personal.
    pub(crate) fn show(&mut self, names: &[String]) {
        self.personal.retain(|personal| !names.contains(personal));
    }

    /// From now on this text is masked wherever it appears.
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        if encoded != secret {
            self.values.0.push(encoded);
        }
        self.values.0.push(secret.to_owned());
    }

    /// Hides every text inside the value.
    pub(crate) fn hide_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.hide(text),
            Value::Array(items) => items.iter().for_each(|item| self.hide_all(item)),
            Value::Object(map) => map.values().for_each(|value| self.hide_all(value)),
            _ => {}
        }
    }

    /// For history: fields and secret values masked, size bounded.
    pub(crate) fn body(&self, value: &Value) -> Value {
        let masked = self.mask(value);
        let text = masked.to_string();
        if text.len() <= LONGEST {
            return masked;
        }
        let start: String = text.chars().take(LONGEST / 4).collect();
        json!({ "shortened": true, "bytes": text.len(), "start": start })
    }

    pub(crate) fn url(&self, base: &str, query: &[(String, String)]) -> String {
        let mut url = self.text(base);
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            let shown = self.by_name(name).map_or_else(|| self.text(value), str::to_owned);
            url.extend([name, "=", &shown]);
        }
        url
    }

    /// Only secret values masked: for what is handed on, like outputs and error bodies.
    pub(crate) fn values_only(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.values_only(item)).collect(),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (key.clone(), self.values_only(value)));
                Value::Object(entries.collect())
            }
            other => other.clone(),
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.values.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), SECRET);
            }
        }
        text
    }

    /// For our own sentences: as [`text`](Self::text), but a secret that is a short ordinary word stays, since it would
    /// be found among ours.
    pub(crate) fn prose(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.values.0.iter().filter(|secret| !is_word(secret)) {
            text = text.replace(secret.as_str(), SECRET);
        }
        text
    }

    /// Fields and secret values masked, in full length.
    pub(crate) fn mask(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut masked = Map::new();
                for (key, value) in map {
                    let shown = match self.by_name(key) {
                        Some(mask) if !value.is_null() => Value::from(mask),
                        _ => self.mask(value),
                    };
                    masked.insert(self.text(key), shown);
                }
                Value::Object(masked)
            }
            Value::Array(items) => items.iter().map(|item| self.mask(item)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            other => other.clone(),
        }
    }

    fn by_name(&self, name: &str) -> Option<&'static str> {
        let listed = |names: &[String]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if listed(&self.secret) {
            return Some(SECRET);
        }
        listed(&self.personal).then_some(PERSONAL)
    }
}

fn is_word(secret: &str) -> bool {
    secret.len() <= LONGEST_WORD && secret.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// What stands at a pointer, with the place; `*` in the pointer is every member.
pub(crate) fn places(value: &Value, pointer: &str) -> Vec<(String, Value)> {
    let Some((before, after)) = pointer.split_once("/*") else {
        return value
            .pointer(pointer)
            .map(|found| (pointer.to_owned(), found.clone()))
            .into_iter()
            .collect();
    };
    let members: Vec<String> = match value.pointer(before) {
        Some(Value::Array(items)) => (0..items.len()).map(|index| index.to_string()).collect(),
        Some(Value::Object(map)) => {
            map.keys().map(|name| name.replace('~', "~0").replace('/', "~1")).collect()
        }
        _ => Vec::new(),
    };
    let below = members.iter().flat_map(|member| {
        let inner = value.pointer(&format!("{before}/{member}")).map(|inner| places(inner, after));
        let place = move |(rest, found)| (format!("{before}/{member}{rest}"), found);
        inner.unwrap_or_default().into_iter().map(place)
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_or_personal_is_left() {
        let redact = Redact { secret: vec!["password".into()], personal: vec!["email".into()] };
        let mut redactor = Redactor::new(&redact);
        redactor.hide("s3cr3t/ticket");
        let shown = redactor.body(&json!({
            "email": "ada@example.org", "Password": "x", "password": null, "n": 1,
            "deep": [{"email": {"home": "a@b"}, "html": "click s3cr3t/ticket or s3cr3t%2Fticket"}],
        }));
        let expected = json!({
            "email": "[personal]", "Password": "[secret]", "password": null, "n": 1,
            "deep": [{"email": "[personal]", "html": "click [secret] or [secret]"}],
        });
        assert_eq!(shown, expected);
        let query =
            [("email".to_owned(), "a@b".to_owned()), ("q".to_owned(), "s3cr3t/ticket".to_owned())];
        assert_eq!(redactor.url("https://x/y", &query), "https://x/y?email=[personal]&q=[secret]");
    }

    #[test]
    fn a_secret_that_is_a_word_is_masked_in_data_and_left_in_our_sentences() {
        let mut redactor = Redactor::default();
        for secret in ["host", "k3y-of-ada"] {
            redactor.hide(secret);
        }
        let sentence = "the host x is not reached with k3y-of-ada";
        assert_eq!(redactor.prose(sentence), "the host x is not reached with [secret]");
        assert_eq!(redactor.mask(&json!({"said": "host!"})), json!({"said": "[secret]!"}));
    }

    #[test]
    fn a_star_is_every_member() {
        let value = json!({"codes": [{"code": 1}, {"other": 2}, {"code": 3}], "by": {"a/b": [4]}});
        for (pointer, expected) in [
            ("/codes/*/code", vec![("/codes/0/code", json!(1)), ("/codes/2/code", json!(3))]),
            ("/by/*/0", vec![("/by/a~1b/0", json!(4))]),
            ("/codes/1/other", vec![("/codes/1/other", json!(2))]),
            ("/by/*/*", vec![("/by/a~1b/0", json!(4))]),
            ("/nowhere/*", vec![]),
        ] {
            let expected: Vec<_> =
                expected.into_iter().map(|(place, found)| (place.to_owned(), found)).collect();
            assert_eq!(places(&value, pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn a_long_body_is_shortened() {
        let shown = Redactor::default().body(&json!({ "text": "x".repeat(100_000) }));
        assert_eq!(shown["shortened"], true);
        assert!(shown.to_string().len() < 4 * 1024);
    }
}
