//! `[a TO b]` and `{a TO b}` over numbers, texts and dates, which may be partial.

use std::cmp::Ordering;

use serde_json::Value;

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    Open,
    Inclusive(String),
    Exclusive(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: Bound,
    pub(super) high: Bound,
}

impl Range {
    pub(super) fn contains(&self, value: &Value) -> bool {
        let low = match &self.low {
            Bound::Open => true,
            Bound::Inclusive(bound) => {
                order(value, bound, Rounding::Down).is_some_and(Ordering::is_ge)
            }
            Bound::Exclusive(bound) => {
                order(value, bound, Rounding::Up).is_some_and(Ordering::is_gt)
            }
        };
        let high = match &self.high {
            Bound::Open => true,
            Bound::Inclusive(bound) => {
                order(value, bound, Rounding::Up).is_some_and(Ordering::is_le)
            }
            Bound::Exclusive(bound) => {
                order(value, bound, Rounding::Down).is_some_and(Ordering::is_lt)
            }
        };
        low && high
    }
}

/// Whether `2024-12-31` stands for the first or the last moment of that day.
#[derive(Clone, Copy, PartialEq)]
enum Rounding {
    Down,
    Up,
}

fn order(value: &Value, bound: &str, rounding: Rounding) -> Option<Ordering> {
    match value {
        Value::Number(number) => number.as_f64()?.partial_cmp(&bound.parse().ok()?),
        // A partial date covers everything that begins with it.
        Value::String(text)
            if rounding == Rounding::Up && is_date(bound) && text.starts_with(bound) =>
        {
            Some(Ordering::Equal)
        }
        Value::String(text) => Some(text.as_str().cmp(bound)),
        _ => None,
    }
}

fn is_date(text: &str) -> bool {
    let year = text.get(..4).unwrap_or_default();
    year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(text.as_bytes().get(4), None | Some(b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ends_are_inclusive_exclusive_or_open() {
        let inclusive = |text: &str| Bound::Inclusive(text.into());
        let exclusive = |text: &str| Bound::Exclusive(text.into());
        for (low, high, value, inside) in [
            (inclusive("100"), Bound::Open, json!(100), true),
            (exclusive("100"), Bound::Open, json!(100), false),
            (inclusive("9"), inclusive("10"), json!(9.5), true),
            (Bound::Open, inclusive("2024-12-31"), json!("2024-12-31T23:00:00.000Z"), true),
            (Bound::Open, exclusive("2024-12-31"), json!("2024-12-31T00:00:00.000Z"), false),
            (exclusive("2025-01-01"), Bound::Open, json!("2025-01-01T10:00:00.000Z"), false),
            (
                inclusive("2018-12"),
                exclusive("2019-01-01"),
                json!("2018-12-31T10:00:00.000Z"),
                true,
            ),
            (inclusive("a"), inclusive("b"), json!(true), false),
        ] {
            let range = Range { low, high };
            assert_eq!(range.contains(&value), inside, "{range:?} {value}");
        }
    }
}
