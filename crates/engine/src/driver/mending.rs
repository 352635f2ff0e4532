//! Links that change while a run has an owner. Whoever changes one tells the runs that were known to wait for it by
//! then; a step that began to wait meanwhile has to look for itself.

use std::sync::Arc;

use callboard_flow::StepId;

use super::{DriveError, Driver, insist};
use crate::fold::{Phase, RunState};
use crate::gate::Gate;
use crate::journal::Reason;
use crate::store::{Change, Signal};

impl Driver {
    /// Steps whose link is there now, or is another than the one that did not do, each with that link.
    pub(super) fn mended(&self) -> Vec<(StepId, String)> {
        let gate = Gate { catalogue: &self.shared.catalogue, links: &self.shared.links };
        let RunState { definition, trigger, .. } = &self.state;
        let mended = self.state.blocked().filter_map(|(step, pending)| {
            let call = pending.call()?;
            let used = pending.link.as_deref();
            let link = gate.admit(definition, &call, Some(trigger), used).ok()?.link.link;
            let lacked = matches!(pending.phase, Phase::Attention { reason: Reason::NoLink, .. });
            let other = || self.admitted.get(step).is_some_and(|old| !Arc::ptr_eq(old, &link));
            (lacked || other()).then(|| (step.clone(), link.name.clone()))
        });
        mended.collect()
    }

    /// The run rests and its row tells what it waits for. What changed just before that is said now.
    pub(super) async fn say_what_was_mended(&self) -> Result<(), DriveError> {
        if self.state.is_over() || self.state.paused {
            return Ok(());
        }
        let mut changes = Vec::new();
        for (step, link) in self.mended() {
            let app = self.state.find(&step).and_then(|step| step.blocked_on());
            let Some(app) = app.map(str::to_owned) else { continue };
            let (run, signal) = (self.state.run.clone(), Signal::LinkChanged { app, link });
            changes.push(Change::Tell { run, signal, at: self.now() });
        }
        if !changes.is_empty() {
            insist(&self.shared, changes).await?;
            self.shared.wake.notify_one();
        }
        Ok(())
    }
}
