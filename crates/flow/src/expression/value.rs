//! JSON values as jq's, and back.

use std::sync::Arc;

use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

use super::MAX_DEPTH;

/// Integers up to here are exact as floating-point numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(crate) fn text(text: &str) -> Val {
    Val::utf8_str(text.to_owned())
}

pub(crate) fn object(entries: impl IntoIterator<Item = (&'static str, Val)>) -> Val {
    Val::obj(entries.into_iter().map(|(key, value)| (text(key), value)).collect())
}

pub(crate) fn from_json(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => Val::Num(from_number(number)),
        Value::String(value) => text(value),
        Value::Array(items) => items.iter().map(from_json).collect(),
        Value::Object(entries) => {
            Val::obj(entries.iter().map(|(key, value)| (text(key), from_json(value))).collect())
        }
    }
}

fn from_number(number: &Number) -> Num {
    if let Some(value) = number.as_i64() {
        Num::from_integral(value)
    } else if let Some(value) = number.as_u64() {
        Num::from_integral(value)
    } else {
        Num::Float(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// Fails on what JSON cannot say: keys that are not texts, bytes that are not UTF-8, nesting without end.
pub(crate) fn to_json(value: &Val) -> Result<Value, String> {
    convert(value, MAX_DEPTH)
}

fn convert(value: &Val, depth: usize) -> Result<Value, String> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(format!("the value is nested deeper than {MAX_DEPTH} levels"));
    };
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Num(number) => to_number(number),
        Val::TStr(text) | Val::BStr(text) => Value::String(utf8(text)?),
        Val::Arr(items) => items
            .iter()
            .map(|item| convert(item, below))
            .collect::<Result<_, _>>()
            .map(Value::Array)?,
        Val::Obj(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, value) in entries.iter() {
                let Val::TStr(key) = key else {
                    return Err(format!("the key {key} of an object is not a text"));
                };
                map.insert(utf8(key)?, convert(value, below)?);
            }
            Value::Object(map)
        }
    })
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not valid UTF-8".to_owned())
}

fn to_number(number: &Num) -> Value {
    let float = match number {
        Num::Int(value) => return Value::from(*value),
        Num::BigInt(value) => {
            let digits = value.to_string();
            match digits.parse::<u64>() {
                Ok(value) => return Value::from(value),
                Err(_) => digits.parse().unwrap_or(f64::NAN),
            }
        }
        Num::Float(value) => *value,
        Num::Dec(text) => text.parse().unwrap_or(f64::NAN),
    };
    // jq writes a whole number without a fraction.
    if float.fract() == 0.0
        && float.abs() < EXACT
        && let Ok(whole) = format!("{float:.0}").parse::<i64>()
    {
        return Value::from(whole);
    }
    let finite = if float.is_infinite() { f64::MAX.copysign(float) } else { float };
    Number::from_f64(finite).map_or(Value::Null, Value::Number)
}

/// Whether no path into the value is longer than `levels`. Never recurses deeper than that.
pub(crate) fn within_depth(value: &Val, levels: usize) -> bool {
    match value {
        Val::Arr(items) if !items.is_empty() => {
            levels > 0 && items.iter().all(|item| within_depth(item, levels - 1))
        }
        Val::Obj(entries) if !entries.is_empty() => {
            levels > 0 && entries.values().all(|item| within_depth(item, levels - 1))
        }
        _ => true,
    }
}

/// The value of `key`, where the value is an object that has it.
pub(crate) fn get<'v>(value: &'v Val, key: &str) -> Option<&'v Val> {
    match value {
        Val::Obj(entries) => entries.get(&text(key)),
        _ => None,
    }
}

/// What jq's `if` takes for true.
pub(crate) fn truthy(value: &Val) -> bool {
    !matches!(value, Val::Null | Val::Bool(false))
}

/// The items of an array, shared.
pub(crate) fn items(value: &Val) -> Option<Arc<Vec<Val>>> {
    match value {
        Val::Arr(items) => Some(items.clone()),
        _ => None,
    }
}
