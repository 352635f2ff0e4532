//! Identifiers: what each looks like, how it is read, how a new one is made.
//!
//! An id is read once, by `FromStr`, and trusted from then on. Making one needs bytes from outside: a closure that fills a
//! slice, so that this crate has no randomness of its own.

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

/// The kinds of things that have ids.
pub mod kinds {
    use super::{Alphabet, Kind, Shape};

    /// An application.
    #[derive(Debug)]
    pub enum Client {}
    /// A connection.
    #[derive(Debug)]
    pub enum Connection {}
    /// An organization.
    #[derive(Debug)]
    pub enum Organization {}
    /// A role.
    #[derive(Debug)]
    pub enum Role {}
    /// A client grant.
    #[derive(Debug)]
    pub enum ClientGrant {}
    /// An invitation to an organization.
    #[derive(Debug)]
    pub enum Invitation {}
    /// A job.
    #[derive(Debug)]
    pub enum Job {}
    /// A custom domain.
    #[derive(Debug)]
    pub enum CustomDomain {}
    /// A credential of an application.
    #[derive(Debug)]
    pub enum Credential {}
    /// An event stream.
    #[derive(Debug)]
    pub enum EventStream {}
    /// A self-service profile.
    #[derive(Debug)]
    pub enum SelfServiceProfile {}
    /// An access list of the network.
    #[derive(Debug)]
    pub enum NetworkAcl {}
    /// A device for multi-factor authentication.
    #[derive(Debug)]
    pub enum Device {}
    /// A connected account.
    #[derive(Debug)]
    pub enum ConnectedAccount {}
    /// A log stream.
    #[derive(Debug)]
    pub enum LogStream {}
    /// A resource server, a grant, or the part of a database user's id behind the bar.
    #[derive(Debug)]
    pub enum Object {}

    const fn short(prefix: &'static str) -> Shape {
        Shape { prefix, length: 16, alphabet: Alphabet::Alphanumeric }
    }

    const fn long(prefix: &'static str) -> Shape {
        Shape { prefix, length: 22, alphabet: Alphabet::Alphanumeric }
    }

    impl Kind for Client {
        const NAME: &'static str = "an application";
        const SHAPE: Shape = Shape { prefix: "", length: 32, alphabet: Alphabet::Alphanumeric };
    }
    impl Kind for Connection {
        const NAME: &'static str = "a connection";
        const SHAPE: Shape = short("con_");
    }
    impl Kind for Organization {
        const NAME: &'static str = "an organization";
        const SHAPE: Shape = short("org_");
    }
    impl Kind for Role {
        const NAME: &'static str = "a role";
        const SHAPE: Shape = short("rol_");
    }
    impl Kind for ClientGrant {
        const NAME: &'static str = "a client grant";
        const SHAPE: Shape = short("cgr_");
    }
    impl Kind for Invitation {
        const NAME: &'static str = "an invitation";
        const SHAPE: Shape = short("uinv_");
    }
    impl Kind for Job {
        const NAME: &'static str = "a job";
        const SHAPE: Shape = short("job_");
    }
    impl Kind for CustomDomain {
        const NAME: &'static str = "a custom domain";
        const SHAPE: Shape = short("cd_");
    }
    impl Kind for Credential {
        const NAME: &'static str = "a credential";
        const SHAPE: Shape = long("cred_");
    }
    impl Kind for EventStream {
        const NAME: &'static str = "an event stream";
        const SHAPE: Shape = long("est_");
    }
    impl Kind for SelfServiceProfile {
        const NAME: &'static str = "a self-service profile";
        const SHAPE: Shape = long("ssp_");
    }
    impl Kind for NetworkAcl {
        const NAME: &'static str = "a network access list";
        const SHAPE: Shape = long("acl_");
    }
    impl Kind for Device {
        const NAME: &'static str = "a device";
        const SHAPE: Shape = short("dev_");
    }
    impl Kind for ConnectedAccount {
        const NAME: &'static str = "a connected account";
        const SHAPE: Shape = long("cac_");
    }
    impl Kind for LogStream {
        const NAME: &'static str = "a log stream";
        const SHAPE: Shape = Shape { prefix: "lst_", length: 16, alphabet: Alphabet::Digits };
    }
    impl Kind for Object {
        const NAME: &'static str = "an object";
        const SHAPE: Shape = Shape { prefix: "", length: 24, alphabet: Alphabet::Hex };
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
