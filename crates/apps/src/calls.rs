//! The workflow language's own calls: `http`, `openapi` and `mcp`.
//!
//! * **Where calls may go.** [`HostPolicy`] decides, before a name is resolved and again on the address that is then
//!   connected to, for every redirect, document and token endpoint. System proxies are not used: they would resolve
//!   names behind our back. [`CallOptions::origins`] puts stand-ins in the place of some hosts; only those escape the
//!   policy.
//! * **What is an error.** A status outside 200 to 299 (to 399 with `redirect: true`, which also follows redirects)
//!   is the workflow's own `communication` error with that status, for its `try`. That holds for 429 and 503 too:
//!   the answer is settled, nothing has to be found out, and the language's `retry` says whether and when to repeat.
//!   Only where there is *no* answer the caller has to act: [`CallFailure::Later`] when nothing can have happened,
//!   [`CallFailure::Unsure`] when a call that changes something was cut after it was sent.
//! * **What is shown.** Exchanges, and the `request` of an `output: response`, hold neither credentials nor values
//!   that come from secrets. Outputs are what the other side answered.
//! * **Repetitions.** Calls that change something carry the attempt's key as `Idempotency-Key`.

mod address;
mod authentication;
mod content;
mod digest;
mod events;
mod failure;
mod hosts;
mod http;
mod mcp;
mod openapi;
mod origin;
mod received;
mod session;
mod token;
mod wire;

#[cfg(test)]
mod tests;

use std::time::Duration;

use callboard_flow::FunctionCall;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use self::openapi::Documents;
use self::session::Session;
use self::token::Tokens;
use self::wire::Wire;
use crate::attempt::Exchange;
use crate::executor::Clock;
use crate::executor::redact::Redactor;

pub use self::failure::{CallFailed, CallFailure};
pub use self::hosts::{HostPolicy, InvalidHost};
pub use self::origin::{InvalidOrigin, Origin};
pub use self::session::without_secrets;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Finds a secret by its name.
pub type Secrets<'a> = &'a (dyn Fn(&str) -> Option<Value> + Sync);

/// What calls need from their surroundings.
#[derive(Clone)]
pub struct CallOptions {
    pub clock: Clock,
    pub hosts: HostPolicy,
    /// Calls to the first go to the second, which the policy does not judge; `Host` still names the first.
    pub origins: Vec<(Origin, Origin)>,
    pub connect_timeout: Duration,
    /// For one exchange, connecting and reading included.
    pub timeout: Duration,
    /// Longest answer that is read, in bytes.
    pub longest_answer: usize,
    /// Most redirects that are followed.
    pub redirects: usize,
}

impl CallOptions {
    /// Public hosts only, 10 s to connect, 30 s for an exchange, 10 MiB for an answer, 10 redirects.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            hosts: HostPolicy::public(),
            origins: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            longest_answer: 10 << 20,
            redirects: 10,
        }
    }
}

/// Performs calls. One for the whole process: it holds connections, tokens and OpenAPI documents.
pub struct Calls {
    clock: Clock,
    redirects: usize,
    wire: Wire,
    tokens: Tokens,
    documents: Documents,
}

/// A call that succeeded.
#[derive(Debug, Clone)]
pub struct CallAnswer {
    pub output: Value,
    pub exchanges: Vec<Exchange>,
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an HTTP client for workflow calls")]
pub struct NoCalls(#[from] reqwest::Error);

impl Calls {
    pub fn new(options: &CallOptions) -> Result<Self, NoCalls> {
        Ok(Self {
            clock: options.clock.clone(),
            redirects: options.redirects,
            wire: Wire::new(options)?,
            tokens: Tokens::default(),
            documents: Documents::default(),
        })
    }

    /// Why calls do not go to an address, as far as the address itself tells: names are resolved when they are called.
    pub fn may_reach(&self, url: &Url) -> Result<(), String> {
        self.wire.may_reach(url)
    }

    /// Performs a call. `key` is `run:step`, the same whenever the same step is tried again; `hidden` are values that
    /// must appear in no exchange, output or failure, wherever the arguments hold them.
    ///
    /// Catalogued functions are not for here: they are the executor's.
    pub async fn perform(
        &self,
        call: &FunctionCall,
        secrets: Secrets<'_>,
        key: &str,
        hidden: &[SecretString],
    ) -> Result<CallAnswer, CallFailed> {
        let mut session = Session::new(self, secrets, key);
        let mut sealed = Redactor::default();
        for value in hidden.iter().map(ExposeSecret::expose_secret) {
            session.redactor.hide(value);
            sealed.hide(value);
        }
        let outcome = match call {
            FunctionCall::Http(call) => http::perform(&mut session, call).await,
            FunctionCall::OpenApi(call) => openapi::perform(&mut session, call).await,
            FunctionCall::Mcp(call) => mcp::perform(&mut session, call).await,
            FunctionCall::Catalogued { name, .. } => Err(CallFailure::configuration(format!(
                "{name} is a function of the catalogue, not a call of the language"
            ))),
        };
        let Session { exchanges, redactor, .. } = session;
        match outcome {
            // Not with the other secrets: a short password would be found inside harmless words.
            Ok(output) => Ok(CallAnswer { output: sealed.values_only(&output), exchanges }),
            Err(failure) => {
                let failure = failure.masked(&|text| redactor.prose(text));
                Err(CallFailed { failure, exchanges })
            }
        }
    }
}
