//! The language's official schema, and its verdicts in words.
//!
//! The schema says "nothing of these fits"; of all alternatives the one that the author most likely meant is shown.

use std::{collections::HashMap, sync::OnceLock};

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::{pointer::join, problem::Problem, schema::Schema, yaml::Positions};

/// Facts of the schema of DSL 1.0.3, without its prose; see `NOTICE`.
const SCHEMA: &str = include_str!("../data/workflow.schema.json");
/// A definition with more mistakes than this is not a slip of the pen.
const MOST: usize = 20;

/// The official schema as JSON.
pub fn schema() -> &'static Value {
    static SCHEMA_JSON: OnceLock<Value> = OnceLock::new();
    SCHEMA_JSON.get_or_init(|| serde_json::from_str(SCHEMA).expect("the embedded schema is JSON"))
}

/// Kinds of tasks by the key that chooses them, and where their schema stands. `for` comes before the `do` it brings.
const KINDS: [(&str, &str); 12] = [
    ("for", "/$defs/forTask"),
    ("try", "/$defs/tryTask"),
    ("call", "/$defs/callTask"),
    ("do", "/$defs/doTask"),
    ("emit", "/$defs/emitTask"),
    ("fork", "/$defs/forkTask"),
    ("listen", "/$defs/listenTask"),
    ("raise", "/$defs/raiseTask"),
    ("run", "/$defs/runTask"),
    ("set", "/$defs/setTask"),
    ("switch", "/$defs/switchTask"),
    ("wait", "/$defs/waitTask"),
];
/// Calls that have a schema of their own, in the order of the schema; all others are functions.
const CALLS: [&str; 6] = ["asyncapi", "grpc", "http", "openapi", "a2a", "mcp"];

/// The schema taken apart. As one piece it tries every kind for every task, and again for each task inside: the time
/// for a mistake deep down would double with each level.
struct Parts {
    workflow: Schema,
    tasks: HashMap<String, Schema>,
}

impl Parts {
    fn get() -> &'static Self {
        static PARTS: OnceLock<Parts> = OnceLock::new();
        PARTS.get_or_init(|| Self::take_apart(schema().clone()))
    }

    /// Lists of tasks and functions become opaque; each task is checked by itself against its own kind.
    fn take_apart(mut whole: Value) -> Self {
        for opaque in ["/$defs/taskList/items", "/properties/use/properties/functions"] {
            if let Some(Value::Object(list)) = whole.pointer_mut(opaque) {
                list.insert(
                    "additionalProperties".to_owned(),
                    serde_json::json!({"type": "object"}),
                );
            }
        }
        let compile =
            |source: &Value| Schema::compile(source).expect("the embedded schema compiles");
        let part = |pointer: &str| {
            compile(&serde_json::json!({
                "$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": format!("#{pointer}")
            }))
        };
        let calls = CALLS.iter().map(|call| format!("call {call}")).chain(["call".to_owned()]);
        let calls = calls
            .enumerate()
            .map(|(index, key)| (key, part(&format!("/$defs/callTask/oneOf/{index}"))));
        let kinds = KINDS.iter().filter(|(key, _)| *key != "call");
        let tasks = kinds.map(|(key, pointer)| ((*key).to_owned(), part(pointer))).chain(calls);
        Self { tasks: tasks.collect(), workflow: compile(&whole) }
    }

    fn task(&self, task: &Value) -> Option<&Schema> {
        let (key, _) = KINDS.iter().find(|(key, _)| task.get(key).is_some())?;
        let call = task["call"].as_str().map(|call| format!("call {call}"));
        call.and_then(|call| self.tasks.get(&call)).or_else(|| self.tasks.get(*key))
    }
}

