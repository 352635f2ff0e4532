//! Performs one action once: checks the arguments, sends its requests in order, sorts the outcome by what the caller can
//! do next, and tells what happened to an attempt that was cut.

mod auth0;
mod feeds;
pub(crate) mod redact;
pub(crate) mod request;
mod session;
mod transport;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::action::{Probe, Recovery};
use crate::app::App;
use crate::attempt::{Attempt, Failed, Failure, Performed, Recovered, Tested};
use crate::link::Link;
use crate::password;
use crate::schema::Mismatch;
use auth0::Tenants;
use request::evaluate;
use session::Session;
use transport::Transport;

pub use feeds::{EventSource, LogPlace, StreamMessage, StreamPlace};

/// Where "now" comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Fills a slice with random bytes; passwords are made of them, so it must be cryptographic.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What an executor needs from its surroundings.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    pub random: Random,
    pub connect_timeout: Duration,
    /// For one exchange, connecting and reading included.
    pub timeout: Duration,
    /// Longest answer that is read, in bytes.
    pub longest_answer: usize,
    /// How Auth0 tenants are spoken to; clones share tokens and rate budgets.
    pub auth0: callboard_auth0::Options,
}

/// Performs actions. One for the whole process: it holds connections and tokens.
pub struct Executor {
    options: Options,
    transport: Transport,
    tenants: Tenants,
}

/// Why an executor could not be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct NoTransport(String);

impl Options {
    /// Usual limits: 5 s to connect, 30 s for an exchange, 4 MiB for an answer.
    pub fn new(clock: Clock, random: Random) -> Self {
        let auth0 = auth0::options(&clock, &random);
        Self {
            clock,
            random,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            longest_answer: 4 << 20,
            auth0,
        }
    }
}

impl Executor {
    pub fn new(options: Options) -> Result<Self, NoTransport> {
        let transport = Transport::new(&options).map_err(|error| NoTransport(error.to_string()))?;
        let tenants = Tenants::new(options.auth0.clone());
        Ok(Self { options, transport, tenants })
    }

