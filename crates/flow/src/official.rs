//! The language's official schema, and its verdicts in words.
//!
//! The schema says "nothing of these fits"; of all alternatives the one that the author most likely meant is shown.

mod words;

use std::{collections::HashMap, sync::OnceLock};

use jsonschema::ValidationError;
use serde_json::Value;

use words::{meant, owner, sentence, telling};

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
