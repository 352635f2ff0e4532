//! Corrections: where recorded traffic contradicts the document, traffic wins.
//!
//! `data/overlay.json` is written by hand and says `because` with every entry. An entry that names nothing, or changes
//! nothing, is an error, so that it goes when the document catches up; the tests would tell.

use serde::Deserialize;
use serde_json::Value;

use crate::{Operation, Parameter, Place, contract::Facts, schemas::Schemas};

/// One correction and its reason.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    because: String,
    #[serde(flatten)]
    change: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    /// How the scopes of an operation combine.
    Scopes { operation: String, to: Vec<Vec<String>> },
    /// The status of the usual success; it also answers with what another status was documented to answer.
    Success { operation: String, to: u16 },
    /// The schema of a parameter; one that the document lacks is added.
    Parameter { operation: String, place: Place, name: String, to: Value },
    /// The operation refuses query parameters that it does not declare.
    ClosedQuery { operation: String },
    /// What the refusal of unknown properties adds to the sentence.
    UnknownPropertyHint { operation: String, to: String },
    /// A part of a schema is set to `to` or, without it, removed.
    Schema { name: String, at: String, to: Option<Value> },
    /// An operation that is newer than the document, written as the generator writes them.
    Operation(Box<Facts>),
}

/// An entry that names nothing or changes nothing.
#[derive(Debug, thiserror::Error)]
#[error("the entry for {target} {problem}; it says: {because}")]
pub(crate) struct Stale {
    target: String,
    problem: &'static str,
    because: String,
}

/// Applies the entries about operations; the list stays sorted by id.
pub(crate) fn correct_operations(
    entries: &[Entry],
    operations: &mut Vec<Operation>,
    schemas: &'static Schemas,
) -> Result<(), Stale> {
    for entry in entries {
        let changed = match &entry.change {
            Change::Schema { .. } => continue,
            Change::Operation(facts) => {
                let known = operations.iter().any(|operation| operation.id == facts.id);
                operations.push(facts.as_ref().clone().into_operation(schemas));
                Ok(!known)
            }
            change => change.operation_in(operations).map(|operation| change.apply(operation)),
        };
        entry.check(changed)?;
    }
    operations.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(())
}

/// Applies the entries about named schemas.
pub(crate) fn correct_schemas(entries: &[Entry], schemas: &mut Schemas) -> Result<(), Stale> {
    for entry in entries {
        let Change::Schema { name, at, to } = &entry.change else { continue };
        let changed =
            schemas.find(name).cloned().ok_or("names no schema").and_then(|mut schema| {
                let changed = set(&mut schema, at, to.as_ref())?;
                schemas.replace(name, schema);
                Ok(changed)
            });
        entry.check(changed)?;
    }
    Ok(())
}

impl Entry {
    fn check(&self, changed: Result<bool, &'static str>) -> Result<(), Stale> {
        let problem = match changed {
            Ok(true) => return Ok(()),
            Ok(false) => "changes nothing",
            Err(problem) => problem,
        };
        Err(Stale {
            target: self.change.target().to_owned(),
            problem,
            because: self.because.clone(),
        })
    }
}

impl Change {
    fn target(&self) -> &str {
        match self {
            Self::Scopes { operation, .. }
            | Self::Success { operation, .. }
            | Self::Parameter { operation, .. }
            | Self::ClosedQuery { operation }
            | Self::UnknownPropertyHint { operation, .. } => operation,
            Self::Schema { name, .. } => name,
            Self::Operation(facts) => &facts.id,
        }
    }

    fn operation_in<'o>(
        &self,
        operations: &'o mut [Operation],
    ) -> Result<&'o mut Operation, &'static str> {
        operations
            .iter_mut()
            .find(|operation| operation.id == self.target())
            .ok_or("names no operation")
    }

    /// Whether it made a difference.
    fn apply(&self, operation: &mut Operation) -> bool {
        match self {
            Self::Scopes { to, .. } => std::mem::replace(&mut operation.scopes, to.clone()) != *to,
            Self::Success { to, .. } => succeed_with(operation, *to),
            Self::Parameter { place, name, to, .. } => set_parameter(operation, *place, name, to),
            Self::ClosedQuery { .. } => !std::mem::replace(&mut operation.closed_query, true),
            Self::UnknownPropertyHint { to, .. } => {
                operation.unknown_property_hint.replace(to.clone()).as_ref() != Some(to)
            }
            Self::Schema { .. } | Self::Operation(_) => false,
        }
    }
}

