//! From a schema-checked JSON value to the types. What still can be wrong is reported, all of it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Backoff, Call, Case, Correlation, Definition, Document, Endpoint, EventFilter, Extension,
    Filter, Flow, For, Foreach, HttpOutput, HttpTemplate, Kind, Listen, OpenApiTemplate, ReadAs,
    Retry, RunWorkflow, Schedule, Strategy, Task, TaskList, Try, Until,
};
use crate::{
    duration::Span,
    expression::{Expression, value},
    pointer::join,
    problem::{Problem, Problems, did_you_mean},
    schema::Schema,
    template::{self, Template},
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

    fn reporting<T>(&mut self, read: impl FnOnce(&mut dyn FnMut(&str, String)) -> T) -> T {
        let (positions, problems) = (self.positions, &mut self.problems);
        read(&mut |at, message| problems.push(positions.problem(at, message)))
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
        let (timeout, at) =
            self.component(parent.get("timeout")?, &join(at, "timeout"), "timeouts")?;
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

    fn schedule(&mut self, source: &'d Value) -> Schedule {
        Schedule {
            every: self.span(source, "/schedule", "every"),
            after: self.span(source, "/schedule", "after"),
            cron: text(source, "cron").map(str::to_owned),
            on: source.get("on").map(|on| self.strategy(on, "/schedule/on")),
            read: read_as(source),
        }
    }

    fn tasks(&mut self, source: &'d Value, at: &str) -> TaskList {
        let mut tasks = Vec::new();
        for (index, item) in source.as_array().into_iter().flatten().enumerate() {
            for (name, task) in item.as_object().into_iter().flatten() {
                let at = join(&format!("{at}/{index}"), name);
                tasks.push(Arc::new(self.task(name, task, &at)));
            }
        }
        tasks.into()
    }

    fn task(&mut self, name: &str, source: &'d Value, at: &str) -> Task {
        Task {
            name: name.to_owned(),
            pointer: at.to_owned(),
            condition: self.expression(source, at, "if"),
            input: self.filter(source, at, "input"),
            output: self.filter(source, at, "output"),
            export: self.filter(source, at, "export"),
            timeout: self.timeout(source, at),
            then: flow(source),
            metadata: source
                .get("metadata")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            kind: self.kind(source, at),
            value: value::from_json(source),
        }
    }

    fn kind(&mut self, source: &'d Value, at: &str) -> Kind {
        let list = |reader: &mut Self, parent: &'d Value, at: &str, key: &str| {
            reader.tasks(&parent[key], &join(at, key))
        };
        if source.get("call").is_some() {
            self.call(source, at)
        } else if let Some(given) = source.get("for") {
            let at_for = join(at, "for");
            Kind::For(For {
                each: text(given, "each").unwrap_or("item").to_owned(),
                at: text(given, "at").unwrap_or("index").to_owned(),
                items: self.bare(&given["in"], &join(&at_for, "in")),
                condition: self.expression(source, at, "while"),
                tasks: list(self, source, at, "do"),
            })
        } else if source.get("try").is_some() {
            Kind::Try(self.attempt(source, at))
        } else if source.get("do").is_some() {
            Kind::Do(list(self, source, at, "do"))
        } else if let Some(fork) = source.get("fork") {
            Kind::Fork {
                branches: list(self, fork, &join(at, "fork"), "branches"),
                compete: fork["compete"].as_bool().unwrap_or(false),
            }
        } else if let Some(emit) = source.get("emit") {
            Kind::Emit(self.template(&emit["event"]["with"], &format!("{at}/emit/event/with")))
        } else if let Some(listen) = source.get("listen") {
            Kind::Listen(Listen {
                to: self.strategy(&listen["to"], &format!("{at}/listen/to")),
                read: read_as(listen),
                foreach: source.get("foreach").map(|foreach| self.foreach(foreach, at)),
            })
        } else if let Some(raise) = source.get("raise") {
            let at = format!("{at}/raise/error");
            match self.component(&raise["error"], &at, "errors") {
                Some((error, at)) => Kind::Raise(self.template(error, &at)),
                None => Kind::Raise(Template::Object(Vec::new())),
            }
        } else if let Some(run) = source.get("run") {
            self.run(run, &join(at, "run"))
        } else if let Some(set) = source.get("set") {
            Kind::Set(self.template(set, &join(at, "set")))
        } else if let Some(cases) = source.get("switch") {
            Kind::Switch(self.cases(cases, &join(at, "switch")))
        } else if source.get("wait").is_some() {
            let wait = self.span(source, at, "wait");
            Kind::Wait(wait.unwrap_or(Span::Fixed(jiff::SignedDuration::ZERO)))
        } else {
            self.report(at, "the task does nothing");
            Kind::Set(Template::Object(Vec::new()))
        }
    }

    fn foreach(&mut self, source: &'d Value, at: &str) -> Foreach {
        let at = join(at, "foreach");
        Foreach {
            item: text(source, "item").unwrap_or("item").to_owned(),
            at: text(source, "at").unwrap_or("index").to_owned(),
            tasks: self.tasks(&source["do"], &join(&at, "do")),
            output: self.filter(source, &at, "output"),
            export: self.filter(source, &at, "export"),
        }
    }

    fn run(&mut self, source: &Value, at: &str) -> Kind {
        for kind in ["container", "script", "shell"] {
            if source.get(kind).is_some() {
                return Kind::Unsupported(format!(
                    "\"run: {kind}\" is not supported: this runtime starts no processes; call a catalogued \
                     function instead"
                ));
            }
        }
        let workflow = &source["workflow"];
        let at = join(at, "workflow");
        let part = |key: &str| text(workflow, key).unwrap_or_default().to_owned();
        Kind::Run(RunWorkflow {
            namespace: part("namespace"),
            name: part("name"),
            version: part("version"),
            input: self.entry(workflow, &at, "input"),
            awaits: source.get("await").and_then(Value::as_bool).unwrap_or(true),
        })
    }

    fn cases(&mut self, source: &Value, at: &str) -> Vec<Case> {
        let mut cases = Vec::new();
        for (index, item) in source.as_array().into_iter().flatten().enumerate() {
            for (name, case) in item.as_object().into_iter().flatten() {
                cases.push(Case {
                    name: name.clone(),
                    when: self.expression(case, &join(&format!("{at}/{index}"), name), "when"),
                    then: flow(case).unwrap_or(Flow::Continue),
                });
            }
        }
        cases
    }

    fn attempt(&mut self, source: &'d Value, at: &str) -> Try {
        let catch = &source["catch"];
        let at_catch = join(at, "catch");
        let retry = catch.get("retry");
        let retry =
            retry.and_then(|retry| self.component(retry, &join(&at_catch, "retry"), "retries"));
        Try {
            tasks: self.tasks(&source["try"], &join(at, "try")),
            errors: catch
                .pointer("/errors/with")
                .map(|with| self.template(with, &format!("{at_catch}/errors/with"))),
            variable: text(catch, "as").unwrap_or("error").to_owned(),
            when: self.expression(catch, &at_catch, "when"),
            except_when: self.expression(catch, &at_catch, "exceptWhen"),
            retry: retry.map(|(retry, at)| self.retry(retry, &at)),
            handler: catch.get("do").map(|tasks| self.tasks(tasks, &join(&at_catch, "do"))),
            then: flow(catch),
        }
    }

    fn retry(&mut self, source: &Value, at: &str) -> Retry {
        let limit = &source["limit"];
        let at_limit = join(at, "limit");
        let backoff = &source["backoff"];
        let jitter = source.get("jitter").and_then(|jitter| {
            let at = join(at, "jitter");
            Some((self.span(jitter, &at, "from")?, self.span(jitter, &at, "to")?))
        });
        Retry {
            when: self.expression(source, at, "when"),
            except_when: self.expression(source, at, "exceptWhen"),
            delay: self.span(source, at, "delay"),
            backoff: match (backoff.get("linear"), backoff.get("exponential")) {
                (Some(_), _) => Backoff::Linear,
                (_, Some(_)) => Backoff::Exponential,
                _ => Backoff::Constant,
            },
            count: limit.pointer("/attempt/count").and_then(Value::as_u64),
            attempt: self.span(&limit["attempt"], &join(&at_limit, "attempt"), "duration"),
            duration: self.span(limit, &at_limit, "duration"),
            jitter,
        }
    }

    fn strategy(&mut self, source: &Value, at: &str) -> Strategy {
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

    fn call(&mut self, source: &'d Value, at: &str) -> Kind {
        let name = text(source, "call").unwrap_or_default();
        let with = source.get("with").unwrap_or(&Value::Null);
        let at_with = join(at, "with");
        Kind::Call(match name {
            "http" => Call::Http(self.http(with, &at_with)),
            "openapi" => Call::OpenApi(OpenApiTemplate {
                document: self.endpoint(
                    &with["document"]["endpoint"],
                    &format!("{at_with}/document/endpoint"),
                ),
                operation_id: text(with, "operationId").unwrap_or_default().to_owned(),
                parameters: self.entry(with, &at_with, "parameters"),
                authentication: self.authentication(with, &at_with),
                output: http_output(with),
                redirect: with["redirect"].as_bool().unwrap_or(false),
            }),
            "mcp" => Call::Mcp(self.template(with, &at_with)),
            "grpc" | "asyncapi" | "a2a" => {
                return Kind::Unsupported(format!(
                    "\"call: {name}\" is not supported: this runtime speaks HTTP, OpenAPI and MCP"
                ));
            }
            name => {
                let arguments = self.entry(source, at, "with");
                let name = name.to_owned();
                if self.source.pointer(&join("/use/functions", &name)).is_some() {
                    Call::Reusable { name, arguments }
                } else {
                    Call::Catalogued { name, arguments }
                }
            }
        })
    }

    fn http(&mut self, with: &'d Value, at: &str) -> HttpTemplate {
        HttpTemplate {
            method: text(with, "method").unwrap_or("get").to_uppercase(),
            endpoint: self.endpoint(&with["endpoint"], &join(at, "endpoint")),
            headers: self.entry(with, at, "headers"),
            query: self.entry(with, at, "query"),
            body: self.entry(with, at, "body"),
            output: http_output(with),
            redirect: with["redirect"].as_bool().unwrap_or(false),
        }
    }

    fn endpoint(&mut self, source: &'d Value, at: &str) -> Endpoint {
        match source {
            Value::Object(_) => Endpoint {
                uri: self.template(&source["uri"], &join(at, "uri")),
                authentication: self.authentication(source, at),
            },
            uri => Endpoint { uri: self.template(uri, at), authentication: None },
        }
    }

    fn authentication(&mut self, parent: &'d Value, at: &str) -> Option<Template> {
        let given = parent.get("authentication")?;
        let at = join(at, "authentication");
        let (policy, at) = match given.get("use") {
            Some(name) => self.component(name, &join(&at, "use"), "authentications")?,
            None => (given, at),
        };
        Some(self.template(policy, &at))
    }
}

fn text<'v>(parent: &'v Value, key: &str) -> Option<&'v str> {
    parent.get(key)?.as_str()
}

fn flow(parent: &Value) -> Option<Flow> {
    Some(match text(parent, "then")? {
        "continue" => Flow::Continue,
        "exit" => Flow::Exit,
        "end" => Flow::End,
        name => Flow::To(name.to_owned()),
    })
}

fn read_as(parent: &Value) -> ReadAs {
    match text(parent, "read") {
        Some("envelope") => ReadAs::Envelope,
        Some("raw") => ReadAs::Raw,
        _ => ReadAs::Data,
    }
}

fn http_output(parent: &Value) -> HttpOutput {
    match text(parent, "output") {
        Some("raw") => HttpOutput::Raw,
        Some("response") => HttpOutput::Response,
        _ => HttpOutput::Content,
    }
}
