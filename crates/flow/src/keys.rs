//! The words of the language: which keys stand where. Told before the schema is asked, since a wrong key is the most
//! frequent mistake and the schema can only say that nothing fits.

use serde_json::Value;

use crate::{
    pointer::join,
    problem::{Problem, did_you_mean},
    yaml::Positions,
};

/// Keys of every task.
const COMMON: [&str; 7] = ["if", "input", "output", "export", "timeout", "then", "metadata"];
/// What a task does, and the keys that belong to it.
const KINDS: [(&str, &[&str]); 12] = [
    ("call", &["call", "with"]),
    ("for", &["for", "while", "do"]),
    ("try", &["try", "catch"]),
    ("do", &["do"]),
    ("emit", &["emit"]),
    ("fork", &["fork"]),
    ("listen", &["listen", "foreach"]),
    ("raise", &["raise"]),
    ("run", &["run"]),
    ("set", &["set"]),
    ("switch", &["switch"]),
    ("wait", &["wait"]),
];
const WORKFLOW: [&str; 9] =
    ["document", "input", "use", "do", "timeout", "output", "schedule", "evaluate", "$schema"];
const DOCUMENT: [&str; 8] =
    ["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"];
const USE: [&str; 8] = [
    "authentications",
    "errors",
    "extensions",
    "functions",
    "retries",
    "secrets",
    "timeouts",
    "catalogs",
];
const SCHEDULE: [&str; 5] = ["every", "cron", "after", "on", "read"];
const CATCH: [&str; 7] = ["errors", "as", "when", "exceptWhen", "retry", "do", "then"];
const RETRY: [&str; 6] = ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];
const HTTP: [&str; 7] = ["method", "endpoint", "headers", "body", "query", "output", "redirect"];
const OPENAPI: [&str; 6] =
    ["document", "operationId", "parameters", "authentication", "output", "redirect"];
const LIMIT: [&str; 2] = ["attempt", "duration"];
const ATTEMPT: [&str; 2] = ["count", "duration"];
const BACKOFF: [&str; 3] = ["constant", "linear", "exponential"];
const ENDPOINT: [&str; 2] = ["uri", "authentication"];
const STRATEGY: [&str; 4] = ["one", "any", "all", "until"];
const EVENT_FILTER: [&str; 2] = ["with", "correlate"];
const FOR: [&str; 3] = ["each", "in", "at"];
const FORK: [&str; 2] = ["branches", "compete"];
const LISTEN: [&str; 2] = ["to", "read"];
const FOREACH: [&str; 5] = ["item", "at", "do", "output", "export"];
const RUN: [&str; 6] = ["workflow", "container", "script", "shell", "await", "return"];
const SUBFLOW: [&str; 4] = ["namespace", "name", "version", "input"];
const CASE: [&str; 2] = ["when", "then"];
const ERROR: [&str; 5] = ["type", "status", "title", "detail", "instance"];
const DURATION: [&str; 5] = ["days", "hours", "minutes", "seconds", "milliseconds"];

pub(crate) fn check(source: &Value, positions: &Positions) -> Vec<Problem> {
    let mut keys = Keys { positions, problems: Vec::new() };
    let Value::Object(_) = source else {
        return vec![positions.problem("", "a workflow is a mapping with \"document\" and \"do\"")];
    };
    keys.known(source, "", "the workflow", &WORKFLOW);
    for key in ["document", "do"] {
        if source.get(key).is_none() {
            keys.push("", format!("the workflow lacks \"{key}\""), None);
        }
    }
    keys.known(&source["document"], "/document", "\"document\"", &DOCUMENT);
    for key in ["dsl", "namespace", "name", "version"] {
        if source["document"].is_object() && source["document"].get(key).is_none() {
            keys.push("/document", format!("\"document\" lacks \"{key}\""), None);
        }
    }
    keys.known(&source["schedule"], "/schedule", "\"schedule\"", &SCHEDULE);
    keys.timeout(source, "", "the workflow");
    keys.filters(source, "", "the workflow");
    keys.strategy(&source["schedule"]["on"], "/schedule/on", "\"on\" of the schedule");
    let uses = &source["use"];
    keys.known(uses, "/use", "\"use\"", &USE);
    keys.entries(&uses["functions"], "/use/functions", |keys, name, task, at| {
        keys.task(name, task, at);
    });
    keys.entries(&uses["errors"], "/use/errors", |keys, name, error, at| {
        keys.known(error, at, &format!("the error {name}"), &ERROR);
    });
    keys.entries(&uses["retries"], "/use/retries", |keys, name, retry, at| {
        keys.retry(retry, at, &format!("the retry policy {name}"));
    });
    for (index, item) in uses["extensions"].as_array().into_iter().flatten().enumerate() {
        keys.entries(item, &format!("/use/extensions/{index}"), |keys, name, extension, at| {
            let known = ["extend", "when", "before", "after"];
            keys.known(extension, at, &format!("the extension {name}"), &known);
            keys.tasks(&extension["before"], &join(at, "before"));
            keys.tasks(&extension["after"], &join(at, "after"));
        });
    }
    keys.tasks(&source["do"], "/do");
    keys.problems
}

