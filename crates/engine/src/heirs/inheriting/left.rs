//! What the earlier run did and the heir does not inherit: some of it must not be done again unasked.

use std::collections::BTreeMap;

use callboard_flow::StepId;
use serde_json::Value;

use super::Places;
use super::target::{Target, has_failed};
use crate::journal::{Fact, Then};
use crate::run::Verdict;

/// Entries with their places in the earlier journal.
pub(in super::super) struct Left {
    pub(super) done_anew: Vec<(usize, crate::journal::Entry)>,
    pub(super) later: BTreeMap<StepId, Places>,
}

/// Steps for whose sake there is no retry, in their order: whose effects could be repeated though nobody named an earlier
/// step, whose outcome is not known, or that were done because of a failure and may have undone what the heir takes as
/// standing. `reads` tells whether an action with these arguments changes nothing.
pub(in super::super) fn taken_back_or_repeated(
    left: &Left,
    target: &Target,
    reads: impl Fn(&str, &Value) -> bool,
) -> Vec<StepId> {
    let later = left.later.values().flatten();
    let failed = left.done_anew.iter().chain(later).filter(|(_, entry)| has_failed(&entry.fact));
    let failed = failed.map(|(place, _)| *place).min();
    let mut found: Vec<(usize, &StepId)> = Vec::new();
    for (step, entries) in &left.later {
        let Some((place, _)) = entries.front() else { continue };
        let effect = effect(entries, &reads);
        let counts = match (effect, target) {
            (Effect::None, _) => false,
            (Effect::Unknown, _) | (Effect::Stands, Target::Nothing | Target::Failed(_)) => true,
            (Effect::Stands, Target::Named(_)) => failed.is_some_and(|failed| failed < *place),
        };
        if counts {
            found.push((*place, step));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, step)| step.clone()).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Unknown,
    Stands,
}

fn effect(entries: &Places, reads: impl Fn(&str, &Value) -> bool) -> Effect {
    let mut effect = Effect::None;
    for (_, entry) in entries {
        effect = match &entry.fact {
            Fact::Attempted { action, arguments, .. } if !reads(action, arguments) => {
                Effect::Unknown
            }
            Fact::Failed { partial: true, .. }
            | Fact::Emitted { .. }
            | Fact::WorkflowStarted { .. } => Effect::Stands,
            Fact::Succeeded { .. } | Fact::Resolved { verdict: Verdict::Happened, .. }
                if effect == Effect::Unknown =>
            {
                Effect::Stands
            }
            Fact::Failed { .. }
            | Fact::Resolved { verdict: Verdict::DidNot, .. }
            | Fact::Deferred { then: Then::Perform, .. } => Effect::None,
            Fact::AttentionRequired { reason, then, .. } if reason.is_without_effect(*then) => {
                Effect::None
            }
            _ => effect,
        };
    }
    effect
}
