//! What the rules ask of a connection, whichever database is at its other end.
//!
//! Statements are written once: parameters are `?1`, instants are microseconds since 1970, rows are read by column name.

use crate::store::StoreError;

/// A connection. Whoever writes is inside a transaction that an error undoes.
pub(in crate::store) trait Connection {
    fn dialect(&self) -> &'static Dialect;

    /// Runs a statement and tells how many rows it changed.
    fn execute(&self, sql: &str, values: &[&dyn Parameter]) -> Result<usize, StoreError>;

    /// Runs a statement whose count nobody needs; that it failed may be told as late as at the end of the transaction.
    fn perform(&self, sql: &str, values: &[&dyn Parameter]) -> Result<(), StoreError> {
        self.execute(sql, values).map(drop)
    }

    /// Runs statements without values.
    fn batch(&self, sql: &str) -> Result<(), StoreError>;

    /// Runs a statement and hands over its rows one by one.
    fn query(
        &self,
        sql: &str,
        values: &[&dyn Parameter],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// Where databases differ in what the rules need.
#[derive(Debug)]
pub(in crate::store) struct Dialect {
    /// Ends a query whose rows nobody else may change until the transaction is over.
    pub(in crate::store) for_update: &'static str,
    /// The same, and rows that somebody else holds are passed by.
    pub(in crate::store) for_update_skip_locked: &'static str,
    /// Takes the tables' changes for one alone, where that is not so anyway.
    pub(in crate::store) alone: Option<&'static str>,
    /// Holds what a number stands for until the transaction is over, where others could come between.
    pub(in crate::store) hold: Option<&'static str>,
    /// A migration as this database understands it. They are written as SQLite takes them.
    pub(in crate::store) migration: fn(&str) -> String,
}

/// A row of an answer.
pub(in crate::store) trait Row {
    fn cell(&self, column: &str) -> Result<Value<'_>, String>;
    /// The first column.
    fn first(&self) -> Value<'_>;
}

/// What stands in a cell, or for a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A value for a place in a statement.
pub(in crate::store) trait Parameter {
    fn value(&self) -> Value<'_>;
}

/// A value from a cell.
pub(in crate::store) trait FromValue: Sized {
    /// `None` where the cell holds something else.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::store::sql::connection::Parameter),*]
    };
}
pub(in crate::store) use params;

impl Parameter for str {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Parameter for String {
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Parameter for i64 {
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl Parameter for u32 {
    fn value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl Parameter for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<T: Parameter + ?Sized> Parameter for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Parameter::value)
    }
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_owned()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
