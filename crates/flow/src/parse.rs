//! Text to definition, or all that is wrong with it.

use crate::{
    document::{self, Definition},
    keys, official,
    problem::{Problem, Problems},
    yaml,
};

/// Reads a definition from YAML or JSON. `source_name` is what problems name as the file.
///
/// What needs a catalogue (functions, their arguments) is left to [`check`](crate::check).
pub fn parse(source_name: &str, text: &str) -> Result<Definition, Problems> {
    let in_file = |problems: Vec<Problem>| {
        Problems(problems.into_iter().map(|problem| problem.in_file(source_name)).collect())
    };
    let (source, positions) = yaml::read(text).map_err(|problem| in_file(vec![problem]))?;
    let mut problems = keys::check(&source, &positions);
    if problems.is_empty() {
        problems = official::check(&source, &positions);
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(in_file(problems));
    }
    document::read(source_name, source, positions).map_err(|problems| in_file(problems.0))
}
