//! YAML (and so JSON) text as a JSON value, with the place of every node.
//!
//! Read from the parser's events, not by recursion, so nesting, anchors and size all have a bound; a key that
//! appears twice in one mapping is an error and the message names both places.

use std::{borrow::Cow, collections::HashMap};

use saphyr::{Scalar, ScalarStyle, Tag};
use saphyr_parser::{Event, Marker, Parser, ScanError, Span};
use serde_json::{Map, Number, Value};

use crate::{pointer, problem::Problem};

/// Longest text that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting of mappings and sequences.
pub const MAX_DEPTH: usize = 100;
/// Most nodes that a document may have, those that aliases repeat included.
pub const MAX_NODES: usize = 400_000;

/// A place in the text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where each node of a document stands, by JSON pointer.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    values: HashMap<String, Position>,
    keys: HashMap<String, Position>,
    /// Where the text of a scalar on one line begins, behind its quote.
    texts: HashMap<String, Position>,
}

impl Positions {
    /// Where the value at `pointer` begins, or the nearest node that encloses it.
    pub fn value(&self, pointer: &str) -> Option<Position> {
        Self::nearest(&self.values, pointer)
    }

    /// Where the key of the value at `pointer` begins; the value itself where it has none.
    pub fn key(&self, pointer: &str) -> Option<Position> {
        self.keys.get(pointer).copied().or_else(|| self.value(pointer))
    }

    /// A problem at a character (from 0) of the text at `pointer`, where the text stands on one line.
    pub fn problem_inside(
        &self,
        pointer: &str,
        character: usize,
        message: impl Into<String>,
    ) -> Problem {
        let inside = self
            .texts
            .get(pointer)
            .map(|text| Position { column: text.column + character, ..*text });
        problem_at(inside.or_else(|| self.value(pointer)), pointer, message.into())
    }

    fn nearest(places: &HashMap<String, Position>, mut pointer: &str) -> Option<Position> {
        loop {
            if let Some(position) = places.get(pointer) {
                return Some(*position);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// A problem at the value at `pointer`.
    pub fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        problem_at(self.value(pointer), pointer, message.into())
    }

    /// A problem at the key of the value at `pointer`.
    pub fn problem_at_key(&self, pointer: &str, message: impl Into<String>) -> Problem {
        problem_at(self.key(pointer), pointer, message.into())
    }
}

fn problem_at(position: Option<Position>, pointer: &str, message: String) -> Problem {
    let (line, column) = position.map_or((0, 0), |at| (at.line, at.column));
    Problem {
        file: String::new(),
        line,
        column,
        pointer: pointer.to_owned(),
        message,
        suggestion: None,
    }
}

/// Reads one document. An empty text is `null`.
pub fn read(text: &str) -> Result<(Value, Positions), Problem> {
    if text.len() > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(problem_at(None, "", format!("the text is longer than {limit} MiB")));
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| scan_problem(&error))?;
        reader.event(event, span)?;
    }
    Ok((reader.root.unwrap_or(Value::Null), reader.positions))
}

