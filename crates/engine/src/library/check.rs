//! All that can be said of a definition before it runs: mistakes, doubts, and how it reads.

use std::sync::Arc;

use callboard_apps::Catalogue;
use callboard_flow::document::{Call, Kind};
use callboard_flow::{Definition, Problem, reading};
use url::{Host, Url};

use super::{Source, survey};
use crate::approvals::Callable;
use crate::engine::Engine;
use crate::schedules;
use crate::triggers;

/// Says why the language's own calls do not go to an address.
pub type MayReach<'a> = &'a dyn Fn(&Url) -> Result<(), String>;

/// What was found.
#[derive(Debug)]
pub struct Checked {
    /// Where it has no mistakes.
    pub definition: Option<Arc<Definition>>,
    pub mistakes: Vec<Problem>,
    /// What can be right and probably is not. Nothing is kept from running by it.
    pub warnings: Vec<Problem>,
    /// In plain words what it does, where it has no mistakes.
    pub reading: Option<String>,
}

/// Where the address of one of the language's own calls may stand, below its task.
const ADDRESSES: [&str; 6] = [
    "with/endpoint",
    "with/endpoint/uri",
    "with/document/endpoint",
    "with/document/endpoint/uri",
    "with/transport/http/endpoint",
    "with/transport/http/endpoint/uri",
];

/// Checks a definition. `calls` judges addresses; none where the language's own calls are not performed at all.
pub fn check(source: &Source, catalogue: &Catalogue, calls: Option<MayReach<'_>>) -> Checked {
    let definition = match callboard_flow::parse(&source.file, &source.text) {
        Ok(definition) => definition,
        Err(problems) => return Checked::wrong(problems.0, Vec::new()),
    };
    let mut warnings = callboard_flow::warnings(&definition, &Callable(catalogue));
    warnings.extend(calls.into_iter().flat_map(|calls| unreachable(&definition, calls)));
    in_order(&mut warnings);
    let mistakes = mistakes(&definition, catalogue, calls.is_some());
    if !mistakes.is_empty() {
        return Checked::wrong(mistakes, warnings);
    }
    let reading = Some(reading(&definition, &Callable(catalogue)));
    Checked { definition: Some(Arc::new(definition)), mistakes, warnings, reading }
}

impl Checked {
    fn wrong(mistakes: Vec<Problem>, warnings: Vec<Problem>) -> Self {
        Self { definition: None, mistakes, warnings, reading: None }
    }
}

/// Every mistake of a definition that could be read.
pub(super) fn mistakes(
    definition: &Definition,
    catalogue: &Catalogue,
    raw_calls: bool,
) -> Vec<Problem> {
    let mut mistakes = callboard_flow::check(definition, &Callable(catalogue));
    mistakes.extend(survey::unsupported(definition, raw_calls));
    mistakes.extend(schedules::problems(definition));
    mistakes.extend(triggers::problems(definition));
    in_order(&mut mistakes);
    mistakes
}

fn in_order(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| (problem.line, problem.column));
}

/// Calls to addresses that stand in the text and that workflows may not reach.
fn unreachable(definition: &Definition, calls: MayReach<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    survey::visit(definition, &mut |task| {
        if !matches!(&task.kind, Kind::Call(Call::Http(_) | Call::OpenApi(_) | Call::Mcp(_))) {
            return;
        }
        for place in ADDRESSES {
            let pointer = format!("{}/{place}", task.pointer);
            let address = definition.source.pointer(&pointer).and_then(|value| value.as_str());
            // What is an expression, or a template of a host, is judged when it is called.
            let Some(url) = address.and_then(|text| Url::parse(text).ok()) else { continue };
            let Err(why) = calls(&url) else { continue };
            let problem = definition.positions.problem(&pointer, why).in_file(&definition.file);
            let suggestion = match url.host() {
                Some(Host::Domain(host)) => format!(
                    "start the server with --allow-host {host}, or call a catalogued action"
                ),
                Some(address) => format!(
                    "call a public host by its name, or a catalogued action; an address of your own network needs \
                     --allow-private-host {address}"
                ),
                None => "call a host by its name, or a catalogued action".to_owned(),
            };
            found.push(Problem { suggestion: Some(suggestion), ..problem });
        }
    });
    found
}

impl Engine {
    /// All that can be said of a definition that somebody shows, without keeping it.
    pub fn check(&self, source: &Source) -> Checked {
        let performer = &self.shared.performer;
        let calls = |url: &Url| performer.may_reach(url);
        let calls: Option<MayReach<'_>> = performer.performs_calls().then_some(&calls);
        check(source, &self.shared.catalogue, calls)
    }
}
