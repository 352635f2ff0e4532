//! Events of the autopilot about its own triggers: workflows may begin with them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::engine::Shared;
use crate::events::LONGEST_CHAIN;
use crate::store::Change;

/// What such events are called.
pub(crate) const OWN: &str = "callboard.trigger.";

impl Shared {
    /// Announces something about a trigger: once for the same id.
    pub(crate) fn announce(&self, what: &str, id: &str, subject: &str, data: &Value) -> Change {
        let event = json!({
            "specversion": "1.0",
            "id": id,
            "source": "/triggers",
            "type": format!("{OWN}{what}"),
            "subject": subject,
            "time": self.time.now().to_string(),
            "datacontenttype": "application/json",
            "data": data,
        });
        // Whoever answers to it may do so; what that begins is stopped.
        Change::Publish(Box::new(self.publication(event, LONGEST_CHAIN, Some(&BTreeSet::new()))))
    }
}
