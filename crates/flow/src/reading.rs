//! A definition in plain words, for the person who has to answer for it. The same definition always reads the same.

mod manner;
mod words;

use crate::{
    check::Functions,
    document::{
        Backoff, Call, Case, Definition, FanOut, Flow, Kind, OnError, Retry, Schedule, Strategy,
        Task, TaskList, Try, Until,
    },
    duration::Span,
    error::standard_name,
    template::Template,
};
use words::{given, listed, one, quoted, settings, span};

/// The whole reading, in lines.
pub fn reading(definition: &Definition, functions: &dyn Functions) -> String {
    let document = &definition.document;
    let mut reader = Reader { functions, lines: Vec::new() };
    let name = format!("{}/{} {}", document.namespace, document.name, document.version);
    let heading = match &document.title {
        Some(title) => format!("{title} ({name})"),
        None => name,
    };
    reader.line(0, &heading);
    let zone = document.metadata.get("timezone").and_then(|zone| zone.as_str());
    let begins = definition.schedule.as_ref().map(|schedule| reader.schedule(schedule, zone));
    let begins = begins.unwrap_or_else(|| "When somebody starts it".to_owned());
    let limit = definition.timeout.as_ref().map(|timeout| format!(" (at most {})", span(timeout)));
    reader.line(0, &format!("{begins}{}:", limit.unwrap_or_default()));
    reader.list(&definition.tasks, 1, "");
    if let Some(output) = &definition.output.transform {
        reader.line(0, &format!("The result is {}.", one(output)));
    }
    for sentence in manner::manner(definition) {
        reader.line(0, &sentence);
    }
    reader.lines.join("\n")
}

struct Reader<'f> {
    functions: &'f dyn Functions,
    lines: Vec<String>,
}

