//! Identifiers: what each looks like, how it is read, how a new one is made.
//!
//! An id is read once, by `FromStr`, and trusted from then on. Making one needs bytes from outside: a closure that fills a
//! slice, so that this crate has no randomness of its own.

pub mod kinds;

mod log_id;
mod shape;
mod user_id;

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use log_id::{InvalidLogId, LogId};
pub use shape::{Alphabet, Shape};
pub use user_id::{InvalidUserId, UserId};

/// Fills a slice with random bytes.
pub type Random<'r> = &'r mut dyn FnMut(&mut [u8]);

/// What an id identifies.
pub trait Kind {
    /// The thing's name, for messages.
    const NAME: &'static str;
    /// What the id looks like.
    const SHAPE: Shape;
}

/// An identifier of one kind. It prints as it was read.
pub struct Id<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of {kind}: expected {shape}, as in `{example}`")]
pub struct InvalidId {
    text: String,
    kind: &'static str,
    shape: Shape,
    example: String,
}

impl<K: Kind> Id<K> {
    /// A new one.
    pub fn generate(random: Random<'_>) -> Self {
        Self { text: K::SHAPE.generate(random), kind: PhantomData }
    }
}

impl<K> Id<K> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if K::SHAPE.accepts(text) {
            return Ok(Self { text: text.to_owned(), kind: PhantomData });
        }
        Err(InvalidId {
            text: text.to_owned(),
            kind: K::NAME,
            shape: K::SHAPE,
            example: K::SHAPE.example(),
        })
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The id of an application.
pub type ClientId = Id<kinds::Client>;
/// The id of a connection.
pub type ConnectionId = Id<kinds::Connection>;
/// The id of an organization.
pub type OrganizationId = Id<kinds::Organization>;
/// The id of a role.
pub type RoleId = Id<kinds::Role>;
/// The id of a client grant.
pub type ClientGrantId = Id<kinds::ClientGrant>;
/// 24 hexadecimal digits.
pub type ObjectId = Id<kinds::Object>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from_seed(mut seed: u64) -> impl FnMut(&mut [u8]) {
        move |bytes| {
            for byte in bytes {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *byte = seed.to_be_bytes()[0];
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_what_would_be_right() {
        let error = "org_0000000000000001".parse::<RoleId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`org_0000000000000001` is not the id of a role: expected `rol_` and 16 letters or digits, as in `rol_0000000000000000`"
        );
        for (text, valid) in [
            ("rol_5lXf6Zx1AbCdEfG7", true),
            ("rol_5lXf6Zx1AbCdEfG", false),
            ("rol_5lXf6Zx1AbCdEf-7", false),
        ] {
            assert_eq!(text.parse::<RoleId>().is_ok(), valid, "{text}");
        }
        assert!(serde_json::from_str::<ClientId>("\"short\"").is_err());
    }

    proptest! {
        #[test]
        fn a_new_id_is_read_as_it_prints(seed: u64) {
            let mut random = from_seed(seed);
            let role = RoleId::generate(&mut random);
            prop_assert_eq!(&role.to_string().parse::<RoleId>().unwrap(), &role);
            let client = ClientId::generate(&mut random);
            prop_assert_eq!(&client.to_string().parse::<ClientId>().unwrap(), &client);
            let object = ObjectId::generate(&mut random);
            let json = serde_json::to_string(&object).unwrap();
            prop_assert_eq!(serde_json::from_str::<ObjectId>(&json).unwrap(), object);
        }
    }
}
