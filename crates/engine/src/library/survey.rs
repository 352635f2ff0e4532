//! A walk through a definition: which actions it calls, and what of it this engine cannot do.

use callboard_flow::document::{Call, Kind, Task, TaskList};
use callboard_flow::{Definition, Problem};

/// Names of the catalogued functions that a definition calls, each once.
pub(crate) fn calls(definition: &Definition) -> Vec<String> {
    let mut names = Vec::new();
    visit(definition, &mut |task| {
        if let Kind::Call(Call::Catalogued { name, .. }) = &task.kind
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    });
    names
}

/// What is right in the language and refused here, each with its place.
pub(super) fn unsupported(definition: &Definition, raw_calls: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |pointer: String, what: &str, suggestion: &str| {
        let problem = definition
            .positions
            .problem(&pointer, format!("{what} is not performed by this version"));
        problems.push(Problem {
            suggestion: Some(suggestion.to_owned()),
            ..problem.in_file(&definition.file)
        });
    };
    visit(definition, &mut |task| {
        let what = match &task.kind {
            Kind::Call(Call::Http(_) | Call::OpenApi(_) | Call::Mcp(_)) if raw_calls => return,
            Kind::Call(Call::Http(_)) => "`call: http`",
            Kind::Call(Call::OpenApi(_)) => "`call: openapi`",
            Kind::Call(Call::Mcp(_)) => "`call: mcp`",
            _ => return,
        };
        refuse(
            task.pointer.clone(),
            what,
            "use actions of the catalogue: `callboard actions list`",
        );
    });
    problems
}

pub(super) fn visit(definition: &Definition, see: &mut dyn FnMut(&Task)) {
    visit_list(&definition.tasks, see);
    for function in definition.functions.values() {
        visit_task(function, see);
    }
    for extension in &definition.extensions {
        for list in extension.before.iter().chain(&extension.after) {
            visit_list(list, see);
        }
    }
}

fn visit_list(list: &TaskList, see: &mut dyn FnMut(&Task)) {
    for task in list.iter() {
        visit_task(task, see);
    }
}

fn visit_task(task: &Task, see: &mut dyn FnMut(&Task)) {
    see(task);
    match &task.kind {
        Kind::Do(tasks) | Kind::Fork { branches: tasks, .. } => visit_list(tasks, see),
        Kind::For(each) => visit_list(&each.tasks, see),
        Kind::Listen(listen) => {
            if let Some(each) = &listen.foreach {
                visit_list(&each.tasks, see);
            }
        }
        Kind::Try(attempt) => {
            visit_list(&attempt.tasks, see);
            if let Some(handler) = &attempt.handler {
                visit_list(handler, see);
            }
        }
        Kind::Call(_)
        | Kind::Emit(_)
        | Kind::Raise(_)
        | Kind::Run(_)
        | Kind::Set(_)
        | Kind::Switch(_)
        | Kind::Wait(_)
        | Kind::Unsupported(_) => {}
    }
}