fn succeed_with(operation: &mut Operation, status: u16) -> bool {
    let before = std::mem::replace(&mut operation.success, status);
    if !operation.answers.iter().any(|answer| answer.status == status)
        && let Some(answer) = operation.answers.iter_mut().find(|answer| answer.status == before)
    {
        answer.status = status;
    }
    before != status
}

fn set_parameter(operation: &mut Operation, place: Place, name: &str, schema: &Value) -> bool {
    let known = operation
        .parameters
        .iter_mut()
        .find(|parameter| parameter.place == place && parameter.name == name);
    if let Some(parameter) = known {
        return std::mem::replace(&mut parameter.schema, schema.clone()) != *schema;
    }
    let added = Parameter { place, name: name.to_owned(), required: false, schema: schema.clone() };
    operation.parameters.push(added);
    true
}

/// Sets or removes what a JSON pointer names. Only the last step may be new.
fn set(schema: &mut Value, pointer: &str, to: Option<&Value>) -> Result<bool, &'static str> {
    let (parent, key) = pointer.rsplit_once('/').ok_or("has no pointer")?;
    let parent =
        schema.pointer_mut(parent).and_then(Value::as_object_mut).ok_or("points to nothing")?;
    match to {
        Some(to) => Ok(parent.insert(key.to_owned(), to.clone()).as_ref() != Some(to)),
        None => parent.shift_remove(key).map(|_| true).ok_or("removes nothing"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_that_changes_nothing_is_an_error() {
        let entries: Vec<Entry> = serde_json::from_value(json!([
            {"schema": {"name": "Role", "at": "/type", "to": "object"}, "because": "it is an object"}
        ]))
        .unwrap();
        let mut schemas = Schemas::read("Role {\"type\":\"object\"}");
        let stale = correct_schemas(&entries, &mut schemas).unwrap_err();
        assert_eq!(
            stale.to_string(),
            "the entry for Role changes nothing; it says: it is an object"
        );
    }

    #[test]
    fn every_entry_gives_its_reason_in_a_sentence() {
        let entries: Vec<Entry> =
            serde_json::from_str(include_str!("../data/overlay.json")).unwrap();
        for entry in entries {
            assert!(entry.because.len() > 20 && entry.because.ends_with('.'), "{:?}", entry.change);
        }
    }

    #[test]
    fn no_entry_of_the_overlay_is_stale() {
        // Reading the contract applies every entry, and fails on one that names nothing or changes nothing.
        assert_eq!(
            crate::contract().operation("get_organization_clients").map(|added| added.success),
            Some(200)
        );
        let refused = crate::contract()
            .schema("UpdateUserRequestContent")
            .and_then(|schema| schema.get("additionalProperties"));
        assert_eq!(refused, Some(&json!(false)));
    }

    #[test]
    fn an_entry_about_an_unknown_operation_is_an_error() {
        let entries: Vec<Entry> = serde_json::from_value(json!([
            {"success": {"operation": "nobody", "to": 201}, "because": "it creates"}
        ]))
        .unwrap();
        let stale = entries
            .first()
            .map(|entry| entry.check(entry.change.operation_in(&mut []).map(|_| true)));
        assert_eq!(
            stale.unwrap().unwrap_err().to_string(),
            "the entry for nobody names no operation; it says: it creates"
        );
    }

    #[test]
    fn a_part_of_a_schema_can_be_set_and_removed() {
        let mut schema = json!({"type": "object", "properties": {"a": {}, "b": {}}});
        assert_eq!(set(&mut schema, "/properties/a", None), Ok(true));
        assert_eq!(set(&mut schema, "/additionalProperties", Some(&json!(false))), Ok(true));
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {"b": {}}, "additionalProperties": false})
        );
        assert_eq!(set(&mut schema, "/nowhere/a", None), Err("points to nothing"));
        assert_eq!(set(&mut schema, "/properties/a", None), Err("removes nothing"));
    }
}
