//! Which task follows which: names that exist, tasks that something leads to.

use super::Checker;
use crate::{
    document::{Flow, Kind, Task, TaskList},
    pointer::join,
    problem::did_you_mean,
};

impl Checker<'_> {
    pub(super) fn order(&mut self, tasks: &TaskList, at: &str) {
        if tasks.is_empty() && !at.is_empty() {
            self.push(at, "the list of tasks is empty", None);
        }
        self.duplicates(tasks);
        for task in tasks.iter() {
            for (pointer, flow) in directives(task) {
                self.target(tasks, task, &pointer, flow);
            }
        }
        self.unreachable(tasks);
    }

    pub(super) fn duplicates(&mut self, tasks: &TaskList) {
        for (index, task) in tasks.iter().enumerate() {
            if tasks[..index].iter().any(|before| before.name == task.name) {
                let message = format!("two tasks of this list are called {}", task.name);
                self.push_at_key(&task.pointer, message, Some("rename one of them".to_owned()));
            }
        }
    }

    fn target(&mut self, tasks: &TaskList, task: &Task, pointer: &str, flow: &Flow) {
        let Flow::To(name) = flow else { return };
        if tasks.iter().any(|other| other.name == *name) {
            return;
        }
        let words = ["continue", "exit", "end"];
        let names = tasks.iter().map(|task| task.name.as_str()).chain(words);
        let suggestion = did_you_mean(name, names).unwrap_or_else(|| {
            "name a task of the same list, or write continue, exit or end".to_owned()
        });
        let message =
            format!("task {} goes on to \"{name}\", which is no task of the same list", task.name);
        self.push(pointer, message, Some(suggestion));
    }

    fn unreachable(&mut self, tasks: &TaskList) {
        let mut reached = vec![false; tasks.len()];
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            if reached.get(index).is_none_or(|reached| *reached) {
                continue;
            }
            reached[index] = true;
            open.extend(successors(tasks, index));
        }
        for (task, reached) in tasks.iter().zip(reached) {
            if !reached {
                let message = format!("task {} can never run: nothing leads to it", task.name);
                self.push_at_key(&task.pointer, message, None);
            }
        }
    }
}

/// Everywhere in a task that it says what follows.
fn directives(task: &Task) -> Vec<(String, &Flow)> {
    let mut directives = Vec::new();
    if let Some(then) = &task.then {
        directives.push((join(&task.pointer, "then"), then));
    }
    match &task.kind {
        Kind::Switch(cases) => {
            for (index, case) in cases.iter().enumerate() {
                let at = join(&format!("{}/switch/{index}", task.pointer), &case.name);
                directives.push((join(&at, "then"), &case.then));
            }
        }
        Kind::Try(attempt) => {
            let then = attempt.then.as_ref();
            directives.extend(then.map(|then| (format!("{}/catch/then", task.pointer), then)));
        }
        _ => {}
    }
    directives
}

fn successors(tasks: &TaskList, index: usize) -> Vec<usize> {
    let task = &tasks[index];
    let place = |flow: &Flow| match flow {
        Flow::Continue => Some(index + 1),
        Flow::Exit | Flow::End => None,
        Flow::To(name) => tasks.iter().position(|task| task.name == *name),
    };
    let own = task.then.as_ref().unwrap_or(&Flow::Continue);
    let mut next: Vec<usize> = Vec::new();
    match &task.kind {
        Kind::Raise(_) => {}
        Kind::Switch(cases) => {
            next.extend(cases.iter().filter_map(|case| place(&case.then)));
            if cases.iter().all(|case| case.when.is_some()) {
                next.extend(place(own));
            }
        }
        Kind::Try(attempt) => {
            next.extend(place(own));
            next.extend(attempt.then.as_ref().and_then(place));
        }
        _ => next.extend(place(own)),
    }
    if task.condition.is_some() {
        next.push(index + 1);
    }
    next
}
