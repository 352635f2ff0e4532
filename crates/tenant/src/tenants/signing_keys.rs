//! Where a tenant keeps the keys it signs with.
//!
//! One document each: `current`, `next`, and by their ids those that were current once. A document holds the key and
//! since when, until when and since when no longer it has been what it is.

use std::sync::Arc;

use crate::random::Random;
use crate::store::{CommitError, Document, Kind, Span, Store, StoreError, Transaction};
use crate::tokens::{KeyRing, SigningKey, TokenError};

/// Why the keys could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("a key cannot be used")]
    Key(#[from] TokenError),
}

pub(crate) const KIND: Kind = Kind("signing_key");
pub(crate) const CURRENT: &str = "current";
pub(crate) const NEXT: &str = "next";
/// The member that only revoked keys have.
pub(crate) const REVOKED_AT: &str = "revoked_at";

const MOST: u64 = 10_000;

/// A key with its document.
pub(crate) struct StoredKey {
    pub(crate) document: Document,
    pub(crate) key: Arc<SigningKey>,
}

/// Every key that the tenant has had; the first call of all makes the current one.
pub(crate) async fn all(store: &dyn Store, random: &Random) -> Result<Vec<StoredKey>, KeysError> {
    let mut found = store.list(KIND, Span::page(0, MOST)).await?;
    if !found.iter().any(|document| document.id == CURRENT) {
        add(store, random, CURRENT).await?;
        found = store.list(KIND, Span::page(0, MOST)).await?;
    }
    let key = |document: Document| {
        let key = SigningKey::from_document(&document.body)?;
        Ok(StoredKey { document, key: Arc::new(key) })
    };
    found.into_iter().map(key).collect()
}

/// The same, with a key that comes next.
pub(crate) async fn all_with_next(
    store: &dyn Store,
    random: &Random,
) -> Result<Vec<StoredKey>, KeysError> {
    let keys = all(store, random).await?;
    if keys.iter().any(|stored| stored.document.id == NEXT) {
        return Ok(keys);
    }
    add(store, random, NEXT).await?;
    all(store, random).await
}

/// The keys in their parts.
pub(crate) fn ring(keys: &[StoredKey]) -> Option<KeyRing> {
    let named = |id: &str| keys.iter().find(|stored| stored.document.id == id);
    let is_believed = |stored: &&StoredKey| {
        ![CURRENT, NEXT].contains(&stored.document.id.as_str())
            && stored.document.body.get(REVOKED_AT).is_none()
    };
    Some(KeyRing {
        current: Arc::clone(&named(CURRENT)?.key),
        next: named(NEXT).map(|stored| Arc::clone(&stored.key)),
        previous: keys.iter().filter(is_believed).map(|stored| Arc::clone(&stored.key)).collect(),
    })
}

async fn add(store: &dyn Store, random: &Random, id: &str) -> Result<(), KeysError> {
    let key = SigningKey::generate(random)?;
    let change = Transaction::new().insert(KIND, id, key.to_document(), Vec::new());
    match store.commit(change).await {
        // Another process that opened the same folder was faster; its key is as good.
        Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