pub(crate) fn check(source: &Value, positions: &Positions) -> Vec<Problem> {
    let mut checker = Checker { source, positions, problems: Vec::new() };
    checker.part(&Parts::get().workflow, source, "");
    for (at, task) in tasks(source) {
        if checker.problems.len() >= MOST {
            break;
        }
        if let Some(schema) = Parts::get().task(task) {
            checker.part(schema, task, &at);
        }
    }
    let mut problems = checker.problems;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

struct Checker<'v> {
    source: &'v Value,
    positions: &'v Positions,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    /// Checks a part of the document that stands at a pointer.
    fn part(&mut self, schema: &Schema, part: &Value, at: &str) {
        let errors: Vec<ValidationError<'_>> =
            schema.validator().iter_errors(part).take(MOST).collect();
        for meant in telling(errors.iter().map(meant).collect()) {
            let at = format!("{at}{}", meant.instance_path());
            let message = format!("{}{}", owner(self.source, &at), sentence(meant));
            let problem = self.positions.problem(&at, message);
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
}

/// Every task of a document with its pointer, those inside others too.
fn tasks(source: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut lists = vec![("/do".to_owned(), &source["do"])];
    let uses = &source["use"];
    for (index, item) in uses["extensions"].as_array().into_iter().flatten().enumerate() {
        for (name, extension) in item.as_object().into_iter().flatten() {
            let at = join(&format!("/use/extensions/{index}"), name);
            lists.extend(["before", "after"].map(|key| (join(&at, key), &extension[key])));
        }
    }
    let mut open: Vec<(String, &Value)> = Vec::new();
    for (name, function) in uses["functions"].as_object().into_iter().flatten() {
        open.push((join("/use/functions", name), function));
    }
    loop {
        for (at, list) in lists.drain(..) {
            for (index, item) in list.as_array().into_iter().flatten().enumerate() {
                for (name, task) in item.as_object().into_iter().flatten() {
                    open.push((join(&format!("{at}/{index}"), name), task));
                }
            }
        }
        let Some((at, task)) = open.pop() else { return found };
        for key in ["do", "try"] {
            lists.push((join(&at, key), &task[key]));
        }
        for (outer, inner) in [("catch", "do"), ("foreach", "do"), ("fork", "branches")] {
            lists.push((format!("{at}/{outer}/{inner}"), &task[outer][inner]));
        }
        found.push((at, task));
    }
}

/// The innermost error of the alternative that fits best.
fn meant<'e, 'i>(error: &'e ValidationError<'i>) -> &'e ValidationError<'i> {
    let (Kind::OneOfNotValid { context } | Kind::AnyOf { context }) = error.kind() else {
        return error;
    };
    let here = error.instance_path();
    context
        .iter()
        .filter_map(|alternative| {
            let errors = telling(alternative.iter().map(meant).collect());
            // A value of another type belongs to another alternative.
            if errors.iter().any(|inner| other_value(inner) && inner.instance_path() == here) {
                return None;
            }
            let worst = errors.iter().map(|error| cost(error)).max()?;
            let total = worst + 5 * i64::try_from(errors.len()).unwrap_or(0);
            errors.into_iter().min_by_key(|error| cost(error)).map(|first| (total, first))
        })
        .min_by_key(|(total, _)| *total)
        .map_or(error, |(_, first)| first)
}

/// Whether the value is of another type than all that may stand there.
fn other_value(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        Kind::Type { .. } => true,
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
            context.iter().all(|alternative| {
                let here = error.instance_path();
                alternative.iter().any(|inner| other_value(inner) && inner.instance_path() == here)
            })
        }
        _ => false,
    }
}

/// The types that alternatives want where none of them takes the value's type.
fn wanted<'e>(error: &'e ValidationError<'_>, found: &mut Vec<&'e ValidationError<'e>>) {
    match error.kind() {
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => {
            context.iter().flatten().for_each(|inner| wanted(inner, found));
        }
        Kind::Type { .. } => found.push(error),
        _ => {}
    }
}

/// Without those that only follow from others: what is wrong below leaves keys above unaccounted for.
fn telling<'e, 'i>(errors: Vec<&'e ValidationError<'i>>) -> Vec<&'e ValidationError<'i>> {
    let follows =
        |error: &ValidationError<'_>| matches!(error.kind(), Kind::UnevaluatedProperties { .. });
    if errors.iter().all(|error| follows(error)) {
        return errors;
    }
    errors.into_iter().filter(|error| !follows(error)).collect()
}

