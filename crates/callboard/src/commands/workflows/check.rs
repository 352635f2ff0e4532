//! `callboard workflows check`: mistakes as a compiler tells them, and what a right workflow does, in plain words.

use std::path::Path;

use callboard_engine::{Checked, Source};
use callboard_flow::Problem;
use serde_json::{Value, json};
use url::Url;

use crate::autopilot;
use crate::cli::Check;
use crate::exit::{Code, Failure};
use crate::output::{BAD, BOLD, DIM, DOUBT, GOOD, Output};

/// How bad what is explained is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Mistake,
    Doubt,
}

pub(super) fn run(arguments: &Check, output: &mut Output) -> anyhow::Result<()> {
    let catalogue = autopilot::catalogue(arguments.apps.as_deref())?;
    let calls = autopilot::calls(&arguments.allowed_hosts, &arguments.private_hosts)?;
    let may_reach = |url: &Url| calls.may_reach(url);
    let (mut mistakes, mut doubts, mut workflows) = (Vec::new(), Vec::new(), Vec::new());
    for file in &arguments.files {
        let name = file.display().to_string();
        let (text, checked) = match std::fs::read_to_string(file) {
            Ok(text) => {
                let source = Source { file: name.clone(), text };
                let checked = callboard_engine::check(&source, &catalogue, Some(&may_reach));
                (source.text, checked)
            }
            Err(error) => (String::new(), unreadable(file, &error)),
        };
        if !output.json() {
            tell(&name, &text, &checked, arguments, output);
        }
        workflows.extend(checked.reading.map(|reading| json!({"file": name, "reading": reading})));
        mistakes.extend(checked.mistakes);
        doubts.extend(checked.warnings);
    }
    let negative = !mistakes.is_empty() || (arguments.strict && !doubts.is_empty());
    if output.json() {
        let to_json = |problems: &[Problem]| problems.iter().map(to_json).collect::<Vec<_>>();
        output.document(&json!({
            "ok": !negative, "mistakes": to_json(&mistakes), "warnings": to_json(&doubts),
            "workflows": workflows,
        }))?;
    }
    if !negative {
        return Ok(());
    }
    let counts = [counted(mistakes.len(), "mistake"), counted(doubts.len(), "warning")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    Err(Failure::new(Code::Negative, counts.join(", ")).into())
}

fn tell(name: &str, text: &str, checked: &Checked, arguments: &Check, output: &mut Output) {
    for problem in &checked.mistakes {
        output.line(&explained(problem, Weight::Mistake, text));
    }
    for problem in &checked.warnings {
        output.line(&explained(problem, Weight::Doubt, text));
    }
    let Some(reading) = &checked.reading else { return };
    output.line(&format!("{GOOD}ok{GOOD:#} {BOLD}{name}{BOLD:#}"));
    if !arguments.quiet {
        output.line(&format!("\n{reading}\n"));
    }
}

fn counted(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Checked {
    let mistake = Problem {
        file: file.display().to_string(),
        line: 0,
        column: 0,
        pointer: String::new(),
        message: format!("the file cannot be read: {error}"),
        suggestion: None,
    };
    Checked { definition: None, mistakes: vec![mistake], warnings: Vec::new(), reading: None }
}

fn to_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file, "line": problem.line, "column": problem.column, "pointer": problem.pointer,
        "message": problem.message, "suggestion": problem.suggestion,
    })
}

/// A problem with the line it stands in, as a compiler shows it.
pub(super) fn explained(problem: &Problem, weight: Weight, text: &str) -> String {
    let (style, word) = match weight {
        Weight::Mistake => (BAD, "mistake"),
        Weight::Doubt => (DOUBT, "warning"),
    };
    let place = match problem.line {
        0 => problem.file.clone(),
        line => format!("{}:{line}:{}", problem.file, problem.column),
    };
    let mut lines = vec![
        format!("{style}{word}{style:#}: {BOLD}{}{BOLD:#}", problem.message),
        format!("{DIM}   --> {place}{DIM:#}"),
    ];
    let line = problem.line.checked_sub(1).and_then(|index| text.lines().nth(index));
    if let Some(line) = line {
        // Tabs before the place stay tabs, so that the caret stands below it.
        let indent: String = line
            .chars()
            .take(problem.column.saturating_sub(1))
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        lines.push(format!("{DIM}{:>5} |{DIM:#} {line}", problem.line));
        lines.push(format!("{DIM}      |{DIM:#} {indent}{style}^{style:#}"));
    }
    lines.extend(
        problem.suggestion.as_ref().map(|suggestion| format!("{DIM}      ={DIM:#} {suggestion}")),
    );
    lines.join("\n") + "\n"
}
