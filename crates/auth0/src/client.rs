//! The client of one tenant.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::budget::{BucketState, Permit};
use crate::options::{InvalidOptions, Options};
use crate::pacing::Pacer;
use crate::pages::{Listing, Pages};
use crate::stream::Stream;
use crate::token::{Token, TokenSource};
use crate::transport::{Lost, Opened, Outgoing, Reply, Transport};
use crate::verdict::{self, Situation, Verdict};
use crate::{Answer, Call, Credentials, Error, Pace, RateState, Refused, TokenInfo, Typed, users};

/// Talks to one tenant. Clones share connections, token and budget.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    tokens: TokenSource,
    pacer: Pacer,
    options: Arc<Options>,
    audience: Arc<str>,
}

impl Client {
    /// A client for the tenant at `base_url`, for example `https://tenant.eu.auth0.com`. Nothing is sent yet.
    ///
    /// Without an audience tokens are asked for `<base_url>/api/v2/`, which is right for the tenant's canonical
    /// domain, but not for a custom domain.
    ///
    /// # Errors
    /// When the address is no tenant's, would be reached unencrypted, or an option makes no sense.
    pub fn new(
        base_url: &str,
        audience: Option<&str>,
        credentials: Credentials,
        options: Options,
    ) -> Result<Self, InvalidOptions> {
        if !(0.0..=0.9).contains(&options.reserve) {
            return Err(InvalidOptions::Reserve(options.reserve.to_string()));
        }
        let transport = Transport::new(base_url, &options)?;
        let audience =
            audience.map_or_else(|| format!("{}/api/v2/", transport.base()), str::to_owned);
        Ok(Self {
            tokens: TokenSource::new(credentials, audience.clone(), &transport, &options),
            pacer: Pacer {
                shared: options.shared.clone(),
                tenant: transport.base().to_owned(),
                share: options.reserve,
                max_wait: options.max_wait,
                clock: Arc::clone(&options.clock),
            },
            transport,
            options: Arc::new(options),
            audience: audience.into(),
        })
    }

