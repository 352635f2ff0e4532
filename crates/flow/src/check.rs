//! What a definition says that cannot be right, found before any run.

mod arguments;
mod doubts;
mod order;
mod variables;

use serde_json::Value;

use crate::{
    document::{Call, Definition, Kind, Task, TaskList},
    pointer::join,
    problem::{Problem, did_you_mean},
    profile,
    template::Template,
};
use variables::Scope;

pub use doubts::warnings;

/// The functions that may be called by name.
pub trait Functions {
    /// `auth0.users.create:1@callboard`
    fn find(&self, name: &str) -> Option<FunctionSignature>;
    /// All names, for suggestions.
    fn names(&self) -> Vec<String>;
    /// The app that a function belongs to, for people: "BambooHR".
    fn app_title(&self, _name: &str) -> Option<String> {
        None
    }
    /// What an event of this type means, for people: "BambooHR says hired".
    fn event_title(&self, _event_type: &str) -> Option<String> {
        None
    }
}

/// What a function takes and gives.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSignature {
    /// For people: "Create User".
    pub title: String,
    /// JSON schema of the arguments.
    pub input: Value,
    /// JSON schema of the output.
    pub output: Value,
}

/// Every problem of a definition, in the order of the text.
pub fn check(definition: &Definition, functions: &dyn Functions) -> Vec<Problem> {
    let mut checker = Checker { definition, functions, problems: Vec::new(), exports: false };
    checker.workflow();
    let mut problems = checker.problems;
    problems.extend(profile::problems(definition));
    problems.sort_by(|left, right| {
        (left.line, left.column, &left.message).cmp(&(right.line, right.column, &right.message))
    });
    problems.dedup();
    problems.into_iter().map(|problem| problem.in_file(&definition.file)).collect()
}

struct Checker<'d> {
    definition: &'d Definition,
    functions: &'d dyn Functions,
    problems: Vec<Problem>,
    /// Whether any task writes the context.
    exports: bool,
}

impl Checker<'_> {
    fn push(&mut self, at: &str, message: impl Into<String>, suggestion: Option<String>) {
        let mut problem = self.definition.positions.problem(at, message);
        problem.suggestion = suggestion;
        self.problems.push(problem);
    }

    fn push_at_key(&mut self, at: &str, message: String, suggestion: Option<String>) {
        let mut problem = self.definition.positions.problem_at_key(at, message);
        problem.suggestion = suggestion;
        self.problems.push(problem);
    }

    fn workflow(&mut self) {
        let definition = self.definition;
        if !definition.document.dsl.starts_with("1.0.") {
            let message = format!("the language \"{}\" is not supported", definition.document.dsl);
            self.push("/document/dsl", message, Some("write dsl: 1.0.3".to_owned()));
        }
        if let Some(language) =
            definition.source.pointer("/evaluate/language").and_then(Value::as_str)
            && language != "jq"
        {
            let message = format!("expressions in \"{language}\" are not supported; write jq");
            self.push("/evaluate/language", message, None);
        }
        self.exports = exports(&definition.source);
        self.workflow_expressions();
        self.list(&definition.tasks, "/do", &Scope::default());
        for task in definition.functions.values() {
            self.task(task, &Scope::default());
        }
        for extension in &definition.extensions {
            self.extension_expression(extension);
            for list in [&extension.before, &extension.after].into_iter().flatten() {
                self.list(list, "", &Scope::default());
            }
        }
    }

    fn list(&mut self, tasks: &TaskList, at: &str, scope: &Scope) {
        self.order(tasks, at);
        for task in tasks.iter() {
            self.task(task, scope);
        }
    }

    fn task(&mut self, task: &Task, scope: &Scope) {
        self.task_expressions(task, scope);
        let at = &task.pointer;
        match &task.kind {
            Kind::Call(call) => self.call(task, call),
            Kind::Do(tasks) => self.list(tasks, &join(at, "do"), scope),
            Kind::For(each) => {
                let scope = scope.with(&each.each).with(&each.at);
                self.list(&each.tasks, &join(at, "do"), &scope);
            }
            Kind::Fork { branches, .. } => {
                self.duplicates(branches);
                for branch in branches.iter() {
                    self.list(&[branch.clone()].into(), "", scope);
                }
            }
            Kind::Listen(listen) => {
                if let Some(foreach) = &listen.foreach {
                    let scope = scope.with(&foreach.item).with(&foreach.at);
                    self.list(&foreach.tasks, &format!("{at}/foreach/do"), &scope);
                }
            }
            Kind::Try(attempt) => {
                self.list(&attempt.tasks, &join(at, "try"), scope);
                if let Some(handler) = &attempt.handler {
                    let scope = scope.with(&attempt.variable);
                    self.list(handler, &format!("{at}/catch/do"), &scope);
                }
            }
            Kind::Unsupported(sentence) => {
                self.push_at_key(at, format!("task {}: {sentence}", task.name), None);
            }
            Kind::Emit(_)
            | Kind::Raise(_)
            | Kind::Run(_)
            | Kind::Set(_)
            | Kind::Switch(_)
            | Kind::Wait(_) => {}
        }
    }

    fn call(&mut self, task: &Task, call: &Call) {
        match call {
            Call::Catalogued { name, arguments } => self.catalogued(task, name, arguments.as_ref()),
            Call::Reusable { name, arguments } => {
                let schema = join("/use/functions", name) + "/input/schema/document";
                if let Some(schema) = self.definition.source.pointer(&schema) {
                    self.arguments(task, name, schema, arguments.as_ref());
                }
            }
            Call::Http(_) | Call::OpenApi(_) | Call::Mcp(_) => {}
        }
    }

    fn catalogued(&mut self, task: &Task, name: &str, arguments: Option<&Template>) {
        if let Some(signature) = self.functions.find(name) {
            return self.arguments(task, name, &signature.input, arguments);
        }
        let at = join(&task.pointer, "call");
        if name.contains("://") {
            let message =
                format!("task {} calls {name}: functions are not fetched by address", task.name);
            let suggestion =
                "call a catalogued function, or put the function into \"use.functions\"";
            return self.push(&at, message, Some(suggestion.to_owned()));
        }
        let catalog = name.rsplit_once('@').map(|(_, catalog)| catalog);
        if catalog.is_some_and(|catalog| self.definition.catalogs.iter().any(|own| own == catalog))
        {
            let message =
                format!("task {} calls {name}: catalogues of others are not fetched", task.name);
            return self.push(&at, message, None);
        }
        let mut names = self.functions.names();
        names.extend(self.definition.functions.keys().cloned());
        names.sort();
        let suggestion = did_you_mean(name, names.iter().map(String::as_str)).or_else(|| {
            // "users.create" is far from the whole name and still says what is meant.
            let part = name.split([':', '@']).next().unwrap_or(name);
            let near = names.iter().filter(|known| !part.is_empty() && known.contains(part));
            let near: Vec<String> = near.take(3).map(|known| format!("\"{known}\"")).collect();
            (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
        });
        self.push(
            &at,
            format!("task {} calls \"{name}\", which does not exist", task.name),
            suggestion,
        );
    }
}

/// Whether any task writes the context.
fn exports(source: &Value) -> bool {
    match source {
        Value::Object(entries) => {
            entries.get("export").is_some_and(|export| export.get("as").is_some())
                || entries.values().any(exports)
        }
        Value::Array(items) => items.iter().any(exports),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
