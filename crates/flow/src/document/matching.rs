//! Whether an event fits a filter, and what of it is read.

use serde_json::{Map, Value};

use super::{Correlation, EventFilter, ReadAs};
use crate::{
    expression::{EvaluationError, Expression, Val, value},
    template::Template,
};

/// Evaluates an expression on an attribute.
type Evaluate<'e> = &'e mut dyn FnMut(&Expression, &Val) -> Result<Val, EvaluationError>;

impl EventFilter {
    /// Whether the attributes of an event fit, for events that start runs: expressions see the attribute and no variables.
    /// Correlations are not looked at; the first event of a run has nothing to agree with.
    pub fn fits(&self, event: &Value) -> bool {
        self.attributes_fit(&value::from_json(event), &mut |expression, attribute| {
            expression.run(attribute.clone(), &|_| None)
        })
    }

    /// What the event is correlated by, for events that start runs; none where it is not as expected or says nothing.
    pub fn correlations(&self, event: &Value) -> Option<Map<String, Value>> {
        let event = value::from_json(event);
        let mut found = Map::new();
        for Correlation { name, from, expect } in &self.correlate {
            let value = from.run(event.clone(), &|_| None).ok()?;
            if let Some(expect) = expect {
                let expected =
                    expect.render(&mut |expression| expression.run(event.clone(), &|_| None));
                if expected.ok()? != value {
                    return None;
                }
            }
            let value = value::to_json(&value).ok().filter(|value| !value.is_null())?;
            found.insert(name.clone(), value);
        }
        Some(found)
    }

    /// Whether an event of this type may fit.
    pub fn admits_type(&self, event_type: &str) -> bool {
        let attribute = value::from_json(&Value::from(event_type));
        let of_type = self.with.iter().filter(|(name, _)| name == "type");
        of_type.into_iter().all(|(_, template)| {
            let evaluate: Evaluate<'_> =
                &mut |expression, attribute| expression.run(attribute.clone(), &|_| None);
            attribute_fits(template, &attribute, evaluate).unwrap_or(false)
        })
    }

    /// An event of another shape, on which an expression fails, does not fit.
    pub(crate) fn attributes_fit(&self, event: &Val, evaluate: Evaluate<'_>) -> bool {
        self.with.iter().all(|(name, template)| {
            let attribute = value::get(event, name).cloned().unwrap_or_default();
            attribute_fits(template, &attribute, evaluate).unwrap_or(false)
        })
    }
}

/// A literal must be equal (of objects: what it names); an expression on the attribute must be true or equal.
fn attribute_fits(
    template: &Template,
    attribute: &Val,
    evaluate: Evaluate<'_>,
) -> Result<bool, EvaluationError> {
    let wanted = template.render(&mut |expression| evaluate(expression, attribute))?;
    Ok(match (template, &wanted) {
        (Template::Expression(_), Val::Bool(verdict)) if !matches!(attribute, Val::Bool(_)) => {
            *verdict
        }
        _ => within(&wanted, attribute),
    })
}

/// Whether all that `wanted` names is so in `found`.
fn within(wanted: &Val, found: &Val) -> bool {
    match (wanted, found) {
        (Val::Obj(wanted), Val::Obj(found)) => wanted
            .iter()
            .all(|(key, wanted)| found.get(key).is_some_and(|found| within(wanted, found))),
        _ => wanted == found,
    }
}

impl ReadAs {
    /// What of an event is given to a run.
    pub fn of(self, event: &Value) -> Value {
        match self {
            Self::Envelope => event.clone(),
            Self::Data | Self::Raw => event.get("data").cloned().unwrap_or_default(),
        }
    }
}