struct Keys<'p> {
    positions: &'p Positions,
    problems: Vec<Problem>,
}

impl Keys<'_> {
    fn push(&mut self, at: &str, message: String, suggestion: Option<String>) {
        let mut problem = self.positions.problem_at_key(at, message);
        problem.suggestion = suggestion;
        self.problems.push(problem);
    }

    fn known(&mut self, source: &Value, at: &str, owner: &str, known: &[&str]) {
        for key in source.as_object().into_iter().flat_map(|entries| entries.keys()) {
            if !known.contains(&key.as_str()) {
                let suggestion = did_you_mean(key, known.iter().copied())
                    .or_else(|| Some(format!("it may have {}", listed(known))));
                self.push(&join(at, key), format!("{owner} has \"{key}\""), suggestion);
            }
        }
    }

    fn entries(
        &mut self,
        source: &Value,
        at: &str,
        mut each: impl FnMut(&mut Self, &str, &Value, &str),
    ) {
        for (name, entry) in source.as_object().into_iter().flatten() {
            each(self, name, entry, &join(at, name));
        }
    }

    fn timeout(&mut self, parent: &Value, at: &str, owner: &str) {
        if let Some(timeout @ Value::Object(_)) = parent.get("timeout") {
            let at = join(at, "timeout");
            self.known(timeout, &at, &format!("the timeout of {owner}"), &["after"]);
            self.known(&timeout["after"], &join(&at, "after"), "a duration", &DURATION);
        }
    }

    /// `input`, `output` and `export`, which are often written as the expression that belongs inside.
    fn filters(&mut self, parent: &Value, at: &str, owner: &str) {
        for (key, inside) in [("input", "from"), ("output", "as"), ("export", "as")] {
            let filter = &parent[key];
            let at = join(at, key);
            self.known(filter, &at, &format!("\"{key}\" of {owner}"), &["schema", inside]);
            if let Value::String(text) = filter {
                let suggestion = format!("write {key}: {{{inside}: '{text}'}}");
                self.push(&at, format!("\"{key}\" of {owner} must be a mapping"), Some(suggestion));
            }
        }
    }

    fn retry(&mut self, source: &Value, at: &str, owner: &str) {
        self.known(source, at, owner, &RETRY);
        let (limit, at_limit) = (&source["limit"], join(at, "limit"));
        self.known(limit, &at_limit, &format!("\"limit\" of {owner}"), &LIMIT);
        let attempt = format!("\"attempt\" of {owner}");
        self.known(&limit["attempt"], &join(&at_limit, "attempt"), &attempt, &ATTEMPT);
        let (backoff, at_backoff) = (&source["backoff"], join(at, "backoff"));
        self.known(backoff, &at_backoff, &format!("\"backoff\" of {owner}"), &BACKOFF);
        if let Value::String(word) = backoff {
            let message = format!("\"backoff\" of {owner} must be a mapping");
            self.push(&at_backoff, message, Some(format!("write backoff: {{{word}: {{}}}}")));
        }
    }

    fn strategy(&mut self, source: &Value, at: &str, owner: &str) {
        self.known(source, at, owner, &STRATEGY);
        let mut filters = vec![(&source["one"], join(at, "one"))];
        for key in ["any", "all"] {
            let items = source[key].as_array().into_iter().flatten().enumerate();
            filters.extend(items.map(|(index, filter)| (filter, format!("{at}/{key}/{index}"))));
        }
        for (filter, at) in filters {
            self.known(filter, &at, "an event filter", &EVENT_FILTER);
        }
    }

    fn tasks(&mut self, source: &Value, at: &str) {
        match source {
            Value::Null => {}
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    match item.as_object() {
                        Some(entries) if entries.len() == 1 => {
                            self.entries(item, &at, |keys, name, task, at| {
                                keys.task(name, task, at);
                            });
                        }
                        Some(entries) if entries.len() > 1 => self.unindented(entries, &at),
                        _ => self.push(&at, "a task is written \"- name: {…}\"".to_owned(), None),
                    }
                }
            }
            _ => self.push(at, "tasks are a list: \"- name: {…}\"".to_owned(), None),
        }
    }

    /// `- name:` whose keys stand at the level of the name.
    fn unindented(&mut self, entries: &serde_json::Map<String, Value>, at: &str) {
        let name = entries.keys().next().map_or("", String::as_str);
        let message = format!(
            "the list item \"{name}\" has {} keys, a task has one: its name",
            entries.len()
        );
        let suggestion = entries
            .get(name)
            .is_some_and(Value::is_null)
            .then(|| format!("indent what belongs to {name} by two more spaces"));
        self.push(at, message, suggestion);
    }

    fn task(&mut self, name: &str, task: &Value, at: &str) {
        let Some(entries) = task.as_object() else {
            return self.push(at, format!("task {name} is not a mapping"), None);
        };
        let kinds: Vec<_> = KINDS.iter().filter(|(word, _)| entries.contains_key(*word)).collect();
        // `for` brings `do` with it.
        let kinds = match kinds.as_slice() {
            [first @ ("for", _), ("do", _)] => vec![*first],
            _ => kinds,
        };
        let [(word, own)] = kinds.as_slice() else {
            return self.not_one_kind(name, entries, &kinds, at);
        };
        let known: Vec<&str> = own.iter().chain(&COMMON).copied().collect();
        self.known(task, at, &format!("task {name}"), &known);
        self.timeout(task, at, &format!("task {name}"));
        self.filters(task, at, &format!("task {name}"));
        self.inside(name, word, task, at);
    }

    fn not_one_kind(
        &mut self,
        name: &str,
        entries: &serde_json::Map<String, Value>,
        kinds: &[&(&str, &[&str])],
        at: &str,
    ) {
        if kinds.is_empty() {
            let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
            let near = entries.keys().find_map(|key| {
                let known = COMMON.contains(&key.as_str());
                did_you_mean(key, words.iter().copied()).filter(|_| !known)
            });
            let suggestion = near.or_else(|| Some(format!("give it one of {}", listed(&words))));
            self.push(at, format!("task {name} does nothing"), suggestion);
        } else {
            let words: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
            let message = format!("task {name} does several things: {}", listed(&words));
            self.push(at, message, Some("make one task of each".to_owned()));
        }
    }

    fn inside(&mut self, name: &str, word: &str, task: &Value, at: &str) {
        let at_word = join(at, word);
        let inner = &task[word];
        match word {
            "call" => {
                let at_with = join(at, "with");
                let owner = format!("\"with\" of task {name}");
                match inner.as_str() {
                    Some("http") => {
                        self.known(&task["with"], &at_with, &owner, &HTTP);
                        let endpoint = join(&at_with, "endpoint");
                        self.known(&task["with"]["endpoint"], &endpoint, "\"endpoint\"", &ENDPOINT);
                    }
                    Some("openapi") => self.known(&task["with"], &at_with, &owner, &OPENAPI),
                    _ => {}
                }
            }
            "for" => {
                self.known(inner, &at_word, &format!("\"for\" of task {name}"), &FOR);
                if task.get("do").is_none() {
                    self.push(
                        at,
                        format!("task {name} lacks \"do\": the tasks for each item"),
                        None,
                    );
                }
                self.tasks(&task["do"], &join(at, "do"));
            }
            "try" => {
                self.tasks(inner, &at_word);
                let (catch, at_catch) = (&task["catch"], join(at, "catch"));
                if task.get("catch").is_none() {
                    self.push(at, format!("task {name} lacks \"catch\""), None);
                }
                self.known(catch, &at_catch, &format!("\"catch\" of task {name}"), &CATCH);
                self.retry(&catch["retry"], &join(&at_catch, "retry"), "the retry policy");
                let errors = format!("\"errors\" of task {name}");
                self.known(&catch["errors"], &join(&at_catch, "errors"), &errors, &["with"]);
                self.tasks(&catch["do"], &join(&at_catch, "do"));
            }
            "do" => self.tasks(inner, &at_word),
            "fork" => {
                self.known(inner, &at_word, &format!("\"fork\" of task {name}"), &FORK);
                self.tasks(&inner["branches"], &join(&at_word, "branches"));
            }
            "listen" => {
                self.known(inner, &at_word, &format!("\"listen\" of task {name}"), &LISTEN);
                let to = format!("\"to\" of task {name}");
                self.strategy(&inner["to"], &join(&at_word, "to"), &to);
                let (foreach, at_foreach) = (&task["foreach"], join(at, "foreach"));
                self.known(foreach, &at_foreach, &format!("\"foreach\" of task {name}"), &FOREACH);
                self.tasks(&foreach["do"], &join(&at_foreach, "do"));
            }
            "raise" => self.known(&inner["error"], &join(&at_word, "error"), "the error", &ERROR),
            "run" => {
                self.known(inner, &at_word, &format!("\"run\" of task {name}"), &RUN);
                self.known(
                    &inner["workflow"],
                    &join(&at_word, "workflow"),
                    "\"workflow\"",
                    &SUBFLOW,
                );
                for key in ["namespace", "name", "version"] {
                    if inner["workflow"].is_object() && inner["workflow"].get(key).is_none() {
                        self.push(
                            &join(&at_word, "workflow"),
                            format!("task {name} runs a workflow without \"{key}\""),
                            None,
                        );
                    }
                }
            }
            "switch" => {
                for (index, item) in inner.as_array().into_iter().flatten().enumerate() {
                    self.entries(item, &format!("{at_word}/{index}"), |keys, case, source, at| {
                        keys.known(source, at, &format!("the case {case} of task {name}"), &CASE);
                    });
                }
            }
            "wait" => self.known(inner, &at_word, "a duration", &DURATION),
            _ => {}
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
