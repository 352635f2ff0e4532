//! Variables that expressions use: which exist where.

use super::Checker;
use crate::{
    document::{Call, Extension, Filter, Kind, Retry, Strategy, Task, Until},
    duration::Span,
    expression::{Expression, Val, value},
    pointer::join,
    problem::did_you_mean,
    template::Template,
};

/// Names that enclosing tasks bring.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    pub(super) fn with(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }
}

const EVERYWHERE: [&str; 3] = ["workflow", "runtime", "secrets"];
const IN_TASKS: [&str; 4] = ["context", "task", "input", "authorization"];

impl Checker<'_> {
    pub(super) fn workflow_expressions(&mut self) {
        let definition = self.definition;
        self.templates("/input/from", definition.input.transform.as_ref(), &[]);
        self.templates("/output/as", definition.output.transform.as_ref(), &["context"]);
        self.span("/timeout/after", definition.timeout.as_ref(), &["context"]);
    }

    pub(super) fn extension_expression(&mut self, extension: &Extension) {
        let index =
            self.definition.extensions.iter().position(|other| other.name == extension.name);
        let at = join(&format!("/use/extensions/{}", index.unwrap_or(0)), &extension.name);
        self.expression(&join(&at, "when"), extension.when.as_ref(), &IN_TASKS);
    }

    pub(super) fn task_expressions(&mut self, task: &Task, scope: &Scope) {
        let at = &task.pointer;
        let names: Vec<&str> = scope.0.iter().map(String::as_str).chain(IN_TASKS).collect();
        let before: Vec<&str> = names.iter().copied().filter(|name| *name != "input").collect();
        self.templates(&format!("{at}/input/from"), task.input.transform.as_ref(), &before);
        self.expression(&join(at, "if"), task.condition.as_ref(), &names);
        self.span(&format!("{at}/timeout/after"), task.timeout.as_ref(), &names);
        self.filters(at, &task.output, &task.export, &names);
        self.kind_expressions(task, &names);
    }

    fn filters(&mut self, at: &str, output: &Filter, export: &Filter, names: &[&str]) {
        self.templates(&format!("{at}/output/as"), output.transform.as_ref(), names);
        let after: Vec<&str> = names.iter().copied().chain(["output"]).collect();
        self.templates(&format!("{at}/export/as"), export.transform.as_ref(), &after);
    }

    fn kind_expressions(&mut self, task: &Task, names: &[&str]) {
        let at = &task.pointer;
        let part = |path: &str| format!("{at}/{path}");
        match &task.kind {
            Kind::Call(call) => self.call_expressions(call, &part("with"), names),
            Kind::Emit(event) => self.templates(&part("emit/event/with"), Some(event), names),
            Kind::For(each) => {
                self.templates(&part("for/in"), Some(&each.items), names);
                let inside: Vec<&str> =
                    names.iter().copied().chain([each.each.as_str(), each.at.as_str()]).collect();
                self.expression(&part("while"), each.condition.as_ref(), &inside);
            }
            Kind::Listen(listen) => {
                self.strategy(&listen.to, &part("listen/to"), names);
                if let Some(foreach) = &listen.foreach {
                    let inside: Vec<&str> = names
                        .iter()
                        .copied()
                        .chain([foreach.item.as_str(), foreach.at.as_str()])
                        .collect();
                    self.filters(&part("foreach"), &foreach.output, &foreach.export, &inside);
                }
            }
            Kind::Raise(error) => self.templates(&part("raise/error"), Some(error), names),
            Kind::Run(run) => {
                self.templates(&part("run/workflow/input"), run.input.as_ref(), names);
            }
            Kind::Set(value) => self.templates(&part("set"), Some(value), names),
            Kind::Switch(cases) => {
                for (index, case) in cases.iter().enumerate() {
                    let at = join(&part(&format!("switch/{index}")), &case.name);
                    self.expression(&join(&at, "when"), case.when.as_ref(), names);
                }
            }
            Kind::Try(attempt) => {
                let catch: Vec<&str> =
                    names.iter().copied().chain([attempt.variable.as_str()]).collect();
                self.templates(&part("catch/errors/with"), attempt.errors.as_ref(), names);
                self.expression(&part("catch/when"), attempt.when.as_ref(), &catch);
                self.expression(&part("catch/exceptWhen"), attempt.except_when.as_ref(), &catch);
                if let Some(retry) = &attempt.retry {
                    self.retry(retry, &part("catch/retry"), &catch);
                }
            }
            Kind::Wait(span) => self.span(&part("wait"), Some(span), names),
            Kind::Do(_) | Kind::Fork { .. } | Kind::Unsupported(_) => {}
        }
    }

    fn call_expressions(&mut self, call: &Call, at: &str, names: &[&str]) {
        let part = |path: &str| format!("{at}/{path}");
        match call {
            Call::Http(http) => {
                self.templates(&part("endpoint"), Some(&http.endpoint.uri), names);
                let authentication = http.endpoint.authentication.as_ref();
                self.authentication(&part("endpoint/authentication"), authentication, names);
                for (key, template) in
                    [("headers", &http.headers), ("query", &http.query), ("body", &http.body)]
                {
                    self.templates(&part(key), template.as_ref(), names);
                }
            }
            Call::OpenApi(open) => {
                self.templates(&part("document/endpoint"), Some(&open.document.uri), names);
                self.templates(&part("parameters"), open.parameters.as_ref(), names);
                self.authentication(&part("authentication"), open.authentication.as_ref(), names);
            }
            Call::Mcp(arguments) => self.templates(at, Some(arguments), names),
            Call::Reusable { arguments, .. } | Call::Catalogued { arguments, .. } => {
                self.templates(at, arguments.as_ref(), names);
            }
        }
    }

    fn retry(&mut self, retry: &Retry, at: &str, names: &[&str]) {
        let part = |path: &str| format!("{at}/{path}");
        self.expression(&part("when"), retry.when.as_ref(), names);
        self.expression(&part("exceptWhen"), retry.except_when.as_ref(), names);
        for (path, span) in [
            ("delay", &retry.delay),
            ("limit/attempt/duration", &retry.attempt),
            ("limit/duration", &retry.duration),
        ] {
            self.span(&part(path), span.as_ref(), names);
        }
    }

    fn strategy(&mut self, strategy: &Strategy, at: &str, names: &[&str]) {
        for filter in strategy.filters() {
            for (_, template) in &filter.with {
                self.templates(at, Some(template), names);
            }
            for correlation in &filter.correlate {
                self.expression(at, Some(&correlation.from), names);
                self.templates(at, correlation.expect.as_ref(), names);
            }
        }
        match strategy {
            Strategy::Any { until: Some(Until::Condition(condition)), .. } => {
                self.expression(&join(at, "until"), Some(condition), names);
            }
            Strategy::Any { until: Some(Until::Consumed(inner)), .. } => {
                self.strategy(inner, &join(at, "until"), names);
            }
            _ => {}
        }
    }

    fn span(&mut self, at: &str, span: Option<&Span>, names: &[&str]) {
        if let Some(Span::Expression(expression)) = span {
            self.expression(at, Some(expression), names);
        }
    }

    /// Every expression of a template, each at its own place.
    fn templates(&mut self, at: &str, template: Option<&Template>, names: &[&str]) {
        match template {
            Some(Template::Expression(expression)) => self.expression(at, Some(expression), names),
            Some(Template::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.templates(&format!("{at}/{index}"), Some(item), names);
                }
            }
            Some(Template::Object(entries)) => {
                for (key, entry) in entries {
                    self.templates(&join(at, key), Some(entry), names);
                }
            }
            Some(Template::Literal(literal)) => self.literal(at, literal),
            None => {}
        }
    }

    /// A text with an expression somewhere inside stays as it is, which is hardly what was meant.
    fn literal(&mut self, at: &str, literal: &Val) {
        match literal {
            Val::Arr(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.literal(&format!("{at}/{index}"), item);
                }
            }
            Val::Obj(entries) => {
                for (key, entry) in entries.iter() {
                    if let Ok(serde_json::Value::String(key)) = value::to_json(key) {
                        self.literal(&join(at, &key), entry);
                    }
                }
            }
            Val::TStr(_) => {
                if let Ok(serde_json::Value::String(text)) = value::to_json(literal)
                    && let Some((before, _)) = text.split_once("${")
                {
                    let message = "an expression inside a text is not evaluated";
                    let start: String = before.chars().take(30).collect();
                    let help =
                        format!("make the whole text one expression: ${{ \"{start}\\(…)\" }}");
                    self.push(at, message, Some(help));
                }
            }
            _ => {}
        }
    }

    fn expression(&mut self, at: &str, expression: Option<&Expression>, names: &[&str]) {
        let Some(expression) = expression else { return };
        for variable in expression.variables() {
            if !names.contains(&variable.as_str()) && !EVERYWHERE.contains(&variable.as_str()) {
                let known = names.iter().chain(&EVERYWHERE).copied();
                let message =
                    format!("${variable} does not exist here (in \"{}\")", shown(expression));
                let suggestion = did_you_mean(variable, known)
                    .map(|suggestion| suggestion.replace('"', "").replace("mean ", "mean $"))
                    .or_else(|| Some(format!("here are ${}", names.join(", $"))));
                self.push(at, message, suggestion);
            }
        }
        let uses = |name: &str| expression.variables().iter().any(|variable| variable == name);
        if uses("context") && !self.exports {
            let message = "$context is always empty: no task has \"export\"";
            self.push(
                at,
                message,
                Some("add export: {as: …} to the task that knows it".to_owned()),
            );
        }
        if uses("secrets") {
            self.secrets(at, expression);
        }
    }

    /// `basic: {use: name}` and the like.
    fn authentication(&mut self, at: &str, policy: Option<&Template>, names: &[&str]) {
        self.templates(at, policy, names);
        for scheme in ["basic", "bearer", "digest", "oauth2", "oidc"] {
            let secret =
                policy.and_then(|policy| policy.entry(scheme)).and_then(|way| way.entry("use"));
            if let Some(Template::Literal(name)) = secret
                && let Ok(serde_json::Value::String(name)) = value::to_json(&name)
            {
                self.secret(at, &name);
            }
        }
    }

    fn secrets(&mut self, at: &str, expression: &Expression) {
        for part in expression.text().split("$secrets.").skip(1) {
            let name: String =
                part.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
            self.secret(at, &name);
        }
    }

    fn secret(&mut self, at: &str, name: &str) {
        if !name.is_empty() && !self.definition.secrets.iter().any(|declared| declared == name) {
            let declared = self.definition.secrets.iter().map(String::as_str);
            let suggestion = did_you_mean(name, declared)
                .or_else(|| Some(format!("add {name} to \"use.secrets\"")));
            self.push(at, format!("the secret {name} is not declared"), suggestion);
        }
    }
}

fn shown(expression: &Expression) -> String {
    expression.text().trim().chars().take(60).collect()
}
