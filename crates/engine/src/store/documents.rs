//! Small values that are changed as a whole, each with a revision: who read an older one is refused.

use jiff::Timestamp;
use serde_json::Value;

/// One value by kind and key.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentRecord {
    pub kind: String,
    pub key: String,
    /// The one that was read; 0 where there was none.
    pub revision: i64,
    pub value: Value,
    pub at: Timestamp,
}
