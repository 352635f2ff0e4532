//! SQLite: the embedded default.
//!
//! One thread writes and commits what has queued up as a group (`synchronous=FULL`); a few threads read beside it.

mod threads;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::StoreError;
use super::sql::connection::{self, Dialect, Parameter, Row, Value};

pub(super) use threads::Threads;

/// One writer at a time: nothing needs to be locked.
static DIALECT: Dialect = Dialect {
    for_update: "",
    for_update_skip_locked: "",
    alone: None,
    hold: None,
    migration: str::to_owned,
};

impl connection::Connection for Connection {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn execute(&self, sql: &str, values: &[&dyn Parameter]) -> Result<usize, StoreError> {
        let values = params_from_iter(values.iter().map(|value| value.value()));
        let run = || self.prepare_cached(sql)?.execute(values);
        run().map_err(|error| failed("wrote", &error))
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.execute_batch(sql).map_err(|error| failed("changed the schema", &error))
    }

    fn query(
        &self,
        sql: &str,
        values: &[&dyn Parameter],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = |error: rusqlite::Error| failed("read", &error);
        let mut statement = self.prepare_cached(sql).map_err(failed)?;
        let values = params_from_iter(values.iter().map(|value| value.value()));
        let mut found = statement.query(values).map_err(failed)?;
        while let Some(row) = found.next().map_err(failed)? {
            each(row)?;
        }
        Ok(())
    }
}

impl Row for rusqlite::Row<'_> {
    fn cell(&self, column: &str) -> Result<Value<'_>, String> {
        self.get_ref(column).map(value).map_err(|error| error.to_string())
    }

    fn first(&self) -> Value<'_> {
        self.get_ref(0).map_or(Value::Null, value)
    }
}

/// Tables are strict and hold none but these kinds.
fn value(cell: ValueRef<'_>) -> Value<'_> {
    match cell {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Bytes(text), Value::Text),
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn failed(tried: &'static str, error: &rusqlite::Error) -> StoreError {
    StoreError::Failed { tried, why: error.to_string() }
}
