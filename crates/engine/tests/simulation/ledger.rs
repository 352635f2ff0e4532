//! What the database took, written down beside it: who owned what, and what every journal must still say at the end.

use std::collections::BTreeMap;

use callboard_engine::journal::Entry;
use callboard_engine::store::{Advance, Change, ClaimedRun, Handover, NewRun};
use callboard_engine::{RunId, SqlStore, Store as _, StoreError};

use crate::disk::at_once;
use crate::world::{Life, World};

#[derive(Default)]
pub(crate) struct Ledger {
    runs: BTreeMap<RunId, Known>,
}

/// What is known of a run.
#[derive(Default)]
pub(crate) struct Known {
    /// Who was given the latest epoch.
    owner: Option<(i64, Life)>,
    /// It was not at rest when its owner last wrote.
    busy: bool,
    /// Its entries as they were taken, in order.
    pub(crate) entries: Vec<Entry>,
    /// Somebody said to it that it is cancelled, at this instant of the world.
    pub(crate) cancelled_at: Option<u64>,
    pub(crate) ended_at: Option<u64>,
}

impl Ledger {
    pub(crate) fn runs(&self) -> &BTreeMap<RunId, Known> {
        &self.runs
    }

    /// Who has a run in hand.
    pub(crate) fn busy(&self) -> Vec<Life> {
        let busy = self.runs.values().filter(|known| known.busy);
        busy.filter_map(|known| known.owner.map(|(_, life)| life)).collect()
    }

    /// Who was given it last.
    pub(crate) fn owner(&self, run: &RunId) -> Option<Life> {
        self.runs.get(run)?.owner.map(|(_, life)| life)
    }

    pub(crate) fn claimed(
        &mut self,
        world: &World,
        life: Life,
        result: &Result<Vec<ClaimedRun>, StoreError>,
    ) {
        let Ok(claimed) = result else {
            return world.say(format_args!("{life} cannot claim"));
        };
        for run in claimed {
            world.say(format_args!("{life} claims {} epoch {}", run.id, run.epoch));
            let Some(known) = self.runs.get_mut(&run.id) else {
                world.violated(&format!("{} was claimed before it was created", run.id));
                continue;
            };
            if known.owner.is_some_and(|(epoch, _)| epoch >= run.epoch) {
                world.violated(&format!("epoch {} of {} was given twice", run.epoch, run.id));
            }
            known.owner = Some((run.epoch, life));
            known.busy = true;
        }
    }

    pub(crate) fn committed(
        &mut self,
        world: &World,
        life: Life,
        changes: &[Change],
        result: &Result<(), StoreError>,
        store: &SqlStore,
    ) {
        if let Err(error) = result {
            return world.say(format_args!("{life} is refused: {error}"));
        }
        for change in changes {
            match change {
                Change::CreateRun(run) => self.created(world, life, run),
                // One that was published before starts nothing again.
                Change::Publish(publication) => {
                    for run in &publication.starts {
                        if at_once(store.find_run(&run.id)).is_ok_and(|found| found.is_some()) {
                            self.created(world, life, run);
                        }
                    }
                }
                Change::Advance(advance) => self.advanced(world, life, advance),
                Change::Signal { run, signal, .. } => {
                    let signal = serde_json::to_value(signal).unwrap_or_default();
                    world.say(format_args!("{life} says to {run}: {}", signal["signal"]));
                    if signal["signal"] == "cancel" {
                        let now = world.now();
                        self.runs.entry(run.clone()).or_default().cancelled_at.get_or_insert(now);
                    }
                }
                Change::StoreEvent(event) => {
                    world.say(format_args!("{life} stores the event {}", event.dedupe_key));
                }
                Change::AddOccurrence(occurrence) => world.say(format_args!(
                    "{life} {}: {} to {} {} ({:?})",
                    occurrence.workflow,
                    occurrence.planned_at,
                    occurrence.last_at,
                    occurrence.state,
                    occurrence.why,
                )),
                Change::PutSchedule(schedule) => world.say(format_args!(
                    "{life} {} is settled up to {}, wakes at {:?}",
                    schedule.workflow, schedule.watermark, schedule.wake_at
                )),
                _ => {}
            }
        }
    }

    fn created(&mut self, world: &World, life: Life, run: &NewRun) {
        world.say(format_args!("{life} creates {} of {}", run.id, run.workflow));
        let known = self.runs.entry(run.id.clone()).or_default();
        match known.entries.first() {
            None => known.entries.push(run.first.clone()),
            // Sent again, because the answer got lost.
            Some(first) if *first == run.first => {}
            Some(_) => world.violated(&format!("{} was created twice", run.id)),
        }
    }

    fn advanced(&mut self, world: &World, life: Life, advance: &Advance) {
        let Advance { run, epoch, entries, status, .. } = advance;
        for entry in entries {
            let step = entry.fact.step().map(ToString::to_string).unwrap_or_default();
            world.say(format_args!("{life} {run} {} {step}", entry.fact.name()));
        }
        world.say(format_args!("{life} {run} epoch {epoch} is {status}, {:?}", advance.handover));
        let known = self.runs.entry(run.clone()).or_default();
        if known.owner != Some((*epoch, life)) {
            world.violated(&format!(
                "{life} wrote to {run} in epoch {epoch}, but its owner is {:?}",
                known.owner
            ));
        }
        known.busy = matches!(advance.handover, Handover::Keep { .. });
        let place = usize::try_from(advance.first_seq - 1).unwrap_or_default();
        if known.entries.get(place..place + entries.len()).is_some_and(|same| same == entries) {
            // Sent again, because the answer got lost.
        } else if place != known.entries.len() {
            world.violated(&format!("entry {} of {run} is written twice", advance.first_seq));
        } else if known.ended_at.is_some() {
            world.violated(&format!("{run} went on after its end"));
        } else {
            known.entries.extend(entries.iter().cloned());
        }
        if status.is_final() {
            known.ended_at.get_or_insert(world.now());
        }
    }
}
