//! Families that behave alike: one engine, and a row of facts for what differs between them.
//!
//! A [`Family`] is a collection of things with ids (log streams, rules, forms); a [`Singleton`] is the one document at an
//! address (branding, a policy, the texts of a prompt). Which answer has which status, which query parameters filter and
//! how a list is wrapped follows from the contract; the rest stands in the rows, beside what is special about a family.

mod collection;
mod family;
mod fields;
mod id_form;
mod listing;
pub(super) mod singleton;

pub(super) use collection::{behaviours, create, find, listed, merge, of_parent};
pub(super) use family::{Family, Occasion, Parent, Repeated, Unique, Verb};
pub(super) use fields::{Change, Fields, fields_of, without};
pub(super) use id_form::{IdForm, uuid};
pub(super) use listing::{Listing, every};
pub(super) use singleton::{Singleton, behaviours as singleton_behaviours};

use callboard_contract::{Operation, contract};
use http::StatusCode;

/// The operation; a misspelt id is refused when the routes are built.
pub(super) fn operation(id: &str) -> Option<&'static Operation> {
    contract().operation(id)
}

/// The status with which the operation succeeds.
pub(super) fn success(id: &str) -> StatusCode {
    operation(id)
        .and_then(|operation| StatusCode::from_u16(operation.success).ok())
        .unwrap_or(StatusCode::OK)
}
