//! Clients and people: they ask until they are answered, at times twice, and say the truth about what they see.

use std::sync::{Arc, Mutex};

use callboard_engine::{
    AnswerError, Engine, HookError, LinkDraft, Resolution, RunFilter, RunId, RunStatus,
    ScheduleError, StartError, StartRequest, StepStatus, Verdict,
};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::acts::{Answer, Request, Wish};
use crate::outside::{LONGEST_WAY, Outside};
use crate::world::{Life, SECOND, World};

/// Everything that was ever wanted.
pub(crate) type Requests = Arc<Mutex<Vec<Request>>>;

/// Asks for one of them; the answer may never come.
pub(crate) async fn ask(
    world: World,
    life: Life,
    engine: Arc<Engine>,
    requests: Requests,
    place: usize,
    now: Timestamp,
) {
    let wish = requests.lock().unwrap()[place].wish.clone();
    let answer = match &wish {
        Wish::Cancel { of } => {
            let run = match &requests.lock().unwrap()[*of].answer {
                Some(Answer::Runs(runs)) => runs.first().cloned(),
                _ => None,
            };
            match run {
                Some(run) => cancel(&engine, &run).await,
                None => Some(Answer::No("there is nothing to cancel".into())),
            }
        }
        wish => grant(&engine, wish, now).await,
    };
    let Some(answer) = answer else { return };
    world.say(format_args!("{life} answers request {place}: {answer:?}"));
    let mut requests = requests.lock().unwrap();
    let request = &mut requests[place];
    let keeps_its_word =
        matches!(wish, Wish::Start { .. } | Wish::Publish { .. } | Wish::Deliver { .. });
    if let Some(earlier) = &request.answer
        && *earlier != answer
        && keeps_its_word
    {
        world.violated(&format!("request {place} was answered {earlier:?}, then {answer:?}"));
    }
    if request.answer.is_none() {
        request.answer = Some(answer);
        request.answered_at = world.now();
    }
}

/// `None` where asking again may help.
async fn grant(engine: &Engine, wish: &Wish, now: Timestamp) -> Option<Answer> {
    match wish {
        Wish::Start { workflow, key } => {
            let request = StartRequest {
                workflow: (*workflow).into(),
                input: json!({"name": "Ada"}),
                idempotency_key: Some(key.clone()),
                priority: None,
                by: "client".into(),
            };
            match engine.start_run(request).await {
                Ok(started) => Some(Answer::Runs(vec![started.run])),
                Err(StartError::Store(_)) => None,
                Err(error) => Some(Answer::No(error.to_string())),
            }
        }
        Wish::Publish { events } => {
            let receipt = engine.receive_events(events.clone()).await.ok()?;
            Some(Answer::Runs(receipt.events.into_iter().flat_map(|event| event.runs).collect()))
        }
        Wish::Deliver { body } => {
            let secret = ("x-office-secret".parse().ok()?, "knock-knock".parse().ok()?);
            let headers: HeaderMap = [secret].into_iter().collect();
            match engine.receive_webhook("office", "arrivals", &headers, body.as_bytes()).await {
                Ok(receipt) => {
                    let events = receipt.events.into_iter();
                    Some(Answer::Runs(events.flat_map(|event| event.runs).collect()))
                }
                // The link may not be there yet.
                Err(HookError::Store(_) | HookError::NoSecret { .. }) => None,
                Err(error) => Some(Answer::No(error.to_string())),
            }
        }
        Wish::RunNow { workflow } => of_schedule(engine.run_schedule_now(workflow, "ada").await),
        Wish::Backfill { workflow } => {
            let from = now - SignedDuration::from_secs(150);
            let until = now - SignedDuration::from_secs(20);
            of_schedule(engine.backfill_schedule(workflow, from, until, "ada").await)
        }
        Wish::Pause { workflow } => of_schedule(engine.pause_schedule(workflow, "ada").await),
        Wish::Resume { workflow } => of_schedule(engine.resume_schedule(workflow).await),
        Wish::Cancel { .. } => None,
    }
}

fn of_schedule<T>(result: Result<T, ScheduleError>) -> Option<Answer> {
    match result {
        Ok(_) => Some(Answer::Done),
        Err(ScheduleError::Store(_)) => None,
        Err(error) => Some(Answer::No(error.to_string())),
    }
}

async fn cancel(engine: &Engine, run: &RunId) -> Option<Answer> {
    match engine.cancel(run, "ada").await {
        Ok(()) => Some(Answer::Done),
        Err(AnswerError::Store(_)) => None,
        Err(error) => Some(Answer::No(error.to_string())),
    }
}

pub(crate) fn link() -> LinkDraft {
    LinkDraft {
        name: "office".into(),
        app: "office".into(),
        url: None,
        settings: serde_json::Map::new(),
        secrets: [("secret".into(), "key".into()), ("webhook_secret".into(), "knock-knock".into())]
            .into(),
    }
}

/// A person who answers what nobody else can: truly, once what was sent has landed or is lost.
pub(crate) async fn attend(world: World, life: Life, engine: Arc<Engine>, outside: Arc<Outside>) {
    let filter =
        RunFilter { status: Some(RunStatus::Attention), limit: 100, ..RunFilter::default() };
    let Ok(page) = engine.runs(&filter).await else { return };
    let mut questions = Vec::new();
    for run in page.runs {
        let Ok(detail) = engine.run(&run.id).await else { return };
        let asking = detail.steps.into_iter().filter(|step| step.status == StepStatus::Attention);
        questions.extend(asking.map(|step| (run.id.clone(), step.step)));
    }
    if questions.is_empty() {
        return;
    }
    world.sleep(life, LONGEST_WAY + SECOND).await;
    for (run, step) in questions {
        let happened = outside.has_happened(&format!("{run}:{step}"));
        let verdict = if happened { Verdict::Happened } else { Verdict::DidNot };
        let resolution = Resolution { step: step.clone(), verdict, output: None, by: "ada".into() };
        let result = engine.resolve(&run, resolution).await;
        world.say(format_args!("{life} was told that {run}:{step} {verdict:?}: {result:?}"));
    }
}
