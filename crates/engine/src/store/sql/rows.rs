//! Columns to values and back.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::connection::{FromValue, Row};
use crate::store::StoreError;

/// Microseconds since 1970; instants in between are rounded up, so that nothing is due too early.
pub(super) fn to_micros(at: Timestamp) -> i64 {
    let micros = at.as_microsecond();
    if at.subsec_nanosecond() % 1_000 > 0 { micros + 1 } else { micros }
}

pub(super) fn optional_micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(to_micros)
}

/// Names with commas between, so that one of them can be found; nothing without any.
pub(super) fn to_list(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(","))
}

pub(super) fn from_list(text: Option<&str>) -> BTreeSet<String> {
    text.into_iter().flat_map(|text| text.split(',')).map(str::to_owned).collect()
}

/// One row of a table on its way to a value; names what is wrong with it.
pub(super) struct Columns<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a dyn Row,
}

impl Columns<'_> {
    pub(super) fn get<T: FromValue>(&self, name: &str) -> Result<T, StoreError> {
        let value = self
            .row
            .cell(name)
            .map_err(|why| StoreError::Failed { tried: "read a column", why })?;
        T::from_value(value)
            .ok_or_else(|| self.inconsistent(&format!("its `{name}` is of another kind")))
    }

    pub(super) fn at(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.instant(self.get(name)?)
    }

    pub(super) fn optional_at(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        self.get::<Option<i64>>(name)?.map(|micros| self.instant(micros)).transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let text: String = self.get(name)?;
        serde_json::from_str(&text).map_err(|error| self.inconsistent(&error.to_string()))
    }

    pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, StoreError> {
        let text: String = self.get(name)?;
        text.parse().map_err(|error: T::Err| self.inconsistent(&error.to_string()))
    }

    pub(super) fn inconsistent(&self, why: &str) -> StoreError {
        let id = String::from_value(self.row.first()).unwrap_or_else(|| "?".into());
        StoreError::Inconsistent { table: self.table, id, why: why.to_owned() }
    }

    fn instant(&self, micros: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(micros).map_err(|error| self.inconsistent(&error.to_string()))
    }
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    let text = serde_json::to_string(value);
    text.map_err(|error| StoreError::Failed {
        tried: "wrote a value as JSON",
        why: error.to_string(),
    })
}
