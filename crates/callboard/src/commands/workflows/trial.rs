//! `callboard workflows try`: a definition in an engine that is gone with the process.

mod given;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use callboard_apps::{
    App, Attempt, CallAnswer, CallFailed, CallFailure, CallOptions, Calls, Failed, HostPolicy,
    Link, Origin, Performed, Recovered, Tested,
};
use callboard_engine::{
    Engine, KeySource, Performer, Place, RunDetail, RunId, Settings, Source, SqlStore, StartError,
    WallTime, WithCalls,
};
use callboard_flow::{Change, ErrorKind, Fact, FunctionCall, WorkflowError};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use given::Given;

use super::check::{Weight, explained};
use crate::autopilot;
use crate::cli::Try;
use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::world;

/// How often it is looked whether somebody listens by now.
const LOOK: Duration = Duration::from_millis(20);
/// Runs that go on at a time.
const PARALLEL_RUNS: usize = 16;

pub(super) async fn run(arguments: Try, output: &mut Output) -> anyhow::Result<()> {
    let given = Given::read(&arguments)?;
    let engine = engine(&arguments, given.also).await?;
    let source = given.definition;
    let text = source.text.clone();
    let problems = engine.library().problems();
    for problem in &problems {
        output.note(&problem.to_string());
    }
    if !problems.is_empty() {
        return Err(Failure::new(Code::Negative, "a definition of --also has mistakes").into());
    }
    for (name, value) in given.secrets {
        engine.put_secret(&name, value).await?;
    }
    let started = match engine.start_definition(source, given.input, "try").await {
        Ok(started) => started,
        Err(StartError::Definition(problems)) => {
            for problem in &problems.0 {
                output.note(&explained(problem, Weight::Mistake, &text));
            }
            return Err(Failure::new(Code::Negative, "the definition has mistakes").into());
        }
        Err(error) => return Err(error.into()),
    };
    let patience = Duration::from_secs(arguments.timeout.into());
    let mut detail =
        match tokio::time::timeout(patience, follow(&engine, &started.run, given.events)).await {
            Ok(ended) => ended?,
            Err(_) => engine.run(&started.run).await?,
        };
    if !detail.status.is_final() {
        output.note(&format!("cancelled: not finished after {} s (--timeout)", arguments.timeout));
        engine.cancel(&started.run, "try").await?;
        detail = engine.wait_for_run(&started.run, patience).await?;
    }
    let facts = engine.replay(&started.run).await?;
    engine.stop(Duration::ZERO).await;
    output.document(&report(&detail, &facts))
}

/// Posts the events, each as soon as somebody listens, and waits for the end of the run.
async fn follow(engine: &Engine, run: &RunId, events: Vec<Value>) -> anyhow::Result<RunDetail> {
    for event in events {
        while !engine.is_listening().await? {
            let detail = engine.wait_for_run(run, LOOK).await?;
            if detail.status.is_final() {
                return Ok(detail);
            }
        }
        engine.receive_events(vec![event]).await?;
    }
    loop {
        let detail = engine.wait_for_run(run, Duration::from_mins(1)).await?;
        if detail.status.is_final() {
            return Ok(detail);
        }
    }
}

fn report(detail: &RunDetail, facts: &[Fact]) -> Value {
    let started = facts.iter().filter(|fact| fact.change == Change::Started);
    let tasks: Vec<&str> = started.map(|fact| fact.task.as_str()).collect();
    json!({
        "status": detail.status.name(), "output": detail.output, "error": detail.error,
        "tasks": tasks, "events": detail.events,
    })
}

async fn engine(arguments: &Try, also: Vec<Source>) -> anyhow::Result<Engine> {
    let catalogue = Arc::new(autopilot::catalogue(arguments.apps.as_deref())?);
    let mut options = CallOptions::new(world::clock());
    options.hosts = HostPolicy::public();
    options.origins =
        arguments.origins.iter().map(|text| origin(text)).collect::<anyhow::Result<_>>()?;
    let performer =
        Trial(WithCalls { executor: autopilot::executor()?, calls: Calls::new(&options)? });
    Ok(Engine::open(Settings {
        store: Arc::new(SqlStore::open(&Place::Memory)?),
        key: KeySource::Given(world::secret("").into()),
        catalogue,
        performer: Arc::new(performer),
        workflows: also,
        workflows_folder: None,
        time: Arc::new(WallTime::new(world::clock())),
        lease_clock: world::clock(),
        random: Arc::new(world::random),
        retention: None,
        public_url: String::new(),
        administrator_key: None,
        node: "try".into(),
        parallel_runs: PARALLEL_RUNS,
        observer: None,
    })
    .await?)
}

/// `https://HOST=http://ADDR:PORT`
fn origin(text: &str) -> anyhow::Result<(Origin, Origin)> {
    let (from, to) = text.split_once('=').ok_or_else(|| {
        Failure::new(
            Code::Usage,
            format!("--origin {text} is not https://HOST=http://ADDRESS:PORT"),
        )
    })?;
    let parse = |text: &str| text.parse::<Origin>().with_context(|| format!("--origin {text}"));
    Ok((parse(from)?, parse(to)?))
}

/// Nothing is left to try again later: what cannot be reached now is an error of the definition's own run.
struct Trial(WithCalls);

#[async_trait]
impl Performer for Trial {
    async fn before(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        self.0.before(link, attempt).await
    }

    async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        self.0.perform(link, attempt).await
    }

    async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        self.0.recover(link, attempt).await
    }

    fn performs_calls(&self) -> bool {
        true
    }

    fn may_reach(&self, url: &Url) -> Result<(), String> {
        self.0.may_reach(url)
    }

    async fn call(
        &self,
        call: &FunctionCall,
        key: &str,
        hidden: &[SecretString],
    ) -> Result<CallAnswer, CallFailed> {
        let answer = self.0.call(call, key, hidden).await;
        answer.map_err(|CallFailed { failure, exchanges }| {
            let failure = match failure {
                CallFailure::Later(why) | CallFailure::Unsure(why) => {
                    CallFailure::Rejected(WorkflowError::new(ErrorKind::Communication, why))
                }
                rejected @ CallFailure::Rejected(_) => rejected,
            };
            CallFailed { failure, exchanges }
        })
    }

    async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        self.0.test(app, link).await
    }
}
