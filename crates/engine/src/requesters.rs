//! Who asked for a run: all who asked for one above it, published the event that began it, or wanted it again.

use std::collections::BTreeSet;

use crate::engine::Shared;
use crate::ids::RunId;
use crate::journal::{Fact, Trigger};
use crate::store::{NewRun, StoreError};

/// As the first entry tells it; `None` where that does not know.
pub(crate) fn of_first(first: &Fact) -> Option<BTreeSet<String>> {
    let Fact::Started { trigger, requesters, origin, .. } = first else { return None };
    let mut people = match (requesters, trigger) {
        (Some(known), _) => known.clone(),
        (None, trigger) => of_trigger(trigger)?,
    };
    people.extend(origin.as_ref().map(|origin| origin.by.clone()));
    Some(people)
}

/// What follows from the trigger alone. Whoever makes a service send a webhook is nobody here.
fn of_trigger(trigger: &Trigger) -> Option<BTreeSet<String>> {
    match trigger {
        Trigger::Request { by } => Some([by.clone()].into()),
        Trigger::Schedule { by, .. } => Some(by.iter().cloned().collect()),
        Trigger::Event { .. } => Some(BTreeSet::new()),
        Trigger::CloudEvent { .. } | Trigger::Workflow { .. } => None,
    }
}

impl NewRun {
    /// The same run, asked for by these people; `None` where somebody of them may be missing.
    pub(crate) fn set_requesters(&mut self, people: Option<&BTreeSet<String>>) {
        if let Fact::Started { requesters, .. } = &mut self.first.fact {
            *requesters = people.cloned();
        }
    }
}

/// Whoever is known to have asked for a run, and whether that is everybody. Runs from before this was written down are
/// asked for by those of the runs above them.
pub(crate) async fn above(
    shared: &Shared,
    mut trigger: Trigger,
) -> Result<(BTreeSet<String>, bool), StoreError> {
    let mut people = BTreeSet::new();
    while let Trigger::Workflow { run, .. } = &trigger {
        let run: RunId = run.clone();
        let entries = shared.journal.store().journal_after(&run, 0, 1).await?;
        let Some(first) = entries.into_iter().next() else { return Ok((people, false)) };
        if let Some(known) = of_first(&first.fact) {
            people.extend(known);
            return Ok((people, true));
        }
        let Fact::Started { trigger: next, origin, .. } = first.fact else {
            return Ok((people, false));
        };
        people.extend(origin.map(|origin| origin.by));
        trigger = next;
    }
    let known = of_trigger(&trigger);
    let all = known.is_some();
    people.extend(known.into_iter().flatten());
    Ok((people, all))
}
