//! The filters that expressions may use: jq's own, without those that read the outside, with loops that burn fuel.

use std::{cell::Cell, cmp::Ordering};

use jaq_core::{
    Error, Exn, compile,
    data::JustLut,
    load::{self, Arena, File, Loader},
    native::{self, Fun, bome, v},
};
use jaq_json::{Num, Val};

use super::{MAX_ITEMS, MAX_TEXT, value};

pub(super) type Data = JustLut<Val>;
pub(super) type Filter = jaq_core::Filter<Data>;

const OUT_OF_FUEL: &str = "it took too many steps";
const TOO_LARGE: &str = "a text or array in it grew too large";

/// Native filters that are left out.
const WITHOUT: [&str; 14] = [
    "env",
    "now",
    "halt",
    "debug_empty",
    "stderr_empty",
    "localtime",
    "strflocaltime",
    "input",
    "inputs",
    "input_filename",
    "range",
    "fromjson",
    "halt_error",
    "input_line_number",
];
/// Definitions that are left out or replaced.
const REDEFINED: [&str; 10] = [
    "stderr",
    "debug",
    "halt",
    "halt_error",
    "repeat",
    "recurse",
    "while",
    "until",
    "combinations",
    "join",
];
/// Their replacements, in terms of the fuel.
const DEFINITIONS: &str = r"
def __none: {}[] as $__item | .;
def __tick: __fuel as $__unit | .;
def __whole: __weigh as $__unit | .;
def __short: __spell as $__unit | .;
def __pattern: __regex as $__unit | .;
def repeat(f): def rec: __tick | f, rec; rec;
def recurse(f): def rec: __tick | ., (f | rec); rec;
def recurse: ..;
def recurse(f; cond): recurse(f | if cond then . else __none end);
def while(cond; update): def rec: __tick | if cond then ., (update | rec) else __none end; rec;
def until(cond; update): def rec: __tick | if cond then . else update | rec end; rec;
def join($s): __join($s);
";

mod weight;

thread_local! {
    static FUEL: Cell<u64> = const { Cell::new(0) };
    static STOPPED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Gives the evaluation that follows on this thread its fuel.
pub(super) fn refuel(units: u64) {
    FUEL.set(units);
    STOPPED.set(None);
}

/// Which limit the evaluation on this thread has run into, caught or not.
pub(super) fn stopped() -> Option<&'static str> {
    STOPPED.get()
}

fn stop(limit: &'static str) -> Error<Val> {
    STOPPED.set(Some(limit));
    Error::str(limit)
}

/// Refuses a result that is too large to be walked through.
pub(super) fn weigh(value: &Val) -> Result<(), &'static str> {
    weight::weigh(value).map_err(|_| STOPPED.get().unwrap_or(TOO_LARGE))
}

fn burn(units: u64) -> Result<(), Error<Val>> {
    match FUEL.get().checked_sub(units) {
        Some(rest) if STOPPED.get().is_none() => {
            FUEL.set(rest);
            Ok(())
        }
        _ => Err(stop(STOPPED.get().unwrap_or(OUT_OF_FUEL))),
    }
}

/// Burns fuel for what an addition has made, by its size: it may all be kept.
fn grown(text_bytes: usize, items: usize) -> Result<(), Error<Val>> {
    if text_bytes > MAX_TEXT || items > MAX_ITEMS {
        return Err(stop(TOO_LARGE));
    }
    burn(1 + (text_bytes as u64 >> 9) + (items as u64 >> 7))
}

fn sized(value: Val) -> Result<Val, Error<Val>> {
    match &value {
        Val::TStr(text) | Val::BStr(text) => grown(text.len(), 0)?,
        Val::Arr(items) => grown(0, items.len())?,
        Val::Obj(entries) => grown(0, entries.len())?,
        _ => {}
    }
    Ok(value)
}

fn times(left: Val, right: Val) -> Result<Val, Error<Val>> {
    if let (Val::TStr(text) | Val::BStr(text), Val::Num(count))
    | (Val::Num(count), Val::TStr(text) | Val::BStr(text)) = (&left, &right)
    {
        let count = match count {
            Num::Int(count) => usize::try_from(*count).unwrap_or(0),
            // A fraction of a repetition counts as a whole one.
            Num::Float(count) if *count < 1.0 => 1,
            _ => usize::MAX,
        };
        grown(text.len().saturating_mul(count), 0)?;
    }
    if let (Val::Num(left), Val::Num(right)) = (&left, &right) {
        weight::product(left, right)?;
    }
    left * right
}

fn join(input: Val, separator: &Val) -> Result<Val, Error<Val>> {
    let Val::Arr(items) = &input else {
        return Err(Error::typ(input, "array"));
    };
    if items.is_empty() {
        return Ok(Val::utf8_str(String::new()));
    }
    let Val::TStr(separator) = separator else {
        return Err(Error::typ(separator.clone(), "string"));
    };
    let mut joined: Vec<u8> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        burn(1)?;
        if index > 0 {
            joined.extend_from_slice(separator);
        }
        match item {
            Val::Null => {}
            Val::TStr(text) => joined.extend_from_slice(text),
            other => joined.extend_from_slice(other.to_string().as_bytes()),
        }
        if joined.len() > MAX_TEXT {
            return Err(stop(TOO_LARGE));
        }
    }
    Ok(Val::utf8_str(joined))
}

