//! A definition as types: everything resolved that can be before a run begins.

mod matching;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    duration::Span,
    expression::{Expression, Val, value},
    schema::Schema,
    template::Template,
    yaml::Positions,
};

pub(crate) use read::read;

/// One version of a workflow.
#[derive(Debug)]
pub struct Definition {
    /// The name under which the text was read.
    pub file: String,
    pub document: Document,
    /// SHA-256 of the definition's canonical JSON (keys sorted), in hex: the same for YAML and JSON spellings.
    pub hash: String,
    /// The definition as JSON, as it was written.
    pub source: Value,
    pub positions: Positions,
    pub input: Filter,
    pub output: Filter,
    pub timeout: Option<Span>,
    pub schedule: Option<Schedule>,
    pub tasks: TaskList,
    pub functions: BTreeMap<String, Arc<Task>>,
    pub extensions: Vec<Extension>,
    /// Names of the secrets that it may read through `$secrets`.
    pub secrets: Vec<String>,
    pub catalogs: Vec<String>,
    /// `source` for expressions (`$workflow.definition`).
    pub(crate) value: Val,
}

impl Definition {
    /// Every task, those inside others and of reusable functions and extensions too.
    pub fn all_tasks(&self) -> Vec<&Task> {
        let mut found = Vec::new();
        let lists =
            self.extensions.iter().flat_map(|extension| [&extension.before, &extension.after]);
        let lists = std::iter::once(&self.tasks).chain(lists.flatten());
        let mut open: Vec<&Task> = lists.flat_map(|list| list.iter()).map(AsRef::as_ref).collect();
        open.extend(self.functions.values().map(AsRef::as_ref));
        open.reverse();
        while let Some(task) = open.pop() {
            found.push(task);
            let inside: Vec<&Task> =
                task.lists().into_iter().flat_map(|list| list.iter()).map(AsRef::as_ref).collect();
            open.extend(inside.into_iter().rev());
        }
        found
    }

    /// Names of the catalogued functions that a run may call.
    pub fn functions_called(&self) -> BTreeSet<&str> {
        self.all_tasks()
            .into_iter()
            .filter_map(|task| match &task.kind {
                Kind::Call(Call::Catalogued { name, .. }) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// Who a workflow is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub dsl: String,
    pub namespace: String,
    pub name: String,
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tags: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// When runs begin by themselves.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub every: Option<Span>,
    /// Five or six fields; the zone stands in `document.metadata.timezone`.
    pub cron: Option<String>,
    /// How long after a run ended the next begins.
    pub after: Option<Span>,
    pub on: Option<Strategy>,
    pub read: ReadAs,
}

/// Tasks in the order of the text.
pub type TaskList = Arc<[Arc<Task>]>;

#[derive(Debug)]
pub struct Task {
    pub name: String,
    /// JSON pointer of the task: `/do/0/createUser`.
    pub pointer: String,
    pub condition: Option<Expression>,
    pub input: Filter,
    pub output: Filter,
    pub export: Filter,
    pub timeout: Option<Span>,
    pub then: Option<Flow>,
    pub metadata: Map<String, Value>,
    pub kind: Kind,
    /// The task as written, for expressions (`$task.definition`).
    pub(crate) value: Val,
}

impl Task {
    /// The task as written.
    pub fn source<'d>(&self, definition: &'d Definition) -> Option<&'d Value> {
        definition.source.pointer(&self.pointer)
    }

    /// The lists of tasks inside it, in the order of the text.
    pub fn lists(&self) -> Vec<&TaskList> {
        match &self.kind {
            Kind::Do(tasks) | Kind::Fork { branches: tasks, .. } => vec![tasks],
            Kind::For(each) => vec![&each.tasks],
            Kind::Try(attempt) => std::iter::once(&attempt.tasks).chain(&attempt.handler).collect(),
            Kind::Listen(listen) => listen.foreach.iter().map(|foreach| &foreach.tasks).collect(),
            _ => Vec::new(),
        }
    }

    /// A title given in the task's metadata.
    pub fn title(&self) -> Option<&str> {
        self.metadata.get("title").and_then(Value::as_str)
    }

    /// A word of the task as written.
    pub(crate) fn definition_entry(&self, key: &str) -> Option<&Val> {
        value::get(&self.value, key)
    }
}

/// What happens to data on its way in, out, or into the context.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub schema: Option<Schema>,
    pub transform: Option<Template>,
}

