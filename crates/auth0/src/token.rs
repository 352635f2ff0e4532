//! Where the access token comes from: one fetch for all callers, renewed before it expires.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::jwt::{Claims, split_scopes};
use crate::options::{Clock, Random, Retry};
use crate::transport::{Outgoing, Reply, Transport};
use crate::verdict::{self, Situation, Verdict};
use crate::{Credentials, CredentialsError, Error, Options, Repeat, rate};

/// A token is renewed when this share of its life is over.
const RENEW_AT: f64 = 0.8;

/// How long a failed early renewal is left alone while the old token still lives.
const POSTPONE: Duration = Duration::from_secs(30);

/// What the client's own access token says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Until when it lives; none when an opaque token does not tell.
    pub expires_at: Option<Timestamp>,
    /// The granted scopes; none when an opaque token does not tell.
    pub scopes: Option<Vec<String>>,
    /// Who it is. Example: `AaiyAPdpYdesoKnqjj8HJqRn4T5titww@clients`.
    pub subject: Option<String>,
    /// The application it was issued to.
    pub client_id: Option<String>,
}

/// An access token with what is known about it.
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    pub(crate) info: TokenInfo,
    renew_at: Option<Timestamp>,
}

/// The tokens of the process.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// One token per tenant, client and scopes.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    audience: String,
    client_id: String,
    scopes: Vec<String>,
}

/// A token that is fetched by whoever needs it first. The gate is held across the fetch on purpose: that is what
/// makes fifty callers ask once. Who waited for a fetch that failed gets its error instead of asking again.
struct Slot {
    secret: SecretString,
    gate: tokio::sync::Mutex<Held>,
    fetches: AtomicU64,
}

#[derive(Default)]
struct Held {
    token: Option<Arc<Token>>,
    failure: Option<Error>,
    postponed_until: Option<Timestamp>,
}

/// The token source of one client.
#[derive(Clone)]
pub(crate) enum TokenSource {
    Static(Arc<Token>),
    Fetched(Arc<Fetcher>),
}

/// Fetches tokens with client credentials.
pub(crate) struct Fetcher {
    key: Key,
    slot: Arc<Slot>,
    transport: Transport,
    clock: Clock,
    random: Random,
    retry: Retry,
}

impl TokenSource {
    pub(crate) fn new(
        credentials: Credentials,
        audience: String,
        transport: &Transport,
        options: &Options,
    ) -> Self {
        match credentials {
            Credentials::Token(secret) => Self::Static(Arc::new(Token::given(secret))),
            Credentials::ClientCredentials { client_id, client_secret } => {
                let mut scopes = options.scopes.clone();
                scopes.sort();
                let key = Key { tenant: transport.base().into(), audience, client_id, scopes };
                let slot = options.shared.tokens.slot(&key, client_secret);
                Self::Fetched(Arc::new(Fetcher {
                    key,
                    slot,
                    transport: transport.clone(),
                    clock: Arc::clone(&options.clock),
                    random: Arc::clone(&options.random),
                    retry: options.retry,
                }))
            }
        }
    }

    /// A token that is good for now.
    pub(crate) async fn current(&self) -> Result<Arc<Token>, Error> {
        match self {
            Self::Static(token) => Ok(Arc::clone(token)),
            Self::Fetched(fetcher) => fetcher.current().await,
        }
    }

    /// A token other than the one that was just refused; none when there can be no other.
    pub(crate) async fn instead_of(
        &self,
        refused: &Arc<Token>,
    ) -> Result<Option<Arc<Token>>, Error> {
        match self {
            Self::Static(_) => Ok(None),
            Self::Fetched(fetcher) => {
                fetcher.obtain(|held| !Arc::ptr_eq(held, refused), false).await.map(Some)
            }
        }
    }
}

impl Tokens {
    /// The slot of a client. A changed secret begins a new one, so that a wrong secret does not live on an old token.
    fn slot(&self, key: &Key, secret: SecretString) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(key) {
            Some(slot) if slot.secret.expose_secret() == secret.expose_secret() => Arc::clone(slot),
            _ => {
                let slot = Slot {
                    secret,
                    gate: tokio::sync::Mutex::default(),
                    fetches: AtomicU64::new(0),
                };
                let slot = Arc::new(slot);
                slots.insert(key.clone(), Arc::clone(&slot));
                slot
            }
        }
    }
}

impl Fetcher {
    async fn current(&self) -> Result<Arc<Token>, Error> {
        let now = (self.clock)();
        self.obtain(|held| held.renew_at.is_none_or(|at| now < at), true).await
    }

