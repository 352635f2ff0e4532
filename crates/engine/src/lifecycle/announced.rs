//! Ends and halts of runs as events for others: in the same transaction, and only for who asks for their very type.

use callboard_flow::Definition;

use super::of_the_run;
use crate::engine::Shared;
use crate::events::LONGEST_CHAIN;
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::library::Workflow;
use crate::store::Change;
use crate::triggers::filters_of;

impl Shared {
    /// What an entry of a run means for workflows that begin with it and runs that listen for it. `chain` is that of the
    /// run.
    pub(crate) fn tell_of(
        &self,
        run: &RunId,
        definition: &Definition,
        chain: u32,
        (seq, entry): (i64, &Entry),
    ) -> Vec<Change> {
        if matches!(entry.fact, Fact::Started { .. }) {
            return Vec::new();
        }
        let Some(event) = of_the_run(run, definition, seq, entry) else { return Vec::new() };
        let event_type = event["type"].as_str().unwrap_or_default().to_owned();
        // A workflow does not begin with its own runs, nor with what was stopped already.
        let asks = |workflow: &Workflow| {
            let other = workflow.definition.document.name != definition.document.name;
            other && chain <= LONGEST_CHAIN && names(workflow, &event_type)
        };
        if self.library.list().iter().any(|workflow| asks(workflow)) {
            // Who asked for what begins so is not handed on: two people answer where four eyes are wanted.
            return self.emitted_to(&event, chain, None, &asks);
        }
        // Nothing is kept of it where nobody listens.
        vec![Change::Deliver { event, at: entry.at }]
    }
}

/// Whether a workflow begins with events of this very type.
fn names(workflow: &Workflow, event_type: &str) -> bool {
    let on = workflow.definition.schedule.as_ref().and_then(|schedule| schedule.on.as_ref());
    let named =
        |on| filters_of(on).iter().any(|filter| filter.event_type().as_deref() == Some(event_type));
    on.is_some_and(named)
}