fn scan_problem(error: &ScanError) -> Problem {
    problem_at(Some(position(*error.marker())), "", format!("not valid YAML: {}", error.info()))
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// A collection that has begun and not ended.
enum Open {
    Sequence { items: Vec<Value>, anchor: usize },
    Mapping { entries: Map<String, Value>, key: Option<String>, anchor: usize },
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    /// The pointer of the collection on top of `open`, one entry per open collection.
    paths: Vec<String>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
    root: Option<Value>,
    positions: Positions,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = span.start;
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.fail(at, "the text holds more than one document; keep one per file"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                if span.end.line() == at.line() && !self.expects_key() {
                    let quote = usize::from(style != ScalarStyle::Plain);
                    let text = Position { line: at.line(), column: at.col() + 1 + quote };
                    self.positions.texts.insert(self.next_path(), text);
                }
                self.scalar(text, style, anchor, tag.as_ref(), at)
            }
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.fail(at, "this alias names an anchor that has no value yet"));
                };
                self.count(size, at)?;
                let path = self.next_path();
                self.positions.values.insert(path, position(at));
                self.complete(value, 0, at)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Open::Sequence { items: Vec::new(), anchor }, at)
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Open::Mapping { entries: Map::new(), key: None, anchor }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.paths.pop();
                match self.open.pop() {
                    Some(Open::Sequence { items, anchor }) => {
                        self.complete(Value::Array(items), anchor, at)
                    }
                    Some(Open::Mapping { entries, anchor, .. }) => {
                        self.complete(Value::Object(entries), anchor, at)
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn fail(&self, at: Marker, message: impl Into<String>) -> Problem {
        let pointer = self.paths.last().cloned().unwrap_or_default();
        problem_at(Some(position(at)), &pointer, message.into())
    }

    fn count(&mut self, nodes: usize, at: Marker) -> Result<(), Problem> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.fail(at, format!("the document has more than {MAX_NODES} nodes")));
        }
        Ok(())
    }

    /// The pointer that the next value will have.
    fn next_path(&self) -> String {
        let path = self.paths.last().map_or("", String::as_str);
        match self.open.last() {
            Some(Open::Sequence { items, .. }) => format!("{path}/{}", items.len()),
            Some(Open::Mapping { key: Some(key), .. }) => pointer::join(path, key),
            Some(Open::Mapping { key: None, .. }) | None => path.to_owned(),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Mapping { key: None, .. }))
    }

    fn begin(&mut self, open: Open, at: Marker) -> Result<(), Problem> {
        if self.expects_key() {
            return Err(self.fail(at, "a key must be a plain text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fail(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, at)?;
        let path = self.next_path();
        self.positions.values.insert(path.clone(), position(at));
        self.paths.push(path);
        self.open.push(open);
        Ok(())
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Cow<'_, Tag>>,
        at: Marker,
    ) -> Result<(), Problem> {
        self.count(1, at)?;
        if self.expects_key() {
            return self.key(text.into_owned(), at);
        }
        let path = self.next_path();
        let shown = text.clone().into_owned();
        let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag);
        let value = match scalar {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Boolean(value)) => Value::Bool(value),
            Some(Scalar::Integer(value)) => Value::from(value),
            Some(Scalar::FloatingPoint(value)) => match Number::from_f64(value.into_inner()) {
                Some(number) => Value::Number(number),
                None => return Err(self.fail(at, format!("{shown} is not a number in JSON"))),
            },
            Some(Scalar::String(value)) => Value::String(value.into_owned()),
            None => return Err(self.fail(at, format!("\"{shown}\" does not fit its tag"))),
        };
        self.positions.values.insert(path, position(at));
        self.complete(value, anchor, at)
    }

    fn key(&mut self, name: String, at: Marker) -> Result<(), Problem> {
        let path = pointer::join(self.paths.last().map_or("", String::as_str), &name);
        let Some(Open::Mapping { entries, key, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        if name == "<<" {
            return Err(self.fail(at, "merge keys (\"<<\") are not supported; write the keys out"));
        }
        if entries.contains_key(&name) {
            let first = self.positions.keys.get(&path);
            let line = first.map_or(0, |place| place.line);
            let message = format!("the key \"{name}\" appears twice; the first is in line {line}");
            return Err(self.fail(at, message));
        }
        *key = Some(name);
        self.positions.keys.insert(path, position(at));
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, value: Value, anchor: usize, at: Marker) -> Result<(), Problem> {
        if anchor > 0 {
            let size = size(&value);
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.open.last_mut() {
            Some(Open::Sequence { items, .. }) => items.push(value),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => return Err(self.fail(at, "a key must be a plain text")),
            },
            None => self.root = Some(value),
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_node_has_a_place() {
        let (value, positions) = read("a:\n  - b: 1\n  - {c/d: x}\n").unwrap();
        assert_eq!(value, json!({"a": [{"b": 1}, {"c/d": "x"}]}));
        for (pointer, line, column) in
            [("/a", 2, 3), ("/a/0/b", 2, 8), ("/a/1", 3, 5), ("/a/1/c~1d", 3, 11)]
        {
            assert_eq!(positions.value(pointer), Some(Position { line, column }), "{pointer}");
        }
        assert_eq!(positions.key("/a/1/c~1d"), Some(Position { line: 3, column: 6 }));
        assert_eq!(positions.value("/a/0/b/none"), Some(Position { line: 2, column: 8 }));
    }

    #[test]
    fn scalars_have_json_types() {
        let text = "[null, ~, true, 12, -3, 1.5, 'true', \"12\", yes, 1e3, 2026-11-24, , ]";
        let (value, _) = read(&text.replace(", , ", ", ")).unwrap();
        assert_eq!(
            value,
            json!([null, null, true, 12, -3, 1.5, "true", "12", "yes", 1000.0, "2026-11-24"])
        );
    }

    #[test]
    fn json_is_read_too() {
        let (value, _) = read(r#"{"a": {"b": [1, "x\n", null]}}"#).unwrap();
        assert_eq!(value, json!({"a": {"b": [1, "x\n", null]}}));
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, line, part) in [
            ("a: 1\nb: 2\na: 3\n", 3, "appears twice; the first is in line 1"),
            ("a: [1, 2\n", 2, "not valid YAML"),
            ("a: 1\n---\nb: 2\n", 2, "more than one document"),
            ("? [a]\n: 1\n", 1, "a key must be a plain text"),
            ("a: *b\n", 1, "not valid YAML"),
            ("a: .inf\n", 1, "not a number"),
            ("<<: {a: 1}\n", 1, "merge keys"),
        ] {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.line, line, "{text}: {problem}");
            assert!(problem.message.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn anchors_are_copied_and_bounded() {
        let (value, _) = read("a: &x {k: 1}\nb: *x\n").unwrap();
        assert_eq!(value["b"], json!({"k": 1}));
        let mut bomb = String::from("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let items = [before.as_str(); 10].join(", ");
            bomb.extend(["a", &level.to_string(), ": &a", &level.to_string(), " [", &items, "]\n"]);
        }
        assert!(read(&bomb).unwrap_err().message.contains("nodes"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).unwrap_err().message.contains("deeper"));
    }
}