    /// The held token if it is good, else a fresh one. With `or_old`, a token that lives on may stand in for a fresh
    /// one that cannot be had just now.
    async fn obtain(
        &self,
        is_good: impl Fn(&Arc<Token>) -> bool,
        or_old: bool,
    ) -> Result<Arc<Token>, Error> {
        let seen = self.slot.fetches.load(Ordering::Acquire);
        let mut held = self.slot.gate.lock().await;
        let now = (self.clock)();
        let alive = held
            .token
            .clone()
            .filter(|token| or_old && token.info.expires_at.is_none_or(|at| now < at));
        if let Some(token) = held.token.as_ref().filter(|token| is_good(token)) {
            return Ok(Arc::clone(token));
        }
        if let Some(token) =
            alive.as_ref().filter(|_| held.postponed_until.is_some_and(|until| now < until))
        {
            return Ok(Arc::clone(token));
        }
        if let Some(failure) =
            held.failure.as_ref().filter(|_| self.slot.fetches.load(Ordering::Acquire) != seen)
        {
            return Err(failure.clone());
        }
        let fetched = self.fetch().await;
        self.slot.fetches.fetch_add(1, Ordering::Release);
        match (fetched, alive) {
            (Ok(token), _) => {
                let token = Arc::new(token);
                *held = Held { token: Some(Arc::clone(&token)), ..Held::default() };
                Ok(token)
            }
            (Err(error), Some(token)) if error.is_temporary() => {
                held.postponed_until = Some(rate::after(now, POSTPONE));
                Ok(token)
            }
            (Err(error), _) => {
                held.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Asks the token endpoint. Asking twice is harmless, so it is repeated like a read.
    async fn fetch(&self) -> Result<Token, Error> {
        let body = self.request();
        let mut attempt = 1;
        loop {
            let now = (self.clock)();
            let outgoing = Outgoing {
                method: Method::POST,
                path: "/oauth/token",
                query: &[],
                headers: HeaderMap::new(),
                body: Some(&body),
            };
            let outcome = self.transport.exchange(outgoing).await;
            if let Ok(reply) = &outcome
                && (400..500).contains(&reply.status)
                && !matches!(reply.status, 408 | 429)
            {
                let Key { client_id, audience, .. } = &self.key;
                return Err(CredentialsError::classify(
                    reply.status,
                    &reply.body,
                    client_id,
                    audience,
                )
                .into());
            }
            let pause = self.retry.pause(attempt, (self.random)());
            let (repeat, attempts) = (Repeat::Harmless, self.retry.attempts);
            match verdict::judge(
                outcome,
                Situation { repeat, safe: true, attempt, attempts, now, pause },
            ) {
                Verdict::Success(reply) => return self.read(&reply, now),
                Verdict::Again { .. } => tokio::time::sleep(pause).await,
                Verdict::Renew(why) => return Err(Error::NotSent { why }),
                // The call that needed the token was not sent, whatever happened to the token.
                Verdict::Failure(Error::Unavailable { why, .. }) => {
                    return Err(Error::NotSent { why: format!("no access token: {why}") });
                }
                Verdict::Failure(error) => return Err(error),
            }
            attempt += 1;
        }
    }

    fn request(&self) -> Value {
        let mut body = json!({
            "grant_type": "client_credentials",
            "client_id": self.key.client_id,
            "client_secret": self.slot.secret.expose_secret(),
            "audience": self.key.audience,
        });
        if !self.key.scopes.is_empty() {
            body["scope"] = Value::String(self.key.scopes.join(" "));
        }
        body
    }

    fn read(&self, reply: &Reply, now: Timestamp) -> Result<Token, Error> {
        let Some(secret) = reply.body.get("access_token").and_then(Value::as_str) else {
            let why = "the token endpoint's answer has no `access_token`".into();
            return Err(Error::Unexpected { status: reply.status, why });
        };
        let scope = reply.body.get("scope").and_then(Value::as_str).map(split_scopes);
        let mut token = Token::given(secret.to_owned().into());
        token.info.scopes = scope.or(token.info.scopes);
        token.info.client_id = token.info.client_id.or_else(|| Some(self.key.client_id.clone()));
        // The lifetime counts on our own clock; `exp` is on the tenant's, which may differ.
        if let Some(seconds) = reply.body.get("expires_in").and_then(Value::as_u64) {
            let life = Duration::from_secs(seconds);
            token.info.expires_at = Some(rate::after(now, life));
            token.renew_at = Some(rate::after(now, life.mul_f64(RENEW_AT)));
        } else {
            token.renew_at = token.info.expires_at;
        }
        Ok(token)
    }
}

impl Token {
    /// A token about which only its own claims are known.
    fn given(secret: SecretString) -> Self {
        let claims = Claims::read(secret.expose_secret());
        let info = TokenInfo {
            expires_at: claims.as_ref().and_then(Claims::expires_at),
            scopes: claims.as_ref().map(Claims::scopes),
            subject: claims.as_ref().and_then(|claims| claims.sub.clone()),
            client_id: claims.as_ref().and_then(Claims::client),
        };
        Self { secret, info, renew_at: None }
    }
}
