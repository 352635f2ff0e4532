//! The row of a collection.

use callboard_contract::ErrorBody;
use serde_json::Value;

use super::fields::{Fields, masking, without};
use super::id_form::IdForm;
use crate::pipeline::{ApiError, Context};
use crate::store::{CommitError, Conflict, Key, Kind};

/// The key by which the things of a parent are found.
pub(super) const OF_PARENT: &str = "parent";

/// What is to be known about a family of things with ids.
pub(in crate::management) struct Family {
    pub(in crate::management) kind: Kind,
    pub(in crate::management) id: IdForm,
    /// The member that holds the id.
    pub(in crate::management) id_field: &'static str,
    /// The path parameter that holds the id.
    pub(in crate::management) path_id: &'static str,
    /// What the thing belongs to, where the path says so.
    pub(in crate::management) parent: Option<Parent>,
    /// The refusal of an id that does not exist.
    pub(in crate::management) missing: fn(&str) -> ErrorBody,
    /// The refusal of an id that the caller chose and that is taken.
    pub(in crate::management) exists: fn(&str) -> ErrorBody,
    /// Members whose value no two things share.
    pub(in crate::management) unique: &'static [Unique],
    /// How many there may be, and what is said to one more.
    pub(in crate::management) most: Option<(u64, &'static str)>,
    /// What a new one has where the caller says nothing.
    pub(in crate::management) fresh: fn(&Context) -> Value,
    /// What the server works out itself, before the thing is stored.
    pub(in crate::management) arrange: fn(&Context, Occasion<'_>, &mut Fields),
    /// Dotted paths that are stored and never shown.
    pub(in crate::management) hidden: &'static [&'static str],
    /// Dotted paths whose values are stored and shown as asterisks.
    pub(in crate::management) masked: &'static [&'static str],
    /// All that a list shows, where that is not everything.
    pub(in crate::management) summary: &'static [&'static str],
    /// Whether things say when they were made and last changed.
    pub(in crate::management) stamped: bool,
    pub(in crate::management) repeated_delete: Repeated,
    /// What a deletion answers where it answers anything.
    pub(in crate::management) farewell: fn() -> Value,
    /// Families whose things go with the one that they belong to.
    pub(in crate::management) children: &'static [&'static Family],
    /// Operation and log title of each verb that the family has; reads have no title.
    pub(in crate::management) routes: &'static [(Verb, &'static str, &'static str)],
}

/// What a request to a collection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::management) enum Verb {
    Create,
    Read,
    List,
    /// `PATCH`: first-level members are replaced.
    Merge,
    /// `PUT`: all but id and time of creation is replaced.
    Replace,
    /// `PUT` that also creates.
    Put,
    Delete,
}

/// What a second `DELETE` of the same thing answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::management) enum Repeated {
    /// The same as the first.
    Same,
    /// 404.
    NotFound,
}

/// A member whose value is taken once at most.
#[derive(Debug, Clone, Copy)]
pub(in crate::management) struct Unique {
    pub(in crate::management) field: &'static str,
    /// What is said to the second.
    pub(in crate::management) taken: &'static str,
}

/// What a thing belongs to.
#[derive(Clone, Copy)]
pub(in crate::management) struct Parent {
    pub(in crate::management) kind: Kind,
    /// The path parameter with its id.
    pub(in crate::management) path_id: &'static str,
    /// The member of the thing that holds its id.
    pub(in crate::management) field: &'static str,
    pub(in crate::management) missing: fn(&str) -> ErrorBody,
}

/// Why a thing is about to be stored.
#[derive(Debug, Clone, Copy)]
pub(in crate::management) enum Occasion<'a> {
    /// There are so many others already.
    Creation {
        others: u64,
    },
    Change {
        before: &'a Fields,
        sent: &'a Fields,
    },
}

impl Family {
    /// A family without any peculiarity.
    pub(in crate::management) const fn new(
        kind: &'static str,
        id: IdForm,
        missing: fn(&str) -> ErrorBody,
    ) -> Self {
        Self {
            kind: Kind(kind),
            id,
            id_field: "id",
            path_id: "id",
            parent: None,
            missing,
            exists: |_| ErrorBody::new(409, "Conflict"),
            unique: &[],
            most: None,
            fresh: |_| Value::Null,
            arrange: |_, _, _| {},
            hidden: &[],
            masked: &[],
            summary: &[],
            stamped: true,
            repeated_delete: Repeated::Same,
            farewell: || Value::Object(Fields::new()),
            children: &[],
            routes: &[],
        }
    }

    /// What callers see of a stored thing.
    pub(in crate::management) fn shown(&self, stored: Value) -> Value {
        masking(without(stored, self.hidden), self.masked)
    }

    pub(in crate::management) fn keys(&self, thing: &Value) -> Vec<Key> {
        let unique = self.unique.iter().filter_map(|unique| {
            let value = thing.get(unique.field)?.as_str()?;
            Some(Key::unique(unique.field, value))
        });
        let parent = self
            .parent
            .and_then(|parent| Some(Key::shared(OF_PARENT, thing.get(parent.field)?.as_str()?)));
        unique.chain(parent).collect()
    }

    /// What a failed commit means to the caller.
    pub(in crate::management) fn refusal(&self, error: CommitError) -> ApiError {
        match &error {
            CommitError::Conflict(Conflict::Exists { id, .. }) if self.id == IdForm::Chosen => {
                (self.exists)(id).into()
            }
            CommitError::Conflict(Conflict::Taken { key, .. }) => {
                match self.unique.iter().find(|unique| unique.field == *key) {
                    Some(unique) => ApiError::conflict(unique.taken),
                    None => error.into(),
                }
            }
            _ => error.into(),
        }
    }
}