/// Where a run goes after a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// The next task in the order of the text.
    Continue,
    /// Out of this list of tasks.
    Exit,
    /// The workflow ends, completed.
    End,
    /// The task of this name in the same list.
    To(String),
}

#[derive(Debug)]
pub enum Kind {
    Call(Call),
    Do(TaskList),
    Emit(Template),
    For(For),
    Fork {
        branches: TaskList,
        compete: bool,
    },
    Listen(Listen),
    Raise(Template),
    Run(RunWorkflow),
    Set(Template),
    Switch(Vec<Case>),
    Try(Try),
    Wait(Span),
    /// A kind that this runtime does not perform; the sentence says what and why.
    Unsupported(String),
}

impl Kind {
    /// The word that extensions select by (`extend`).
    pub fn word(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Do(_) | Self::Fork { .. } => "composite",
            Self::Emit(_) => "emit",
            Self::For(_) => "for",
            Self::Listen(_) => "listen",
            Self::Raise(_) => "raise",
            Self::Run(_) | Self::Unsupported(_) => "run",
            Self::Set(_) => "set",
            Self::Switch(_) => "switch",
            Self::Try(_) => "try",
            Self::Wait(_) => "wait",
        }
    }
}

#[derive(Debug)]
pub enum Call {
    Http(HttpTemplate),
    OpenApi(OpenApiTemplate),
    /// The arguments of `call: mcp`, all of them.
    Mcp(Template),
    /// A function of the workflow's own `use.functions`.
    Reusable {
        name: String,
        arguments: Option<Template>,
    },
    /// A function of a catalogue: `auth0.users.create:1@callboard`.
    Catalogued {
        name: String,
        arguments: Option<Template>,
    },
}

#[derive(Debug)]
pub struct HttpTemplate {
    pub method: String,
    pub endpoint: Endpoint,
    pub headers: Option<Template>,
    pub query: Option<Template>,
    pub body: Option<Template>,
    pub output: HttpOutput,
    pub redirect: bool,
}

#[derive(Debug)]
pub struct OpenApiTemplate {
    pub document: Endpoint,
    pub operation_id: String,
    pub parameters: Option<Template>,
    pub authentication: Option<Template>,
    pub output: HttpOutput,
    pub redirect: bool,
}

/// An address with `{name}` placeholders or an expression, and how to authenticate there.
#[derive(Debug)]
pub struct Endpoint {
    pub uri: Template,
    pub authentication: Option<Template>,
}

/// What an HTTP call gives as output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpOutput {
    /// The body as base64.
    Raw,
    /// The body, read by its content type.
    #[default]
    Content,
    /// `{request, statusCode, headers, content}`.
    Response,
}

#[derive(Debug)]
pub struct For {
    /// Name of the variable with the item.
    pub each: String,
    /// Name of the variable with the index.
    pub at: String,
    pub items: Template,
    /// Checked before each item.
    pub condition: Option<Expression>,
    pub tasks: TaskList,
    /// Items run beside each other, each for itself; one after the other where this is absent.
    pub fan_out: Option<FanOut>,
}

/// How the items of a `for` run beside each other, as the task's metadata say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanOut {
    /// So many items are under way at once, from 1 to [`FanOut::MOST`].
    pub concurrency: usize,
    pub on_error: OnError,
    /// Whether the outputs of the items are kept.
    pub collect: bool,
}

impl FanOut {
    /// The largest concurrency.
    pub const MOST: usize = 1_000;
}