impl Reader<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    fn schedule(&self, schedule: &Schedule, zone: Option<&str>) -> String {
        let mut parts = Vec::new();
        if let Some(every) = &schedule.every {
            parts.push(format!("every {}", span(every)));
        }
        if let Some(cron) = &schedule.cron {
            let zone = zone.unwrap_or("UTC");
            parts.push(format!("{} in {zone}", manner::plan(cron)));
        }
        if let Some(after) = &schedule.after {
            parts.push(format!("{} after its last run has ended", span(after)));
        }
        if let Some(on) = &schedule.on {
            parts.push(format!("when {}", self.happens(on)));
        }
        capital(&parts.join(", and "))
    }

    /// `BambooHR says hired`, or `the event x.y happens`.
    fn happens(&self, strategy: &Strategy) -> String {
        let events: Vec<String> = strategy
            .filters()
            .iter()
            .map(|filter| match filter.event_type() {
                Some(kind) => {
                    let title = self.functions.event_title(&kind);
                    title.unwrap_or_else(|| format!("the event {kind} happens"))
                }
                None => "a fitting event happens".to_owned(),
            })
            .collect();
        match strategy {
            Strategy::One(_) => events.concat(),
            Strategy::All(_) => events.join(" and "),
            Strategy::Any { .. } if events.is_empty() => "any event happens".to_owned(),
            Strategy::Any { .. } => events.join(" or "),
        }
    }

    fn list(&mut self, tasks: &TaskList, depth: usize, number: &str) {
        for (index, task) in tasks.iter().enumerate() {
            let number = format!("{number}{}.", index + 1);
            self.task(task, depth, &number, index + 1 == tasks.len());
        }
    }

    fn task(&mut self, task: &Task, depth: usize, number: &str, last: bool) {
        let (what, opens) = self.what(task);
        let mut text = format!("{number} ");
        let condition = task
            .condition
            .as_ref()
            .map(|condition| format!("only if {}: ", quoted(condition.text())));
        let title = task.title().map(|title| format!("{title}: ")).unwrap_or_default();
        text.push_str(&capital(&format!("{title}{}{what}", condition.unwrap_or_default())));
        if opens {
            text.push_str(&format_args!(" [{}]:", task.name).to_string());
        } else {
            text.push('.');
        }
        let mut after = Vec::new();
        if let Some(timeout) = &task.timeout {
            after.push(format!("It may take {}.", span(timeout)));
        }
        if task.export.transform.is_some() {
            after.push("Its result is remembered.".to_owned());
        }
        match &task.then {
            Some(Flow::Continue) | None => {}
            Some(Flow::Exit | Flow::End) if last => {}
            Some(flow) => after.push(format!("Then {}.", goes(flow))),
        }
        if !opens && !after.is_empty() {
            text.push(' ');
            text.push_str(&after.join(" "));
            after.clear();
        }
        if !opens {
            text.push_str(&format_args!(" [{}]", task.name).to_string());
        }
        self.line(depth, &text);
        self.inside(task, depth + 1, number);
        if !after.is_empty() {
            self.line(depth + 1, &after.join(" "));
        }
    }

    /// What a task does, and whether tasks follow inside it.
    fn what(&self, task: &Task) -> (String, bool) {
        match &task.kind {
            Kind::Call(call) => (self.call(call), false),
            Kind::Do(_) => ("do the following".to_owned(), true),
            Kind::Emit(event) => {
                let kind =
                    event.entry("type").map_or_else(|| "an event".to_owned(), |kind| one(&kind));
                (format!("announce the event {kind}"), false)
            }
            Kind::For(each) => {
                let limit = each.condition.as_ref();
                let limit = limit.map(|limit| format!(", as long as {}", quoted(limit.text())));
                let limit = limit.unwrap_or_default();
                let beside = each.fan_out.map(fanned_out).unwrap_or_default();
                (format!("for each {} of {}{limit}{beside}", each.each, one(&each.items)), true)
            }
            Kind::Fork { compete: false, .. } => ("at the same time".to_owned(), true),
            Kind::Fork { compete: true, .. } => {
                ("whichever of these is done first".to_owned(), true)
            }
            Kind::Listen(listen) => {
                let happens = self.happens(&listen.to);
                let until = match &listen.to {
                    Strategy::Any { until: Some(Until::Condition(condition)), .. } => {
                        format!(", again and again until {}", quoted(condition.text()))
                    }
                    Strategy::Any { until: Some(Until::Consumed(stop)), .. } => {
                        format!(", again and again until {}", self.happens(stop))
                    }
                    _ => String::new(),
                };
                match &listen.foreach {
                    Some(foreach) => (
                        format!("wait until {happens}{until}, and for each {}", foreach.item),
                        true,
                    ),
                    None => (format!("wait until {happens}{until}"), false),
                }
            }
            Kind::Raise(error) => {
                let title = error.entry("title").or_else(|| error.entry("type"));
                let title = title.map_or_else(|| "an error".to_owned(), |title| one(&title));
                (format!("stop with the error {title}"), false)
            }
            Kind::Run(run) => {
                let waits = if run.awaits { "" } else { " without waiting for its end" };
                (
                    format!(
                        "run the workflow {}/{} {}{waits}",
                        run.namespace, run.name, run.version
                    ),
                    false,
                )
            }
            Kind::Set(value) => (format!("set {}", settings(value)), false),
            Kind::Switch(cases) => (choices(cases), false),
            Kind::Try(_) => ("try".to_owned(), true),
            Kind::Wait(time) => (format!("wait {}", span(time)), false),
            Kind::Unsupported(sentence) => (format!("(not possible: {sentence})"), false),
        }
    }

    fn call(&self, call: &Call) -> String {
        match call {
            Call::Http(http) => format!("send {} to {}", http.method, one(&http.endpoint.uri)),
            Call::OpenApi(open) => {
                format!("perform {} of {}", open.operation_id, one(&open.document.uri))
            }
            Call::Mcp(arguments) => {
                let tool =
                    arguments.entry("parameters").and_then(|parameters| parameters.entry("name"));
                let method =
                    arguments.entry("method").map(|method| one(&method)).unwrap_or_default();
                format!("ask an MCP server: {}", tool.map_or(method, |tool| one(&tool)))
            }
            Call::Reusable { name, arguments } => {
                format!("{name}{}", with(arguments.as_ref()))
            }
            Call::Catalogued { name, arguments } => {
                let title = self.functions.find(name).map(|function| function.title);
                let title = title.unwrap_or_else(|| format!("call {name}"));
                let app = self.functions.app_title(name);
                let app = app.map(|app| format!(" in {app}")).unwrap_or_default();
                format!("{title}{app}{}", with(arguments.as_ref()))
            }
        }
    }

    fn inside(&mut self, task: &Task, depth: usize, number: &str) {
        match &task.kind {
            Kind::Do(tasks) | Kind::Fork { branches: tasks, .. } => self.list(tasks, depth, number),
            Kind::For(each) => self.list(&each.tasks, depth, number),
            Kind::Listen(listen) => {
                if let Some(foreach) = &listen.foreach {
                    self.list(&foreach.tasks, depth, number);
                }
            }
            Kind::Try(attempt) => {
                self.list(&attempt.tasks, depth, number);
                self.caught(attempt, depth, number);
            }
            _ => {}
        }
    }

    fn caught(&mut self, attempt: &Try, depth: usize, number: &str) {
        let mut which: Vec<String> = Vec::new();
        if let Some(errors) = &attempt.errors {
            which.push(format!("with {}", caught_errors(errors)));
        }
        if let Some(when) = &attempt.when {
            which.push(format!("and {}", quoted(when.text())));
        }
        if let Some(except) = &attempt.except_when {
            which.push(format!("unless {}", quoted(except.text())));
        }
        which.insert(0, "If that fails".to_owned());
        let fails = which.join(" ");
        let retry = attempt.retry.as_ref().map(again);
        let mut does = Vec::new();
        does.extend(retry);
        if let Some(then) = &attempt.then {
            does.push(goes(then));
        }
        let number = format!("{}a.", number.trim_end_matches('.'));
        match &attempt.handler {
            Some(tasks) => {
                does.push(
                    if does.is_empty() { "do this" } else { "after that do this" }.to_owned(),
                );
                self.line(depth - 1, &format!("{fails}, {}:", does.join("; ")));
                self.list(tasks, depth, &number);
            }
            None if does.is_empty() => {
                self.line(depth - 1, &format!("{fails}, go on all the same."));
            }
            None => self.line(depth - 1, &format!("{fails}, {}.", does.join("; "))),
        }
    }
}

