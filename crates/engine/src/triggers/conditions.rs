//! What a workflow says about the events that start it beyond one of them: `schedule.on` with `all` or `until`, and
//! `document.metadata.window`. Read from the definition, checked when it is loaded.

use std::collections::BTreeSet;

use callboard_flow::document::{EventFilter, Strategy, Until};
use callboard_flow::expression::{self, Expression};
use callboard_flow::profile::Concurrency;
use callboard_flow::{Definition, Problem, duration};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::wants::{filters_of, takes_everything};
use crate::engine::Shared;
use crate::journal::Trigger;
use crate::library::Workflow;
use crate::store::{Gather, NewRun, Rule};

/// What events do: runs that begin, and events that others wait for.
#[derive(Debug, Default)]
pub(crate) struct Reactions {
    pub(crate) starts: Vec<NewRun>,
    pub(crate) gathers: Vec<Gather>,
}

/// Events that wait for others wait so long, unless the window says otherwise.
const USUAL_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);
const WINDOW: &str = "/document/metadata/window";
const MOST_COUNTED: u64 = 1_000;
const KEYS: [&str; 4] = ["count", "by", "within", "coolDown"];

/// The condition of a workflow.
#[derive(Debug, Clone)]
struct Window {
    count: Option<usize>,
    by: Option<Expression>,
    within: Option<SignedDuration>,
    cool_down: Option<SignedDuration>,
}

impl Shared {
    /// What an event does to those workflows of the library that want it.
    pub(crate) fn reactions(
        &self,
        event: &Value,
        trigger: &Trigger,
        wants: &dyn Fn(&Workflow) -> bool,
    ) -> Reactions {
        let mut reactions = Reactions::default();
        for workflow in self.library.list().into_iter().filter(|workflow| wants(workflow)) {
            self.react(&workflow, event, trigger, &mut reactions);
        }
        reactions
    }

    fn react(
        &self,
        workflow: &Workflow,
        event: &Value,
        trigger: &Trigger,
        reactions: &mut Reactions,
    ) {
        let definition = &workflow.definition;
        let Some(schedule) = &definition.schedule else { return };
        let Some(on) = &schedule.on else { return };
        let Some((part, correlations)) = part_of(on, event) else { return };
        let given = schedule.read.of(event);
        let window = Reader::new(definition).window();
        let rule = rule_of(on, &window);
        let Some(rule) = rule else {
            let run = self.new_run(definition, json!([given]), trigger.clone());
            reactions.starts.push(run);
            return;
        };
        let Some(key) = key_of(&window, &rule, event, &correlations) else { return };
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let happened = text("time").parse::<Timestamp>().ok();
        let now = self.time.now();
        // Who asked for it stays unknown: others may have brought the other events.
        let run = self.new_run(definition, Value::Null, trigger.clone());
        reactions.gathers.push(Gather {
            workflow: definition.document.name.clone(),
            key,
            part,
            event_id: format!("{}#{}", text("source"), text("id")),
            // What claims to come from the future happened now.
            event_at: happened.map_or(now, |at| at.min(now)),
            given,
            rule,
            run,
            concurrency: Concurrency::of(definition),
        });
    }
}

/// Which filter an event fits, with what it is correlated by. What ends the gathering is numbered after it.
fn part_of(on: &Strategy, event: &Value) -> Option<(u32, Map<String, Value>)> {
    if takes_everything(on) && !matches!(on, Strategy::Any { until: Some(Until::Consumed(_)), .. })
    {
        return Some((0, Map::new()));
    }
    let fit =
        |filter: &EventFilter| filter.fits(event).then(|| filter.correlations(event)).flatten();
    let numbered = |filters: &[EventFilter]| {
        let mut fits = (0..).zip(filters).filter_map(|(part, filter)| Some((part, fit(filter)?)));
        fits.next()
    };
    match on {
        Strategy::One(_) | Strategy::All(_) => numbered(on.filters()),
        Strategy::Any { filters, until: Some(Until::Consumed(until)) } => {
            let ends = numbered(until.filters()).map(|(part, found)| (part + 1, found));
            ends.or_else(|| {
                if filters.is_empty() {
                    return Some((0, Map::new()));
                }
                filters.iter().find_map(|filter| fit(filter).map(|found| (0, found)))
            })
        }
        Strategy::Any { filters, .. } => {
            filters.iter().find_map(|filter| fit(filter).map(|found| (0, found)))
        }
    }
}