fn parse_json(input: Val) -> Result<Val, Error<Val>> {
    let Val::TStr(text) = &input else {
        return Err(Error::typ(input, "string"));
    };
    match serde_json::from_slice(text) {
        Ok(parsed) => Ok(value::from_json(&parsed)),
        Err(error) => Err(Error::str(format_args!("cannot parse the text as JSON: {error}"))),
    }
}

fn range<'a>(from: Val, to: Val, by: Val) -> impl Iterator<Item = Result<Val, Exn<'a, Val>>> {
    let zero = Val::from(0_isize);
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let here = next.take()?;
        let goes_on = match by.cmp(&zero) {
            Ordering::Greater => here < to,
            Ordering::Less => here > to,
            Ordering::Equal => here != to,
        };
        if !goes_on {
            return None;
        }
        if let Err(error) = burn(1) {
            return Some(Err(Exn::from(error)));
        }
        match here.clone() + by.clone() {
            Ok(after) => next = Some(after),
            Err(error) => return Some(Err(Exn::from(error))),
        }
        Some(Ok(here))
    })
}

fn own_filters() -> Vec<Fun<Data>> {
    vec![
        native::run(("__fuel", v(0), |_| bome(burn(1).map(|()| Val::Null)))),
        native::run(("__weigh", v(0), |cv| bome(weight::weigh(&cv.1).map(|()| Val::Null)))),
        native::run(("__spell", v(0), |cv| bome(weight::spell(&cv.1).map(|()| Val::Null)))),
        native::run(("__regex", v(0), |cv| bome(weight::pattern(&cv.1).map(|()| Val::Null)))),
        native::run(("__sized", v(0), |cv| bome(sized(cv.1)))),
        native::run(("__times", v(2), |mut cv| {
            let right = cv.0.pop_var();
            let left = cv.0.pop_var();
            bome(times(left, right))
        })),
        native::run(("__join", v(1), |mut cv| {
            let separator = cv.0.pop_var();
            bome(join(cv.1, &separator))
        })),
        native::run(("fromjson", v(0), |cv| bome(parse_json(cv.1)))),
        native::run(("range", v(3), |mut cv| {
            let by = cv.0.pop_var();
            let to = cv.0.pop_var();
            let from = cv.0.pop_var();
            Box::new(range(from, to, by))
        })),
    ]
}

/// Compiles a guarded and rewritten expression.
pub(super) fn compile(text: &str, variables: &[String]) -> Result<Filter, String> {
    let base = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|definition| !REDEFINED.contains(&definition.name));
    let own = load::parse(DEFINITIONS, |parser| parser.defs()).unwrap_or_default();
    let natives = jaq_core::funs::<Data>()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, _, _)| !WITHOUT.contains(name))
        .chain(own_filters());
    let globals: Vec<String> = variables.iter().map(|name| format!("${name}")).collect();
    let arena = Arena::default();
    let modules = Loader::new(own.into_iter().chain(base))
        .load(&arena, File { code: text, path: () })
        .map_err(|_| "not a jq expression".to_owned())?;
    compile::Compiler::default()
        .with_funs(natives)
        .with_global_vars(globals.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| undefined(&errors))
}

/// `there is no filter "lenght"`, with those that are nearly called so.
fn undefined(errors: &compile::Errors<&str, ()>) -> String {
    let Some((name, kind)) = errors.iter().flat_map(|(_, errors)| errors).next() else {
        return "not a jq expression".to_owned();
    };
    let what = match kind {
        compile::Undefined::Filter(arity) => {
            let mut known: Vec<String> = jaq_core::defs()
                .chain(jaq_std::defs())
                .chain(jaq_json::defs())
                .map(|definition| definition.name.to_owned())
                .chain(jaq_core::funs::<Data>().map(|(name, _, _)| name.to_owned()))
                .chain(jaq_std::funs::<Data>().map(|(name, _, _)| name.to_owned()))
                .chain(jaq_json::funs::<Data>().map(|(name, _, _)| name.to_owned()))
                .collect();
            known.sort();
            known.dedup();
            if known.iter().any(|known| known == name) {
                return format!("the filter \"{name}\" does not take {arity} arguments");
            }
            let near = crate::problem::did_you_mean(name, known.iter().map(String::as_str));
            let near = near.map(|near| format!("; {near}")).unwrap_or_default();
            return format!("there is no filter \"{name}\"{near}");
        }
        compile::Undefined::Var => "variable",
        compile::Undefined::Label => "label",
        compile::Undefined::Mod => "module",
        _ => "thing",
    };
    format!("there is no {what} \"{name}\"")
}