    /// What stands there before the action, for those whose inverse needs it. Keep the answer with the attempt
    /// *before* [`Executor::perform`]: after a crash the same read would show the action's own effect.
    pub async fn before(
        &self,
        link: &Link,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Value>, Failed> {
        let mut session = Session::new(self, link, attempt);
        match context(link, attempt) {
            Ok(mut context) => {
                let read = read_before(&mut session, attempt, &mut context).await;
                read.map_err(|failure| session.failed(failure))
            }
            Err(failure) => Err(session.failed(failure)),
        }
    }

    /// Performs the action once.
    pub async fn perform(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        let mut session = Session::new(self, link, attempt);
        match self.perform_in(&mut session, link, attempt).await {
            Ok((output, before)) => Ok(session.performed(&output, before)),
            Err(failure) => Err(session.failed(failure)),
        }
    }

    async fn repeat(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        let again = self.perform(link, attempt).await;
        again.map(Recovered::Repeated).map_err(|failed| Failed { repeated: true, ..failed })
    }

    /// What became of an attempt that was cut, as the action's `recovery` says. Where repeating is declared
    /// harmless it is repeated here.
    pub async fn recover(&self, link: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        if attempt.action.is_repeatable(&attempt.arguments) {
            return self.repeat(link, attempt).await;
        }
        match &attempt.action.recovery {
            Recovery::Repeat => self.repeat(link, attempt).await,
            Recovery::ProviderKey { valid_hours, .. } => {
                let age_hours = (self.options.clock)().duration_since(attempt.at).as_hours();
                if age_hours < i64::from(*valid_hours) {
                    return self.repeat(link, attempt).await;
                }
                let app = &attempt.action.service.title;
                let why = format!(
                    "{app} recognises a repeated key for {valid_hours} h only, and more have passed"
                );
                Ok(Recovered::Unknown { why, exchanges: Vec::new() })
            }
            Recovery::ChosenId { probe, .. } | Recovery::Probe(probe) => {
                self.probe(link, attempt, probe).await
            }
            Recovery::Ask { why } => {
                Ok(Recovered::Unknown { why: why.clone(), exchanges: Vec::new() })
            }
        }
    }

    /// Whether the link works, and as whom.
    pub async fn test(&self, app: &App, link: &Link) -> Result<Tested, Failed> {
        let mut session = Session::for_test(self, link, &app.service);
        match self.test_in(&mut session, app, link).await {
            Ok((who, token)) => Ok(Tested {
                who,
                expires_at: token.as_ref().and_then(|token| token.expires_at),
                scopes: token.map(|token| token.scopes).unwrap_or_default(),
                exchanges: session.into_exchanges(),
            }),
            Err(failure) => Err(session.failed(failure)),
        }
    }

    async fn test_in(
        &self,
        session: &mut Session<'_>,
        app: &App,
        link: &Link,
    ) -> Result<(String, Option<auth0::Token>), Failure> {
        let token = self.tenants.token(&app.service, link).await?;
        let Some(health) = &app.health else { return Ok((app.title.clone(), token)) };
        let mut context = json!({ "input": {}, "settings": link.settings, "results": {} });
        if let Some(token) = &token {
            context["token"] = json!({ "subject": token.subject });
        }
        session.run(std::slice::from_ref(&health.request), &mut context).await?;
        let who = evaluate(&health.who, &context)?;
        Ok((who.as_str().map_or_else(|| who.to_string(), str::to_owned), token))
    }

    async fn perform_in(
        &self,
        session: &mut Session<'_>,
        link: &Link,
        attempt: &Attempt<'_>,
    ) -> Result<(Value, Option<Value>), Failure> {
        let mut context = context(link, attempt)?;
        self.generate(session, attempt, &mut context);
        let before = match &attempt.before {
            Some(before) => Some(before.clone()),
            None => read_before(session, attempt, &mut context).await?,
        };
        context["before"] = before.clone().unwrap_or(Value::Null);
        let action = attempt.action;
        for refusal in &action.refusals {
            if refusal.when.holds(&context).map_err(|error| request::unfit(&error))? {
                let (title, body) = (refusal.why.clone(), Value::Null);
                return Err(Failure::Rejected { status: 409, title, body });
            }
        }
        let last = match session.run(&action.requests, &mut context).await {
            Ok(last) => last,
            Err(failure) => {
                let ours = already_done(session, attempt, &mut context, &failure).await?;
                return ours.map(|output| (output, before)).ok_or(failure);
            }
        };
        let output = match &action.returns {
            None => last,
            Some(returns) => returns
                .evaluate(&context)
                .map_err(|error| session.unreadable(&error.to_string()))?,
        };
        Ok((output, before))
    }

    async fn probe(
        &self,
        link: &Link,
        attempt: &Attempt<'_>,
        probe: &Probe,
    ) -> Result<Recovered, Failed> {
        let mut session = Session::new(self, link, attempt);
        let looked = async {
            let mut context = context(link, attempt)?;
            context["before"] = attempt.before.clone().unwrap_or(Value::Null);
            session.run(&probe.requests, &mut context).await?;
            let inconclusive = match &probe.inconclusive {
                Some(condition) => {
                    condition.holds(&context).map_err(|error| request::unfit(&error))?
                }
                None => false,
            };
            Ok((evaluate(&probe.found, &context)?, inconclusive))
        };
        match looked.await {
            Ok((Value::Null, true)) => {
                let why = "what could be read does not go back far enough to tell".to_owned();
                Ok(Recovered::Unknown { why, exchanges: session.into_exchanges() })
            }
            Ok((Value::Null, false)) => Ok(Recovered::DidNot),
            Ok((output, _)) => {
                Ok(Recovered::Happened(session.performed(&output, attempt.before.clone())))
            }
            Err(Failure::Rejected { status, title, .. }) => {
                let why = format!("looking for the effect was refused: {title} (HTTP {status})");
                Ok(Recovered::Unknown { why, exchanges: session.into_exchanges() })
            }
            Err(failure) => Err(session.failed(failure)),
        }
    }

    fn generate(&self, session: &mut Session<'_>, attempt: &Attempt<'_>, context: &mut Value) {
        for name in &attempt.action.generated {
            let made = password::generate(&|bytes| (self.options.random)(bytes));
            session.redactor.hide(&made);
            context["generated"][name] = Value::String(made);
        }
    }
}

async fn read_before(
    session: &mut Session<'_>,
    attempt: &Attempt<'_>,
    context: &mut Value,
) -> Result<Option<Value>, Failure> {
    let Some(before) = &attempt.action.before else { return Ok(None) };
    session.run(&before.requests, context).await?;
    evaluate(&before.value, context).map(Some)
}

/// A refusal that says "exists already" may be the echo of our own earlier try: the chosen id tells.
async fn already_done(
    session: &mut Session<'_>,
    attempt: &Attempt<'_>,
    context: &mut Value,
    failure: &Failure,
) -> Result<Option<Value>, Failure> {
    let Recovery::ChosenId { probe, conflicts } = &attempt.action.recovery else { return Ok(None) };
    let Failure::Rejected { status, .. } = failure else { return Ok(None) };
    if !conflicts.contains(status) {
        return Ok(None);
    }
    let unsure = |why: String| Failure::Unsure {
        why: format!("{failure}, and whether that was this very step could not be read: {why}"),
    };
    match session.run(&probe.requests, context).await {
        Ok(_) => {}
        Err(Failure::Rejected { .. }) => return Ok(None),
        Err(lost) => return Err(unsure(lost.to_string())),
    }
    let found = probe.found.evaluate(context).map_err(|error| unsure(error.to_string()))?;
    Ok(Some(found).filter(|found| !found.is_null()))
}

/// What expressions see. Fails on arguments that the input schema refuses.
fn context(link: &Link, attempt: &Attempt<'_>) -> Result<Value, Failure> {
    let input = attempt.action.input.with_defaults(&attempt.arguments);
    attempt.action.input.check(&input).map_err(Failure::InvalidArguments)?;
    if link.app != attempt.action.app() {
        let message = format!(
            "the link `{}` belongs to {}, the action `{}` to {}",
            link.name,
            link.app,
            attempt.action.id,
            attempt.action.app()
        );
        return Err(Failure::InvalidArguments(vec![Mismatch { pointer: String::new(), message }]));
    }
    Ok(json!({
        "input": input,
        "settings": link.settings,
        "attempt": {
            "key": attempt.key,
            "id": hex::encode(Sha256::digest(attempt.key.as_bytes())),
            "at": attempt.at.to_string(),
            "at_seconds": attempt.at.as_second(),
        },
        "results": {},
    }))
}
