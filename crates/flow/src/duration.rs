//! Durations: fixed, or given by an expression when they are needed.

use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    expression::{EvaluationError, Expression, Val, value},
    template,
};

const DAY: i64 = 86_400;
/// Longest duration, so that instants stay in range: 1,000 years.
const LONGEST: i64 = 1_000 * 366 * DAY;

/// How long something waits or may take.
#[derive(Debug, Clone)]
pub enum Span {
    Fixed(SignedDuration),
    Expression(Expression),
}

impl Span {
    /// Reads `PT30S`, `{seconds: 30}` or `${ … }`; `None` after a report.
    pub(crate) fn read(source: &Value, at: &str, report: template::Report<'_>) -> Option<Self> {
        if let Value::String(text) = source
            && crate::expression::embedded(text).is_some()
        {
            return template::parse(text, at, false, report).map(Self::Expression);
        }
        match parse(source) {
            Ok(duration) => Some(Self::Fixed(duration)),
            Err(message) => {
                report(at, None, message);
                None
            }
        }
    }

    /// The duration, with an expression evaluated by `evaluate`; the inner error says why its value is none.
    pub(crate) fn resolve(
        &self,
        evaluate: &mut dyn FnMut(&Expression) -> Result<Val, EvaluationError>,
    ) -> Result<Result<SignedDuration, String>, EvaluationError> {
        match self {
            Self::Fixed(duration) => Ok(Ok(*duration)),
            Self::Expression(expression) => {
                let value = evaluate(expression)?;
                Ok(value::to_json(&value).and_then(|value| parse(&value)))
            }
        }
    }
}

/// Reads a duration from `PT30S` or from `{days, hours, minutes, seconds, milliseconds}`.
pub fn parse(source: &Value) -> Result<SignedDuration, String> {
    let milliseconds = match source {
        Value::String(text) => iso8601(text)
            .ok_or_else(|| format!("\"{text}\" is not a duration; write PT30S or P1DT2H"))?,
        Value::Object(parts) => {
            let mut total = 0_i128;
            for (unit, amount) in parts {
                let factor = match unit.as_str() {
                    "days" => DAY * 1_000,
                    "hours" => 3_600_000,
                    "minutes" => 60_000,
                    "seconds" => 1_000,
                    "milliseconds" => 1,
                    other => return Err(format!("\"{other}\" is not a unit of a duration")),
                };
                let Some(amount) = amount.as_i64().filter(|amount| *amount >= 0) else {
                    return Err(format!("{unit} must be a whole number, not {amount}"));
                };
                total += i128::from(factor) * i128::from(amount);
            }
            total
        }
        other => return Err(format!("{other} is not a duration; write PT30S or {{seconds: 30}}")),
    };
    match i64::try_from(milliseconds) {
        Ok(milliseconds) if milliseconds / 1_000 <= LONGEST => {
            Ok(SignedDuration::from_millis(milliseconds))
        }
        _ => Err("a duration of more than 1,000 years".to_owned()),
    }
}

/// Milliseconds of an ISO 8601 duration; a year counts 365 days, a month 30.
fn iso8601(text: &str) -> Option<i128> {
    let mut rest = text.strip_prefix('P')?;
    let (mut total, mut in_time, mut any) = (0_i128, false, false);
    let mut units: &[(char, i64)] =
        &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)];
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|_| !in_time) {
            units = &[('H', 3_600), ('M', 60), ('S', 1)];
            (in_time, rest) = (true, time);
            if rest.is_empty() {
                return None;
            }
            continue;
        }
        let end = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.chars().next()?;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        let seconds = units[place].1;
        units = units.get(place + 1..)?;
        total = total.checked_add(milliseconds(number, seconds)?)?;
        rest = tail.strip_prefix(unit)?;
        any = true;
    }
    any.then_some(total)
}

/// `1.5` times a number of seconds, in whole milliseconds.
fn milliseconds(number: &str, seconds: i64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let unit = i128::from(seconds) * 1_000;
    let mut total = whole.parse::<i128>().ok()?.checked_mul(unit)?;
    if !fraction.is_empty() {
        let digits: String = fraction.chars().take(9).collect();
        let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        total = total.checked_add(digits.parse::<i128>().ok()? * unit / scale)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read() {
        for (source, milliseconds) in [
            (json!("PT30S"), Some(30_000)),
            (json!("P1DT2H3M4.5S"), Some(93_784_500)),
            (json!("P1W"), Some(604_800_000)),
            (json!("P1M"), Some(2_592_000_000)),
            (json!({"hours": 1, "milliseconds": 5}), Some(3_600_005)),
            (json!("PT"), None),
            (json!("P"), None),
            (json!("PT5D"), None),
            (json!("PT1S1M"), None),
            (json!("30s"), None),
            (json!({"weeks": 1}), None),
            (json!({"days": -1}), None),
            (json!("P99999Y"), None),
            (json!(5), None),
        ] {
            let duration = parse(&source).ok().map(|duration| duration.as_millis());
            assert_eq!(duration, milliseconds, "{source}");
        }
    }
}