/// What follows when an item fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The task fails with it; the other items that are under way are abandoned.
    #[default]
    Stop,
    /// It is counted, and the others go on.
    Continue,
}

#[derive(Debug)]
pub struct Listen {
    pub to: Strategy,
    pub read: ReadAs,
    pub foreach: Option<Foreach>,
}

#[derive(Debug)]
pub struct Foreach {
    pub item: String,
    pub at: String,
    pub tasks: TaskList,
    pub output: Filter,
    pub export: Filter,
}

/// What of an event is given to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadAs {
    #[default]
    Data,
    Envelope,
    Raw,
}

/// Which events are waited for.
#[derive(Debug, Clone)]
pub enum Strategy {
    One(EventFilter),
    /// Each of them once.
    All(Vec<EventFilter>),
    /// The first that fits one of them (any event at all where there are none), or all until something happens.
    Any {
        filters: Vec<EventFilter>,
        until: Option<Until>,
    },
}

impl Strategy {
    pub fn filters(&self) -> &[EventFilter] {
        match self {
            Self::One(filter) => std::slice::from_ref(filter),
            Self::All(filters) | Self::Any { filters, .. } => filters,
        }
    }
}

#[derive(Debug, Clone)]
pub enum Until {
    /// On the array of what was consumed.
    Condition(Expression),
    Consumed(Box<Strategy>),
}

/// Events whose attributes fit.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// Attribute and what it must be: a literal, or an expression on the attribute.
    pub with: Vec<(String, Template)>,
    pub correlate: Vec<Correlation>,
}

impl EventFilter {
    /// The type that an event must have, where the filter says it literally.
    pub fn event_type(&self) -> Option<String> {
        let (_, template) = self.with.iter().find(|(name, _)| name == "type")?;
        match template {
            Template::Literal(literal) => value::to_json(literal).ok()?.as_str().map(str::to_owned),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Correlation {
    pub name: String,
    /// On the event.
    pub from: Expression,
    /// The first value extracted is expected of all that follow, where there is none.
    pub expect: Option<Template>,
}

#[derive(Debug)]
pub struct RunWorkflow {
    pub namespace: String,
    pub name: String,
    /// A version, or `latest`.
    pub version: String,
    pub input: Option<Template>,
    /// Whether the task waits for the end of that run.
    pub awaits: bool,
}

#[derive(Debug)]
pub struct Case {
    pub name: String,
    /// The case for all else where there is none.
    pub when: Option<Expression>,
    pub then: Flow,
}

#[derive(Debug)]
pub struct Try {
    pub tasks: TaskList,
    /// Fields that a caught error must have.
    pub errors: Option<Template>,
    /// Name of the variable with the error.
    pub variable: String,
    pub when: Option<Expression>,
    pub except_when: Option<Expression>,
    pub retry: Option<Retry>,
    pub handler: Option<TaskList>,
    pub then: Option<Flow>,
}

#[derive(Debug, Clone)]
pub struct Retry {
    pub when: Option<Expression>,
    pub except_when: Option<Expression>,
    pub delay: Option<Span>,
    pub backoff: Backoff,
    /// How often the tasks are repeated, beyond the first time.
    pub count: Option<u64>,
    /// How long one attempt may take.
    pub attempt: Option<Span>,
    /// How long all attempts and their delays may take.
    pub duration: Option<Span>,
    /// Added to every delay: between the first and the second.
    pub jitter: Option<(Span, Span)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// The delay each time.
    Constant,
    /// The delay times the number of the attempt.
    Linear,
    /// The delay, doubled after each attempt.
    Exponential,
}

/// Tasks that surround all tasks of a kind.
#[derive(Debug)]
pub struct Extension {
    pub name: String,
    /// A word of [`Kind::word`], or `all`.
    pub extend: String,
    pub when: Option<Expression>,
    pub before: Option<TaskList>,
    pub after: Option<TaskList>,
}
