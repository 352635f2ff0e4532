//! The keys of a tenant at one moment: the one it signs with, the one that comes next, and earlier ones that are still
//! believed.

use std::sync::Arc;

use super::SigningKey;

/// Keys by their part.
#[derive(Clone)]
pub(crate) struct KeyRing {
    pub(crate) current: Arc<SigningKey>,
    /// Made when somebody first looks at the keys or rotates them.
    pub(crate) next: Option<Arc<SigningKey>>,
    /// Not revoked, the oldest first.
    pub(crate) previous: Vec<Arc<SigningKey>>,
}

impl KeyRing {
    /// The key that a token names, or the current one, which will refuse it.
    pub(crate) fn of_token(&self, token: &str) -> Arc<SigningKey> {
        if self.previous.is_empty() {
            return Arc::clone(&self.current);
        }
        let named = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        let earlier = named.and_then(|kid| self.previous.iter().find(|key| key.kid() == kid));
        Arc::clone(earlier.unwrap_or(&self.current))
    }

    /// In the order in which they are published.
    pub(crate) fn published(&self) -> impl Iterator<Item = &SigningKey> {
        let others = self.next.iter().chain(self.previous.iter().rev());
        std::iter::once(&self.current).chain(others).map(AsRef::as_ref)
    }
}
