//! What must be true once everything has come to rest.

use std::fmt;
use std::sync::Arc;

use callboard_engine::{Engine, RunFilter, RunRecord, RunStatus};

use crate::people;
use crate::play::Play;
use crate::plot;
use crate::truth;
use crate::world::{MINUTE, SECOND};

/// Schedules must have gone on by themselves so long after the trouble.
const A_FEW_OCCURRENCES: u64 = 130 * SECOND;

/// How far the end has come.
#[derive(Default)]
pub(crate) struct Stage {
    mended: bool,
    paused: bool,
    published: u64,
    over: bool,
    open: Vec<String>,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.open.join(", "))
    }
}

impl Stage {
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Looks at everything; answers when to look again, if that is needed.
    pub(crate) async fn look(
        &mut self,
        play: &Play,
        engine: &Arc<Engine>,
        waited: u64,
    ) -> Option<u64> {
        self.open.clear();
        if !self.mended {
            self.mended = true;
            if play.world.throw(|dice| dice.happens(500)) {
                engine.put_link(people::link()).await.expect("a calm store takes it");
            }
        }
        let unanswered =
            play.requests.lock().unwrap().iter().filter(|r| r.answer.is_none()).count();
        if unanswered > 0 {
            self.open.push(format!("{unanswered} requests"));
        }
        if !self.paused && !play.plot.shelf.schedules.is_empty() {
            if unanswered > 0 || waited < A_FEW_OCCURRENCES {
                self.open.push("schedules".into());
                return Some(10 * SECOND);
            }
            self.paused = true;
            truth::of_schedules(play, engine).await;
            for workflow in &play.plot.shelf.schedules {
                let paused = engine.pause_schedule(workflow, "the end").await;
                paused.expect("a calm store takes it");
            }
        }
        let all = all_runs(engine).await;
        let mut listens = false;
        for run in all.iter().filter(|run| !run.status.is_final()) {
            self.open.push(format!("{} of {} is {}", run.id, run.workflow, run.status));
            listens |= run.status == RunStatus::Waiting && run.wake_at.is_none();
        }
        if listens {
            self.published += 1;
            let event = plot::event("go", 1_000, self.published);
            engine.receive_events(vec![event]).await.expect("a calm store takes it");
        }
        if !self.open.is_empty() || play.world.is_anything_on_its_way() {
            let wait = if waited > 2 * MINUTE { 45 } else { 10 };
            return Some(wait * SECOND);
        }
        truth::of_runs(play, engine, &all).await;
        truth::of_requests(play, &all);
        truth::of_occurrences(play, &all).await;
        self.over = true;
        None
    }
}

async fn all_runs(engine: &Engine) -> Vec<RunRecord> {
    let mut filter = RunFilter { limit: 500, ..RunFilter::default() };
    let mut all = Vec::new();
    loop {
        let page = engine.runs(&filter).await.expect("a calm store reads");
        all.extend(page.runs);
        match page.next {
            Some(next) => filter.before = Some(next),
            None => return all,
        }
    }
}
