//! What the entries of a run mean for others: listeners, workflows that an event starts, runs above and below.

use super::Driver;
use crate::approvals::announcement;
use crate::children;
use crate::events;
use crate::fold::Dropped;
use crate::ids::RunId;
use crate::journal::{Entry, Fact};
use crate::store::{Change, Signal};

impl Driver {
    /// Changes for the transaction of the entries, and which runs they tell something.
    pub(super) fn consequences(&mut self, entries: &[Entry]) -> (Vec<RunId>, Vec<Change>) {
        let (run, at) = (self.state.run.clone(), self.now());
        let (mut told, mut changes) = (Vec::new(), Vec::new());
        changes.extend(self.to_begin.drain(..).map(|new| Change::CreateRun(Box::new(new))));
        let mut abandoned = Vec::new();
        let first = self.state.next_seq() - i64::try_from(entries.len()).unwrap_or_default();
        for (seq, entry) in (first..).zip(entries) {
            match &entry.fact {
                Fact::Listening { step, subscriptions, .. } => {
                    changes.push(events::subscribe(&run, step, subscriptions));
                }
                Fact::Emitted { event, .. } => {
                    changes.extend(self.shared.emitted(event, &self.state));
                }
                Fact::Approval { step, news, .. } => {
                    if let Some(approval) = self.state.approval(step) {
                        let (shared, at) = (&self.shared, entry.at);
                        let told = announcement(shared, &run, seq, approval, news, at);
                        changes.push(Change::PutApproval(Box::new(approval.clone())));
                        changes.extend(shared.emitted(&told, &self.state));
                    }
                }
                Fact::Cancelled { by, .. } => {
                    abandoned
                        .extend(self.state.children().map(|child| (child.clone(), by.clone())));
                }
                _ => {}
            }
            let (definition, chain) = (&self.state.definition, self.state.trigger.chain());
            changes.extend(self.shared.tell_of(&run, definition, chain, (seq, entry)));
            let ends = matches!(
                entry.fact,
                Fact::Completed { .. } | Fact::Faulted { .. } | Fact::Cancelled { .. }
            );
            if ends && self.state.lane.is_some() {
                changes.push(Change::LeaveLane { run: run.clone(), at: entry.at });
            }
            if let Some((parent, change)) = children::report(&self.shared, &self.state, entry) {
                told.push(parent);
                changes.push(change);
            }
        }
        for dropped in self.state.take_dropped() {
            match dropped {
                Dropped::Subscription(step) => {
                    changes.push(Change::Unsubscribe { run: run.clone(), step });
                }
                Dropped::Approval(step) => {
                    let approval = self.state.approval(&step).cloned();
                    changes
                        .extend(approval.map(|approval| Change::PutApproval(Box::new(approval))));
                }
                Dropped::Child(child) => abandoned.push((child, run.to_string())),
            }
        }
        for (child, by) in abandoned {
            told.push(child.clone());
            changes.push(Change::Tell { run: child, signal: Signal::Cancel { by }, at });
        }
        (told, changes)
    }
}
