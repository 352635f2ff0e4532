//! What a definition says that can be right and probably is not.

use crate::{
    check::Functions,
    document::Definition,
    pointer::join,
    problem::{Problem, did_you_mean},
    profile::{self, Profile},
};

/// Every doubt about a definition, in the order of the text. None of them keeps it from running.
pub fn warnings(definition: &Definition, functions: &dyn Functions) -> Vec<Problem> {
    let mut doubts = profile::doubtful(definition);
    doubts.extend(unknown_apps(definition, functions));
    doubts.sort_by_key(|problem| (problem.line, problem.column));
    doubts
}

/// Links for apps that no function belongs to.
fn unknown_apps(definition: &Definition, functions: &dyn Functions) -> Vec<Problem> {
    let names = functions.names();
    let apps: Vec<&str> = names.iter().filter_map(|name| name.split('.').next()).collect();
    let links = Profile::of(definition).links;
    let unknown = links.keys().filter(|app| !apps.contains(&app.as_str()));
    let doubts = unknown.map(|app| {
        let message = format!("there is no app \"{app}\"");
        let at = join("/document/metadata/links", app);
        let mut known = apps.clone();
        known.sort_unstable();
        known.dedup();
        Problem {
            suggestion: did_you_mean(app, known),
            ..definition.positions.problem_at_key(&at, message).in_file(&definition.file)
        }
    });
    doubts.collect()
}
