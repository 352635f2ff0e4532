//! The files of an export: one line a user, as JSON or as comma-separated values.

use serde_json::{Map, Value};

/// Columns where a request names none.
const DEFAULT: [&str; 6] =
    ["user_id", "email", "name", "identities[0].connection", "created_at", "updated_at"];

/// Which part of a user stands in a column, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    path: String,
    name: String,
}

impl Column {
    /// From the `fields` of a request.
    pub(super) fn all_of(fields: &[Value]) -> Vec<Self> {
        if fields.is_empty() {
            return DEFAULT.map(|path| Self { path: path.into(), name: path.into() }).into();
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let column = |field: &Value| {
            let path = text(&field["name"])?;
            let name = text(&field["export_as"]).unwrap_or_else(|| path.clone());
            Some(Self { path, name })
        };
        fields.iter().filter_map(column).collect()
    }

    /// `identities[0].connection` leads through arrays and objects.
    fn value<'u>(&self, user: &'u Value) -> Option<&'u Value> {
        let steps = self.path.split(['.', '[', ']']).filter(|step| !step.is_empty());
        steps.into_iter().try_fold(user, |value, step| match step.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(step),
        })
    }
}

pub(super) fn lines(columns: &[Column], users: &[Value]) -> String {
    let line = |user: &Value| {
        let row: Map<String, Value> = columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.value(user)?.clone())))
            .collect();
        format!("{}\n", Value::Object(row))
    };
    users.iter().map(line).collect()
}

/// Texts begin with an apostrophe, so that no spreadsheet takes them for a formula.
pub(super) fn csv(columns: &[Column], users: &[Value]) -> String {
    let head: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
    let row = |user: &Value| -> Vec<String> {
        let cells = columns.iter().map(|column| match column.value(user) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => format!("\"'{}\"", text.replace('"', "\"\"")),
            Some(other) => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
        });
        cells.collect()
    };
    let rows = users.iter().map(row);
    std::iter::once(head).chain(rows).map(|cells| cells.join(",") + "\n").collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn users_are_written_as_lines_of_json_and_of_cells() {
        let columns = Column::all_of(&[
            json!({"name": "email"}),
            json!({"name": "identities[0].connection", "export_as": "provider"}),
            json!({"name": "user_metadata.plan"}),
        ]);
        let users = [json!({"email": "a\"@x", "identities": [{"connection": "db"}]})];
        assert_eq!(lines(&columns, &users), "{\"email\":\"a\\\"@x\",\"provider\":\"db\"}\n");
        let head = "email,provider,user_metadata.plan\n";
        assert_eq!(csv(&columns, &users), format!("{head}\"'a\"\"@x\",\"'db\",\n"));
    }
}