/// None where each event starts a run of its own.
fn rule_of(on: &Strategy, window: &Window) -> Option<Rule> {
    let within = window.within.unwrap_or(USUAL_WAIT);
    if let Some(count) = window.count {
        let cool_down = window.cool_down.unwrap_or(within);
        return Some(Rule::Count { count, within, cool_down });
    }
    let parts = |filters: &[EventFilter]| u32::try_from(filters.len()).unwrap_or(u32::MAX);
    match on {
        Strategy::All(filters) if filters.len() > 1 => {
            Some(Rule::All { parts: parts(filters), within })
        }
        Strategy::Any { until: Some(Until::Condition(condition)), .. } => {
            Some(Rule::UntilHolds { condition: condition.clone(), within })
        }
        Strategy::Any { until: Some(Until::Consumed(until)), .. } => Some(match &**until {
            Strategy::All(filters) => Rule::UntilAll { parts: parts(filters) + 1, within },
            _ => Rule::UntilAny { within },
        }),
        _ => None,
    }
}

/// Of a window what `by` says; else what the events are correlated by. None where the event belongs to nobody.
fn key_of(
    window: &Window,
    rule: &Rule,
    event: &Value,
    correlations: &Map<String, Value>,
) -> Option<String> {
    let by = match (rule, &window.by) {
        (Rule::Count { .. }, Some(by)) => by,
        (Rule::Count { .. }, None) => return Some(String::new()),
        _ => {
            let sorted: Vec<(&String, &Value)> = {
                let mut all: Vec<_> = correlations.iter().collect();
                all.sort_by_key(|(name, _)| *name);
                all
            };
            return serde_json::to_string(&sorted).ok();
        }
    };
    match by.evaluate(event, &Map::new()).ok()? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Every mistake in the conditions of a definition.
pub(crate) fn problems(definition: &Definition) -> Vec<Problem> {
    let mut reader = Reader::new(definition);
    let window = reader.window();
    let on = definition.schedule.as_ref().and_then(|schedule| schedule.on.as_ref());
    let has_window = definition.source.pointer(WINDOW).is_some();
    match on {
        None if has_window => {
            reader.problem(
                WINDOW,
                "a window counts events, and none are named",
                "add `schedule: {on: …}`",
            );
        }
        None => {}
        Some(on) => reader.check(on, &window, has_window),
    }
    reader.problems
}

/// What a workflow waits for, as a sentence; none where each event starts a run of its own.
pub(crate) fn sentence(definition: &Definition) -> Option<String> {
    let on = definition.schedule.as_ref()?.on.as_ref()?;
    let window = Reader::new(definition).window();
    Some(match rule_of(on, &window)? {
        Rule::Count { count, within, cool_down } => {
            let by = window.by.map(|by| format!(" with the same `{}`", by.text()));
            let by = by.unwrap_or_default();
            format!("{count} events{by} within {within:#}, then none for {cool_down:#}")
        }
        Rule::All { parts, within } => {
            format!("one event of each of {parts} kinds within {within:#}")
        }
        Rule::UntilAll { within, .. }
        | Rule::UntilAny { within }
        | Rule::UntilHolds { within, .. } => {
            format!("events until it is enough, none older than {within:#}")
        }
    })
}

struct Reader<'d> {
    definition: &'d Definition,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    fn new(definition: &'d Definition) -> Self {
        Self { definition, problems: Vec::new() }
    }

    fn window(&mut self) -> Window {
        let window = self.definition.source.pointer(WINDOW);
        let get = |key: &str| window.and_then(|window| window.get(key));
        for key in window.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            if !KEYS.contains(&key.as_str()) {
                let message = format!("a window has no `{key}`");
                let suggestion =
                    "write `window: {count: 10, by: .data.user_id, within: PT5M, coolDown: PT30M}`";
                self.problem(&format!("{WINDOW}/{key}"), &message, suggestion);
            }
        }
        let count = get("count").and_then(|value| {
            let count = value.as_u64().filter(|count| (1..=MOST_COUNTED).contains(count));
            if count.is_none() {
                let message = format!("`count` is a number from 1 to {MOST_COUNTED}, not {value}");
                self.problem(&format!("{WINDOW}/count"), &message, "write a whole number");
            }
            usize::try_from(count?).ok()
        });
        let by = get("by").and_then(|value| {
            let text = value.as_str().unwrap_or_default();
            let (bare, _) = expression::bare(text);
            let parsed = Expression::parse(bare);
            if let Err(error) = &parsed {
                let message = format!("`by` is no expression on the event: {}", error.message);
                self.problem(&format!("{WINDOW}/by"), &message, "write `.data.user_id`");
            }
            parsed.ok()
        });
        Window {
            count,
            by,
            within: self.span(get("within"), "within"),
            cool_down: self.span(get("coolDown"), "coolDown"),
        }
    }

    fn span(&mut self, value: Option<&Value>, key: &str) -> Option<SignedDuration> {
        match duration::parse(value?) {
            Ok(span) if span > SignedDuration::ZERO => return Some(span),
            Ok(_) => self.problem(&format!("{WINDOW}/{key}"), "it takes no time", "write `PT5M`"),
            Err(why) => self.problem(&format!("{WINDOW}/{key}"), &why, "write `PT5M`"),
        }
        None
    }

    fn check(&mut self, on: &Strategy, window: &Window, has_window: bool) {
        let gathers = !matches!(rule_of(on, window), None | Some(Rule::Count { .. }));
        if window.count.is_some() && window.within.is_none() {
            self.problem(
                WINDOW,
                "a window that counts needs to know how long it is",
                "add `within: PT5M`",
            );
        }
        if has_window && window.count.is_none() && !gathers {
            self.problem(
                WINDOW,
                "a window needs to know how many events are enough",
                "add `count: 10`",
            );
        }
        let is_plain = matches!(on, Strategy::One(_) | Strategy::Any { until: None, .. });
        if window.count.is_some() && !is_plain {
            let message = "a window counts events that fit one filter or any of several";
            self.problem("/schedule/on", message, "use `on: {any: […]}` with a window");
        }
        if let Strategy::Any { until: Some(Until::Consumed(until)), .. } = on
            && matches!(**until, Strategy::Any { until: Some(_), .. })
        {
            let message = "an `until` within an `until` is not performed by this version";
            self.problem("/schedule/on/until", message, "name the events that end it");
        }
        if !gathers {
            return;
        }
        let names = |filter: &EventFilter| -> BTreeSet<String> {
            filter.correlate.iter().map(|correlation| correlation.name.clone()).collect()
        };
        let all: BTreeSet<BTreeSet<String>> = filters_of(on).into_iter().map(names).collect();
        if all.len() > 1 {
            let message = "events that start a run together are correlated by the same names";
            self.problem("/schedule/on", message, "give every filter the same `correlate`");
        }
    }

    fn problem(&mut self, pointer: &str, message: &str, suggestion: &str) {
        let problem = self.definition.positions.problem(pointer, message.to_owned());
        self.problems.push(Problem {
            suggestion: Some(suggestion.to_owned()),
            ..problem.in_file(&self.definition.file)
        });
    }
}
