//! One evaluation, within its limits.

use std::fmt::Write as _;

use jaq_core::{Ctx, Vars, unwrap_valr};
use jaq_json::Val;

use super::{
    MAX_DEPTH, MAX_ITEMS,
    library::{self, Data, Filter},
    value,
};

/// Stack of the thread that evaluates expressions which may nest values step by step, in bytes. It is reserved, not
/// used, unless they do.
const LARGE_STACK: usize = 512 << 20;

pub(super) enum Stop {
    Failed(String),
    Limit(&'static str),
}

pub(super) fn run(
    filter: &Filter,
    folds: bool,
    fuel: u64,
    input: Val,
    variables: Vec<Val>,
) -> Result<Val, Stop> {
    if !folds {
        // jq's filters are many; a panic in one is the expression's failure and nobody else's.
        let evaluated = std::panic::AssertUnwindSafe(|| evaluate(filter, fuel, input, variables));
        return std::panic::catch_unwind(evaluated)
            .unwrap_or_else(|_| Err(Stop::Failed("the evaluation broke off".to_owned())));
    }
    with_large_stack(|| evaluate(filter, fuel, input, variables))
        .unwrap_or_else(|message| Err(Stop::Failed(message.to_owned())))
}

/// A value that a loop has nested hundreds of thousands deep is dropped recursively, and so is read a long expression.
pub(super) fn with_large_stack<T: Send>(
    work: impl FnOnce() -> T + Send,
) -> Result<T, &'static str> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err("the evaluation broke off"),
            Err(_) => Err("no thread could be started for the evaluation"),
        }
    })
}

fn evaluate(filter: &Filter, fuel: u64, input: Val, variables: Vec<Val>) -> Result<Val, Stop> {
    library::refuel(fuel);
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(variables));
    let mut outputs = Vec::new();
    for output in filter.id.run((context, input)).map(unwrap_valr) {
        let output = output.map_err(|error| match library::stopped() {
            Some(limit) => Stop::Limit(limit),
            None => Stop::Failed(beginning(&error)),
        })?;
        // First the weight: what is shared inside may be small in memory and endless to walk through.
        library::weigh(&output).map_err(Stop::Limit)?;
        if !value::within_depth(&output, MAX_DEPTH) {
            return Err(Stop::Limit("its result is nested too deeply"));
        }
        if outputs.len() >= MAX_ITEMS {
            return Err(Stop::Limit("it has too many results"));
        }
        outputs.push(output);
    }
    if let Some(limit) = library::stopped() {
        return Err(Stop::Limit(limit));
    }
    Ok(match outputs.len() {
        0 => Val::Null,
        1 => outputs.swap_remove(0),
        _ => outputs.into_iter().collect(),
    })
}

/// Messages quote values, which may be long beyond measure: no more is written than is kept.
fn beginning(error: &impl std::fmt::Display) -> String {
    let mut kept = Beginning(String::new());
    match write!(kept, "{error}") {
        Ok(()) => kept.0,
        Err(_) => kept.0 + "…",
    }
}

struct Beginning(String);

impl std::fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        const LONGEST: usize = 300;
        let left = LONGEST.saturating_sub(self.0.chars().count());
        self.0.extend(text.chars().take(left));
        if text.chars().nth(left).is_some() { Err(std::fmt::Error) } else { Ok(()) }
    }
}
