//! From a schema-checked JSON value to the types. What still can be wrong is reported, all of it.

mod calls;
mod events;
mod fan_out;
mod tasks;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Definition, Document, Extension, Filter, Task};
use crate::{
    duration::Span,
    expression::{Expression, value},
    pointer::join,
    problem::{Problem, Problems, did_you_mean},
    schema::Schema,
    template::{self, Report, Template},
    yaml::Positions,
};

pub(crate) fn read(
    file: &str,
    source: Value,
    positions: Positions,
) -> Result<Definition, Problems> {
    let document: Document = match serde_json::from_value(source["document"].clone()) {
        Ok(document) => document,
        Err(error) => return Err(positions.problem("/document", error.to_string()).into()),
    };
    let mut reader = Reader { source: &source, positions: &positions, problems: Vec::new() };
    let tasks = reader.tasks(&source["do"], "/do");
    let functions = reader.functions();
    let extensions = reader.extensions();
    let (input, output) =
        (reader.filter(&source, "", "input"), reader.filter(&source, "", "output"));
    let timeout = reader.timeout(&source, "");
    let schedule = source.get("schedule").map(|schedule| reader.schedule(schedule));
    let mut problems = reader.problems;
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(Problems(problems));
    }
    let names = |key: &str| match source.pointer(&format!("/use/{key}")) {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Value::Object(entries)) => entries.keys().cloned().collect(),
        _ => Vec::new(),
    };
    Ok(Definition {
        file: file.to_owned(),
        hash: hash(&source),
        input,
        output,
        timeout,
        schedule,
        tasks,
        functions,
        extensions,
        secrets: names("secrets"),
        catalogs: names("catalogs"),
        value: value::from_json(&source),
        document,
        positions,
        source,
    })
}

fn hash(source: &Value) -> String {
    let canonical = sorted(source).to_string();
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let ordered: BTreeMap<&String, &Value> = entries.iter().collect();
            Value::Object(
                ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

struct Reader<'d> {
    source: &'d Value,
    positions: &'d Positions,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    fn report(&mut self, at: &str, message: impl Into<String>) {
        self.problems.push(self.positions.problem(at, message));
    }

    fn reporting<T>(&mut self, read: impl FnOnce(Report<'_>) -> T) -> T {
        let (positions, problems) = (self.positions, &mut self.problems);
        read(&mut |at, character, message| {
            problems.push(match character {
                Some(character) => positions.problem_inside(at, character, message),
                None => positions.problem(at, message),
            });
        })
    }

    fn template(&mut self, source: &Value, at: &str) -> Template {
        self.reporting(|report| Template::read(source, at, report))
    }

    fn bare(&mut self, source: &Value, at: &str) -> Template {
        self.reporting(|report| Template::read_bare(source, at, report))
    }

    fn entry(&mut self, parent: &Value, at: &str, key: &str) -> Option<Template> {
        parent.get(key).map(|source| self.template(source, &join(at, key)))
    }

    fn expression(&mut self, parent: &Value, at: &str, key: &str) -> Option<Expression> {
        let text = parent.get(key)?.as_str()?;
        self.reporting(|report| template::parse(text, &join(at, key), true, report))
    }

    fn span(&mut self, parent: &Value, at: &str, key: &str) -> Option<Span> {
        let source = parent.get(key)?;
        self.reporting(|report| Span::read(source, &join(at, key), report))
    }

    /// A component given in place, or by its name among `use.<section>`.
    fn component(
        &mut self,
        given: &'d Value,
        at: &str,
        section: &str,
    ) -> Option<(&'d Value, String)> {
        let Value::String(name) = given else {
            return Some((given, at.to_owned()));
        };
        let components = format!("/use/{section}");
        let defined = self.source.pointer(&components).and_then(Value::as_object);
        if let Some(found) = defined.and_then(|defined| defined.get(name)) {
            return Some((found, join(&components, name)));
        }
        let names = defined.map(|defined| defined.keys().map(String::as_str)).into_iter().flatten();
        let mut problem =
            self.positions.problem(at, format!("there is no \"{name}\" among use.{section}"));
        problem.suggestion = did_you_mean(name, names);
        self.problems.push(problem);
        None
    }

    fn timeout(&mut self, parent: &'d Value, at: &str) -> Option<Span> {
        let given = parent.get("timeout")?;
        if given.is_string() && crate::duration::parse(given).is_ok() {
            let mut problem =
                self.positions.problem(&join(at, "timeout"), "a timeout is a mapping");
            problem.suggestion =
                Some(format!("write timeout: {{after: {}}}", given.as_str().unwrap_or_default()));
            self.problems.push(problem);
            return None;
        }
        let (timeout, at) = self.component(given, &join(at, "timeout"), "timeouts")?;
        self.span(timeout, &at, "after")
    }

    fn filter(&mut self, parent: &'d Value, at: &str, key: &str) -> Filter {
        let Some(source) = parent.get(key) else {
            return Filter::default();
        };
        let at = join(at, key);
        let place = if key == "input" { "from" } else { "as" };
        Filter {
            schema: source
                .get("schema")
                .and_then(|schema| self.schema(schema, &join(&at, "schema"))),
            transform: source.get(place).map(|source| self.bare(source, &join(&at, place))),
        }
    }

    fn schema(&mut self, source: &Value, at: &str) -> Option<Schema> {
        let format = source.get("format").and_then(Value::as_str).unwrap_or("json");
        if format.split(':').next() != Some("json") {
            self.report(
                at,
                format!("schemas in the format \"{format}\" are not supported; use json"),
            );
            return None;
        }
        let Some(document) = source.get("document") else {
            self.report(
                at,
                "schemas are not fetched from elsewhere; write it here as \"document\"",
            );
            return None;
        };
        match Schema::compile(document) {
            Ok(schema) => Some(schema),
            Err(message) => {
                self.report(&join(at, "document"), message);
                None
            }
        }
    }

    fn functions(&mut self) -> BTreeMap<String, Arc<Task>> {
        let mut functions = BTreeMap::new();
        if let Some(Value::Object(entries)) = self.source.pointer("/use/functions") {
            for (name, source) in entries {
                let at = join("/use/functions", name);
                functions.insert(name.clone(), Arc::new(self.task(name, source, &at)));
            }
        }
        functions
    }

    fn extensions(&mut self) -> Vec<Extension> {
        let mut extensions = Vec::new();
        let Some(Value::Array(items)) = self.source.pointer("/use/extensions") else {
            return extensions;
        };
        for (index, item) in items.iter().enumerate() {
            for (name, source) in item.as_object().into_iter().flatten() {
                let at = join(&format!("/use/extensions/{index}"), name);
                let list = |reader: &mut Self, key: &str| {
                    source.get(key).map(|tasks| reader.tasks(tasks, &join(&at, key)))
                };
                extensions.push(Extension {
                    name: name.clone(),
                    extend: text(source, "extend").unwrap_or("all").to_owned(),
                    before: list(self, "before"),
                    after: list(self, "after"),
                    when: self.expression(source, &at, "when"),
                });
            }
        }
        extensions
    }
}

fn text<'v>(parent: &'v Value, key: &str) -> Option<&'v str> {
    parent.get(key)?.as_str()
}
