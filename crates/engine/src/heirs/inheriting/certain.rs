//! What a run knows for certain.

use std::collections::BTreeSet;

use callboard_flow::StepId;

use crate::approvals::News;
use crate::journal::{Entry, Fact};
use crate::run::Verdict;

/// Steps that have an outcome, or that were attempted: those must be found out about rather than done again. A timer, a
/// question or a run that was still waited for begins anew.
pub(super) fn certain(entries: &[Entry]) -> BTreeSet<StepId> {
    let mut certain = BTreeSet::new();
    for entry in entries {
        let counts = match &entry.fact {
            Fact::Attempted { .. }
            | Fact::Succeeded { .. }
            | Fact::Failed { .. }
            | Fact::TimerFired { .. }
            | Fact::Emitted { .. }
            | Fact::Received { .. }
            | Fact::WorkflowEnded { .. } => true,
            Fact::Resolved { verdict, .. } => *verdict == Verdict::Happened,
            Fact::Approval { news, .. } => matches!(news, News::Expired),
            _ => false,
        };
        if let Some(step) = entry.fact.step().filter(|_| counts) {
            certain.insert(step.clone());
        }
    }
    certain.extend(decided(entries));
    certain
}

/// Questions whose answer ended them.
fn decided(entries: &[Entry]) -> BTreeSet<StepId> {
    let mut open: std::collections::BTreeMap<&StepId, (u32, u32)> =
        std::collections::BTreeMap::new();
    let mut decided = BTreeSet::new();
    for entry in entries {
        let Fact::Approval { step, news, .. } = &entry.fact else { continue };
        match news {
            News::Asked(question) => {
                open.insert(step, (question.count, 0));
            }
            News::Answered { approve, .. } => {
                let Some((needed, given)) = open.get_mut(step) else { continue };
                *given += 1;
                if !approve || given >= needed {
                    decided.insert(step.clone());
                }
            }
            News::Reminded | News::Expired | News::Stale { .. } => {}
        }
    }
    decided
}
