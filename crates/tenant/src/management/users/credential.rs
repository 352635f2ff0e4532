//! A database user's password, kept apart from the profile so that no answer can show it.

use serde_json::{Value, json};

use crate::passwords::{HashError, Hasher};
use crate::store::{Kind, Store, StoreError, Transaction};

const KIND: Kind = Kind("credential");

/// The hash of the present password and of earlier ones, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) hash: String,
    earlier: Vec<String>,
}

impl Credential {
    pub(crate) fn new(hash: String) -> Self {
        Self { hash, earlier: Vec::new() }
    }

    /// `id` is the identity's: `auth0|…`.
    pub(crate) async fn find(store: &dyn Store, id: &str) -> Result<Option<Self>, StoreError> {
        Ok(store.get(KIND, id).await?.and_then(|document| Self::from_body(&document.body)))
    }

    fn from_body(body: &Value) -> Option<Self> {
        let earlier = body["earlier"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            hash: body["hash"].as_str()?.to_owned(),
            earlier: earlier.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// The next credential, which remembers as many earlier hashes as the connection's history asks for.
    pub(crate) fn followed_by(self, hash: String, history: usize) -> Self {
        let mut earlier = self.earlier;
        earlier.insert(0, self.hash);
        earlier.truncate(history);
        Self { hash, earlier }
    }

    /// Whether a password is the present one or one of those remembered.
    pub(crate) async fn has_been(
        &self,
        password: &str,
        hasher: &Hasher,
    ) -> Result<bool, HashError> {
        for hash in std::iter::once(&self.hash).chain(&self.earlier) {
            if hasher.matches(password, hash).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn kept(&self, change: Transaction, id: &str) -> Transaction {
        change.put(KIND, id, json!({"hash": self.hash, "earlier": self.earlier}), Vec::new())
    }

    pub(crate) fn removed(change: Transaction, id: &str) -> Transaction {
        change.delete(KIND, id)
    }
}
