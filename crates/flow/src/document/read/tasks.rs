//! Tasks and what is inside them.

use std::sync::Arc;

use serde_json::Value;

use super::{Reader, events::read_as, text};
use crate::{
    document::{Backoff, Case, Flow, For, Kind, Listen, Retry, RunWorkflow, Task, TaskList, Try},
    duration::Span,
    expression::value,
    pointer::join,
    template::Template,
};

impl<'d> Reader<'d> {
    pub(super) fn tasks(&mut self, source: &'d Value, at: &str) -> TaskList {
        let mut tasks = Vec::new();
        for (index, item) in source.as_array().into_iter().flatten().enumerate() {
            for (name, task) in item.as_object().into_iter().flatten() {
                let at = join(&format!("{at}/{index}"), name);
                tasks.push(Arc::new(self.task(name, task, &at)));
            }
        }
        tasks.into()
    }

    pub(super) fn task(&mut self, name: &str, source: &'d Value, at: &str) -> Task {
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
                fan_out: self.fan_out(source, at),
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
}

fn flow(parent: &Value) -> Option<Flow> {
    Some(match text(parent, "then")? {
        "continue" => Flow::Continue,
        "exit" => Flow::Exit,
        "end" => Flow::End,
        name => Flow::To(name.to_owned()),
    })
}
