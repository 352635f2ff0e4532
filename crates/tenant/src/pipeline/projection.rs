//! `fields=a,b` and `include_fields`.

use serde_json::{Map, Value};

use super::Request;

/// Which fields of an object the caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Projection {
    Everything,
    Only(Vec<String>),
    Without(Vec<String>),
}

impl Projection {
    pub(crate) fn of(request: &Request) -> Self {
        let names = request.query_text("fields").unwrap_or_default();
        let names: Vec<_> =
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Self::Everything;
        }
        let names = names.into_iter().map(str::to_owned).collect();
        if request.query_flag("include_fields").unwrap_or(true) {
            Self::Only(names)
        } else {
            Self::Without(names)
        }
    }

    /// A dotted name stands for its first segment's sub-field.
    pub(crate) fn apply(&self, value: Value) -> Value {
        let Value::Object(object) = value else { return value };
        Value::Object(match self {
            Self::Everything => object,
            Self::Only(names) => only(object, names),
            Self::Without(names) => {
                object.into_iter().filter(|(name, _)| !names.contains(name)).collect()
            }
        })
    }

    /// The same, but with one field that is shown whether or not it was asked for.
    pub(crate) fn apply_keeping(&self, field: &str, value: Value) -> Value {
        let kept = value.get(field).cloned();
        let mut shown = self.apply(value);
        if let (Self::Only(_), Some(kept)) = (self, kept) {
            shown[field] = kept;
        }
        shown
    }

    pub(crate) fn apply_all(&self, values: impl IntoIterator<Item = Value>) -> Vec<Value> {
        values.into_iter().map(|value| self.apply(value)).collect()
    }
}

fn only(object: Map<String, Value>, names: &[String]) -> Map<String, Value> {
    object
        .into_iter()
        .filter_map(|(name, value)| {
            if names.contains(&name) {
                return Some((name, value));
            }
            let inner: Vec<String> = names
                .iter()
                .filter_map(|wanted| wanted.strip_prefix(name.as_str())?.strip_prefix('.'))
                .map(str::to_owned)
                .collect();
            match value {
                Value::Object(nested) if !inner.is_empty() => {
                    Some((name, Value::Object(only(nested, &inner))))
                }
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_kept_or_left_out() {
        let whole = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": 4});
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (projection, expected) in [
            (Projection::Everything, whole.clone()),
            (Projection::Only(names(&["a", "x"])), json!({"a": 1})),
            (Projection::Only(names(&["b.c"])), json!({"b": {"c": 2}})),
            (Projection::Without(names(&["b"])), json!({"a": 1, "e": 4})),
        ] {
            assert_eq!(projection.apply(whole.clone()), expected, "{projection:?}");
        }
    }
}