fn fanned_out(fan_out: FanOut) -> String {
    let failures = match fan_out.on_error {
        OnError::Stop => "stopping at the first that fails",
        OnError::Continue => "counting those that fail",
    };
    format!(", {} at a time, {failures}", fan_out.concurrency)
}

fn with(arguments: Option<&Template>) -> String {
    let given = arguments.map(given).filter(|given| !given.is_empty());
    given.map(|given| format!(" with {given}")).unwrap_or_default()
}

/// `a communication error, status 409`
fn caught_errors(errors: &Template) -> String {
    let kind = errors.entry("type").map(|kind| one(&kind));
    let standard = kind.as_deref().and_then(|kind| standard_name(kind.trim_matches('"')));
    match standard {
        Some(name) => {
            let others = ["status", "title", "detail", "instance"].into_iter();
            let others = others.filter_map(|field| Some((field, errors.entry(field)?)));
            let others = others.map(|(field, value)| format!(", {field} {}", one(&value)));
            others.fold(format!("a {name} error"), |text, other| text + &other)
        }
        None => given(errors),
    }
}

fn goes(flow: &Flow) -> String {
    match flow {
        Flow::Continue => "go on".to_owned(),
        Flow::Exit => "leave this list".to_owned(),
        Flow::End => "end".to_owned(),
        Flow::To(name) => format!("go on with {name}"),
    }
}

fn choices(cases: &[Case]) -> String {
    let parts: Vec<String> = cases
        .iter()
        .map(|case| match &case.when {
            Some(when) => format!("if {}, {}", quoted(when.text()), goes(&case.then)),
            None => format!("otherwise {}", goes(&case.then)),
        })
        .collect();
    parts.join("; ")
}

fn again(retry: &Retry) -> String {
    let mut text = "try again".to_owned();
    match retry.count {
        Some(1) => text.push_str(" once"),
        Some(count) => {
            text.push_str(" up to ");
            text.push_str(&count.to_string());
            text.push_str(" times");
        }
        None => {}
    }
    if let Some(delay) = &retry.delay {
        text.push_str(", after ");
        text.push_str(&span(delay));
        text.push_str(match retry.backoff {
            Backoff::Constant => "",
            Backoff::Linear => " more each time",
            Backoff::Exponential => ", doubled each time",
        });
    }
    let limits: [(&str, &Option<Span>); 2] =
        [("for at most", &retry.duration), ("each time for at most", &retry.attempt)];
    for (word, limit) in limits {
        if let Some(limit) = limit {
            text = listed(&[text, format!("{word} {}", span(limit))]);
        }
    }
    text
}

/// The first letter in capitals, where the word is not a name.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
