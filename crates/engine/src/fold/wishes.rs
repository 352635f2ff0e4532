//! What a run waits for, in the order in which it was wished for, found by step.

use std::collections::{BTreeMap, HashMap};

use callboard_flow::StepId;

use super::Pending;

#[derive(Default)]
pub(super) struct Wishes {
    by_order: BTreeMap<u64, (StepId, Pending)>,
    places: HashMap<StepId, u64>,
    next: u64,
}

impl Wishes {
    pub(super) fn push(&mut self, step: StepId, pending: Pending) {
        let place = self.next;
        self.next += 1;
        self.places.insert(step.clone(), place);
        self.by_order.insert(place, (step, pending));
    }

    pub(super) fn get(&self, step: &StepId) -> Option<&Pending> {
        self.by_order.get(self.places.get(step)?).map(|(_, pending)| pending)
    }

    pub(super) fn get_mut(&mut self, step: &StepId) -> Option<&mut Pending> {
        self.by_order.get_mut(self.places.get(step)?).map(|(_, pending)| pending)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.by_order.values_mut().map(|(_, pending)| pending)
    }

    pub(super) fn remove(&mut self, step: &StepId) -> Option<Pending> {
        let place = self.places.remove(step)?;
        self.by_order.remove(&place).map(|(_, pending)| pending)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(StepId, Pending)> {
        self.by_order.values()
    }
}