/// How unlikely it is that an error of an alternative is what the author has to mend.
fn cost(error: &ValidationError<'_>) -> i64 {
    let depth = i64::try_from(error.instance_path().as_str().matches('/').count()).unwrap_or(0);
    let own = match error.kind() {
        // The word that chooses the alternative is another one.
        Kind::Constant { .. } | Kind::Not { .. } => 1_000,
        Kind::UnevaluatedProperties { .. } => 400,
        Kind::Required { .. } => 300,
        Kind::Type { .. } => 250,
        _ => 100,
    };
    own - 20 * depth
}

/// Keys whose value is a list of tasks.
const LISTS: [&str; 5] = ["do", "try", "branches", "before", "after"];

/// `task createUser: with.endpoint ` for a place inside a task.
fn owner(source: &Value, at: &str) -> String {
    let segments: Vec<&str> = at.split('/').skip(1).collect();
    let (mut task, mut rest, mut here) = (None, Vec::new(), source);
    for (index, segment) in segments.iter().enumerate() {
        let Some(next) = here.pointer(&format!("/{segment}")) else { break };
        let name = segment.replace("~1", "/").replace("~0", "~");
        let list = index.checked_sub(2).and_then(|before| segments.get(before));
        if here.is_object() && list.is_some_and(|list| LISTS.contains(list)) && next.is_object() {
            task = Some(name);
            rest.clear();
        } else {
            rest.push(name);
        }
        here = next;
    }
    let place = rest.join(".");
    match (task, place.is_empty()) {
        (Some(task), true) => format!("task {task} "),
        (Some(task), false) => format!("task {task}: {place} "),
        (None, true) => "the workflow ".to_owned(),
        (None, false) => format!("{place} "),
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    let given = shown(error.instance());
    match error.kind() {
        Kind::Required { property } => format!("lacks {property}"),
        Kind::Type { .. } => other_type(&[error], error.instance()),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has \"{}\", which does not belong there", unexpected.join("\", \""))
        }
        Kind::Enum { options } => format!("must be one of {options}, not {given}"),
        Kind::Constant { expected_value } => format!("must be {expected_value}, not {given}"),
        Kind::Pattern { .. } | Kind::Format { .. } => {
            let hint = form(error.instance_path().as_str());
            format!("does not have the right form: {given}{hint}")
        }
        Kind::MinItems { .. } | Kind::MinProperties { .. } => "is empty".to_owned(),
        Kind::OneOfNotValid { .. } | Kind::AnyOf { .. } => {
            let mut types = Vec::new();
            wanted(error, &mut types);
            types.retain(|inner| inner.instance_path() == error.instance_path());
            if types.is_empty() {
                format!("is nothing that may stand there: {given}")
            } else {
                other_type(&types, error.instance())
            }
        }
        Kind::OneOfMultipleValid { .. } => "fits several alternatives; keep one".to_owned(),
        _ => format!("is not valid: {}", error.masked_with("it")),
    }
}

/// What the right form looks like, by the key.
fn form(at: &str) -> &'static str {
    match at.rsplit('/').next() {
        Some("namespace" | "name") => "; use letters, digits and hyphens",
        Some("version" | "dsl") => "; write three numbers: 1.0.0",
        Some("after" | "delay" | "wait" | "duration" | "every" | "from" | "to" | "timeout") => {
            "; write PT5M or {minutes: 5}"
        }
        _ => "",
    }
}

/// `must be a mapping or a text, not 5`
fn other_type(errors: &[&ValidationError<'_>], given: &Value) -> String {
    let mut words: Vec<&str> = Vec::new();
    for error in errors {
        let Kind::Type { kind } = error.kind() else { continue };
        let names = match kind {
            TypeKind::Single(kind) => vec![kind.to_string()],
            TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect(),
        };
        for name in names {
            let word = match name.as_str() {
                "object" => "a mapping",
                "array" => "a list",
                "string" => "a text",
                "integer" => "a whole number",
                "boolean" => "true or false",
                "number" => "a number",
                _ => "empty",
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    let scalar = matches!(given, Value::Number(_) | Value::Bool(_) | Value::Null);
    let hint = if scalar && words == ["a text"] { "; put it in quotes" } else { "" };
    format!("must be {}, not {}{hint}", words.join(" or "), shown(given))
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}
