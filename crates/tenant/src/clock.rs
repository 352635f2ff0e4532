//! Time, from a source that is given.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time. Tests give one that they can move.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