    /// The tenant's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.transport.base()
    }

    /// Sends a call and waits for a successful answer.
    ///
    /// Waits for the rate bucket (at most [`Options::max_wait`]), fetches a token if needed, renews it once on 401
    /// or where a scope is missing, and repeats lost or failed exchanges only where the call is [harmless to repeat](crate::Repeat).
    ///
    /// # Errors
    /// See the table of [`Error`]: each variant says whether the call was executed and what to do next.
    pub async fn send(&self, call: &Call) -> Result<Answer, Error> {
        self.send_as(call, None).await
    }

    /// Sends a call as [`Client::send`] does, paced by somebody else.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_paced(&self, call: &Call, pace: &dyn Pace) -> Result<Answer, Error> {
        self.send_as(call, Some(pace)).await
    }

    #[tracing::instrument(name = "auth0.call.send", skip_all, fields(
        call.method = %call.method, call.operation = call.operation.as_deref().unwrap_or("raw")
    ))]
    async fn send_as(&self, call: &Call, pace: Option<&dyn Pace>) -> Result<Answer, Error> {
        let mut token = self.tokens.current().await?;
        let safe = call.method.is_safe();
        let (mut renewed, mut attempt, mut perhaps_executed) = (false, 1, false);
        loop {
            let told =
                move |error: Error| if perhaps_executed { error.after_sending() } else { error };
            let permit = match pace {
                None => Some(self.pacer.admit(&call.bucket).await.map_err(told)?),
                Some(pace) => {
                    pace.admit(call).await.map_err(told)?;
                    None
                }
            };
            let outcome = self.exchange(call, &token).await;
            let now = (self.options.clock)();
            let rate =
                outcome.as_ref().ok().and_then(|reply| RateState::from_headers(&reply.headers));
            let answered = outcome.is_ok();
            let pause = self.pause_after(&outcome, rate, permit.as_ref(), attempt);
            let (repeat, attempts) = (call.repeat, self.options.retry.attempts);
            let verdict =
                verdict::judge(outcome, Situation { repeat, safe, attempt, attempts, now, pause });
            let refused = refused(&verdict);
            if let (Some(permit), Some(Refused { until, whole_tenant })) = (&permit, refused) {
                permit.block(until, whole_tenant);
            }
            drop(permit);
            if let Some(pace) = pace {
                pace.ended(call, answered, rate, refused);
            }
            match verdict {
                Verdict::Success(reply) => return Ok(answer(reply, attempt)),
                Verdict::Renew(why) => {
                    let fresh = if renewed {
                        None
                    } else {
                        self.tokens.instead_of(&token).await.map_err(told)?
                    };
                    token = fresh.ok_or_else(|| self.unauthorized(why, &token))?;
                    renewed = true;
                    continue; // a refused token executed nothing: this is still the same attempt
                }
                Verdict::Again { sent } => {
                    perhaps_executed |= sent && !safe;
                    tracing::debug!(
                        attempt,
                        pause_ms = pause.as_millis(),
                        "the call is sent again"
                    );
                    tokio::time::sleep(pause).await;
                }
                Verdict::Failure(Error::MissingScope { needed, all }) if !renewed => {
                    // The grant may have been widened since this token was issued; nothing was executed.
                    let refused = told(Error::MissingScope { needed, all });
                    let fresh = self.tokens.instead_of(&token).await.ok().flatten();
                    token = fresh
                        .filter(|fresh| fresh.info.scopes != token.info.scopes)
                        .ok_or(refused)?;
                    renewed = true;
                    continue;
                }
                Verdict::Failure(error) => return Err(told(error)),
            }
            attempt += 1;
        }
    }

    /// Sends a call whose answer has a type.
    ///
    /// # Errors
    /// As [`Client::send`], and [`Error::Unexpected`] when the answer has another shape.
    pub async fn perform<T: DeserializeOwned>(&self, typed: &Typed<T>) -> Result<T, Error> {
        self.send(&typed.call).await?.read()
    }

    /// Reads a list page by page. Nothing is sent yet.
    pub fn pages<T: DeserializeOwned>(&self, listing: Listing<T>) -> Pages<T> {
        Pages::new(self.clone(), listing)
    }

    /// Who the client is, until when its token lives and what for; fetches a token if needed.
    ///
    /// # Errors
    /// When no token can be had.
    pub async fn token(&self) -> Result<TokenInfo, Error> {
        Ok(self.tokens.current().await?.info.clone())
    }

    /// Tries the link: reads one user, and tells who the client is.
    ///
    /// # Errors
    /// As [`Client::send`]; each error names its remedy.
    pub async fn test(&self) -> Result<TokenInfo, Error> {
        self.send(&users::probe()).await?;
        self.token().await
    }

    /// What is known about the tenant's rate buckets, smallest first.
    pub fn budget(&self) -> Vec<BucketState> {
        self.options.shared.budgets.states(self.transport.base(), self.options.reserve)
    }

    /// Opens a stream of events. `patience` is how long it may be silent.
    ///
    /// # Errors
    /// As [`Client::send`]; nothing is repeated but a call with a token that was refused.
    pub async fn stream(&self, call: &Call, patience: Duration) -> Result<Stream, Error> {
        let mut token = self.tokens.current().await?;
        let mut renewed = false;
        loop {
            let permit = self.pacer.admit(&call.bucket).await?;
            let opened = match Self::outgoing(call, &token) {
                Ok(outgoing) => self.transport.open(outgoing).await,
                Err(lost) => Err(lost),
            };
            let outcome = match opened {
                Ok(Opened::Stream(response)) => {
                    let told = RateState::from_headers(response.headers());
                    permit.told(told, false);
                    return Ok(Stream::new(response, patience));
                }
                Ok(Opened::Reply(reply)) => Ok(reply),
                Err(lost) => Err(lost),
            };
            let rate =
                outcome.as_ref().ok().and_then(|reply| RateState::from_headers(&reply.headers));
            let pause = self.pause_after(&outcome, rate, Some(&permit), 1);
            let situation = Situation {
                repeat: call.repeat,
                safe: true,
                attempt: 1,
                attempts: 1,
                now: (self.options.clock)(),
                pause,
            };
            let fresh = match verdict::judge(outcome, situation) {
                Verdict::Success(reply) => {
                    let why = "it is no stream of events".into();
                    return Err(Error::Unexpected { status: reply.status, why });
                }
                Verdict::Failure(Error::RateLimited { retry_at, why }) => {
                    permit.block(retry_at, why.starts_with("Global limit"));
                    return Err(Error::RateLimited { retry_at, why });
                }
                Verdict::Again { .. } => {
                    let why = "the stream could not be opened".into();
                    return Err(Error::Unavailable { status: None, why, attempts: 1 });
                }
                Verdict::Failure(error) => return Err(error),
                Verdict::Renew(why) if renewed => return Err(self.unauthorized(why, &token)),
                Verdict::Renew(why) => {
                    let fresh = self.tokens.instead_of(&token).await?;
                    fresh.ok_or_else(|| self.unauthorized(why, &token))?
                }
            };
            (token, renewed) = (fresh, true);
        }
    }

    async fn exchange(&self, call: &Call, token: &Token) -> Result<Reply, Lost> {
        let outgoing = Self::outgoing(call, token)?;
        self.transport.exchange(outgoing).await
    }

    fn outgoing<'a>(call: &'a Call, token: &Token) -> Result<Outgoing<'a>, Lost> {
        let mut headers = call.headers.clone();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose_secret()))
            .map_err(|_| {
                Lost::NotSent(
                    "the access token contains characters that no header can carry".into(),
                )
            })?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        Ok(Outgoing {
            method: call.method.clone(),
            path: &call.path,
            query: &call.query,
            headers,
            body: call.body.as_ref(),
        })
    }

    /// Takes note of the budget, and says how long to pause if the call is to be sent again.
    fn pause_after(
        &self,
        outcome: &Result<Reply, Lost>,
        rate: Option<RateState>,
        permit: Option<&Permit>,
        attempt: u32,
    ) -> Duration {
        let refused = matches!(outcome, Ok(reply) if reply.status == 429);
        if let Some(permit) = permit.filter(|_| outcome.is_ok()) {
            permit.told(rate, refused);
        }
        let failures = match permit {
            Some(permit) if refused => permit.count_refusal(),
            _ => attempt,
        };
        self.options.retry.pause(failures, (self.options.random)())
    }

    fn unauthorized(&self, message: String, token: &Token) -> Error {
        let now = (self.options.clock)();
        let remedy = match token.info.expires_at {
            _ if message.starts_with("Bad audience") => {
                format!(
                    "the token must be issued for the tenant's canonical domain; {} was asked for",
                    self.audience
                )
            }
            Some(at) if at <= now => format!("it expired at {at}; give the link a new token"),
            _ if matches!(self.tokens, TokenSource::Static(_)) => {
                "give the link a new token".into()
            }
            _ => "check that the link's address is the tenant that issued the token".into(),
        };
        Error::Unauthorized { message, remedy }
    }
}

fn refused(verdict: &Verdict) -> Option<Refused> {
    let Verdict::Failure(Error::RateLimited { retry_at, why }) = verdict else { return None };
    Some(Refused { until: *retry_at, whole_tenant: why.starts_with("Global limit") })
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

fn answer(reply: Reply, attempts: u32) -> Answer {
    Answer {
        status: reply.status,
        rate: RateState::from_headers(&reply.headers),
        request_id: verdict::request_id(&reply),
        body: reply.body,
        attempts,
    }
}
