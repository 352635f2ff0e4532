//! JSON pointers (RFC 6901).

/// `pointer` extended by one key.
pub(crate) fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
