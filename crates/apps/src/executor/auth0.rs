//! Calls to Auth0 tenants: one client per link, kept while its credentials stay the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use callboard_auth0::{Call, Client, Credentials, CredentialsError, Error, RateState, Refused};
use callboard_contract::contract;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::{Rendered, mismatch};
use super::session::Outgoing;
use super::verdict::Reply;
use super::{Clock, Random};
use crate::app::{AuthScheme, Service, setting};
use crate::attempt::Failure;
use crate::link::{Link, LinkCredentials};
use crate::rates::{Exchanged, NotNow, Pace, RateRefused, RateTold, bucket_of};

/// The clients of this process.
pub(super) struct Tenants {
    options: callboard_auth0::Options,
    clients: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    made_for: (String, Option<String>, Credentials),
    client: Client,
}

/// What a link's present token says about itself.
pub(super) struct Token {
    pub(super) subject: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) scopes: Vec<String>,
}

/// The client's usual behaviour, with our clock and chance.
pub(super) fn options(clock: &Clock, random: &Random) -> callboard_auth0::Options {
    let random = random.clone();
    let share = move || {
        let mut bytes = [0; 4];
        random(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    };
    callboard_auth0::Options::new(clock.clone(), std::sync::Arc::new(share))
}

impl Tenants {
    pub(super) fn new(options: callboard_auth0::Options) -> Self {
        Self { options, clients: Mutex::default() }
    }

    pub(super) async fn send(
        &self,
        outgoing: &Outgoing<'_>,
        pace: Option<&dyn Pace>,
    ) -> Result<Reply, Failure> {
        let client = self.client(outgoing.service, outgoing.link)?;
        let call = call(outgoing.request, outgoing.harmless)?;
        let sent = match pace {
            None => client.send(&call).await,
            Some(pace) => client.send_paced(&call, &Paced::new(pace, &call)).await,
        };
        match sent {
            Ok(answer) => Ok(reply(answer.status, answer.body, String::new())),
            Err(Error::Rejected { status, message, body, .. }) => Ok(reply(status, *body, message)),
            Err(Error::NotInPlan { status, message }) => {
                let body = json!({ "statusCode": status, "message": message });
                Ok(Reply { not_in_plan: true, ..reply(status, body, message) })
            }
            Err(error) => match failure(outgoing.service, outgoing.link, &error) {
                Failure::Unsure { why } if outgoing.reads => {
                    Err(Failure::Later { retry_at: None, why })
                }
                failure => Err(failure),
            },
        }
    }

    /// Who the link is; `None` for apps that are no tenants.
    pub(super) async fn token(
        &self,
        service: &Service,
        link: &Link,
    ) -> Result<Option<Token>, Failure> {
        if service.auth != AuthScheme::Auth0 {
            return Ok(None);
        }
        let info = self
            .client(service, link)?
            .token()
            .await
            .map_err(|error| failure(service, link, &error))?;
        let scopes = info.scopes.unwrap_or_default();
        Ok(Some(Token { subject: info.subject, expires_at: info.expires_at, scopes }))
    }

    pub(super) fn client(&self, service: &Service, link: &Link) -> Result<Client, Failure> {
        let wrong = |why: String| Failure::Credentials { why, remedy: service.remedy.clone() };
        let credentials = match &link.credentials {
            LinkCredentials::Secret(token) => Credentials::Token(token.clone()),
            LinkCredentials::ClientCredentials { client_id, client_secret } => {
                Credentials::ClientCredentials {
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                }
            }
            LinkCredentials::Open => {
                return Err(wrong(format!("the link `{}` has no credentials", link.name)));
            }
        };
        let made_for =
            (link.base_url.as_str().to_owned(), setting(&link.settings, "audience"), credentials);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = clients.get(&link.name).filter(|kept| kept.made_for == made_for) {
            return Ok(kept.client.clone());
        }
        let (base_url, audience, credentials) = made_for.clone();
        let base_url = base_url.trim_end_matches('/');
        let client = Client::new(base_url, audience.as_deref(), credentials, self.options.clone())
            .map_err(|error| wrong(format!("the link `{}` cannot be used: {error}", link.name)))?;
        clients.insert(link.name.clone(), Kept { made_for, client: client.clone() });
        Ok(client)
    }
}

/// The pace of an attempt as the client asks for it.
struct Paced<'a> {
    pace: &'a dyn Pace,
    bucket: String,
}

impl<'a> Paced<'a> {
    fn new(pace: &'a dyn Pace, call: &Call) -> Self {
        let operation = call.operation.as_deref().and_then(|id| contract().operation(id));
        let searches = call.query.iter().any(|(name, _)| name == "q");
        Self { pace, bucket: bucket_of(operation, searches) }
    }
}

#[async_trait]
impl callboard_auth0::Pace for Paced<'_> {
    async fn admit(&self, _: &Call) -> Result<(), Error> {
        let admitted = self.pace.admit(&self.bucket).await;
        admitted.map_err(|NotNow { until, why }| Error::RateLimited { retry_at: until, why })
    }

    fn ended(&self, _: &Call, answered: bool, rate: Option<RateState>, refused: Option<Refused>) {
        let rate = rate.map(|RateState { limit, remaining, reset_at }| RateTold {
            limit,
            remaining,
            reset_at,
        });
        let refused = refused.map(|Refused { until, whole_tenant }| RateRefused {
            until: Some(until),
            everything: whole_tenant,
        });
        let told = Exchanged::Answered { rate, refused };
        self.pace.ended(&self.bucket, if answered { told } else { Exchanged::Lost });
    }
}

fn call(rendered: &Rendered, harmless: bool) -> Result<Call, Failure> {
    let unfit = |error: callboard_auth0::InvalidCall| mismatch(&error.to_string());
    let mut call = Call::raw(rendered.method.clone(), &rendered.path).map_err(unfit)?;
    call.query.clone_from(&rendered.query);
    call.body.clone_from(&rendered.body);
    call.operation = rendered.operation.map(|operation| operation.id.clone()).or_else(|| {
        let below = rendered.path.strip_prefix("/api/v2")?;
        contract().locate(&rendered.method, below).map(|located| located.operation.id.clone())
    });
    for (name, value) in &rendered.headers {
        call =
            call.with_header(name.as_str(), value.to_str().unwrap_or_default()).map_err(unfit)?;
    }
    Ok(if harmless { call.harmless_to_repeat() } else { call })
}

fn reply(status: u16, body: Value, title: String) -> Reply {
    let headers = crate::trigger::header_map(&HeaderMap::new());
    Reply { status, headers, body, title, retry_at: None, rate: None, not_in_plan: false }
}

pub(super) fn failure(service: &Service, link: &Link, error: &Error) -> Failure {
    match error {
        Error::RateLimited { retry_at, why } => {
            Failure::Later { retry_at: Some(*retry_at), why: why.clone() }
        }
        Error::NotSent { .. } | Error::Unavailable { .. } => {
            Failure::Later { retry_at: None, why: error.to_string() }
        }
        Error::Ambiguous { .. } => Failure::Unsure { why: error.to_string() },
        Error::MissingScope { needed, all } => Failure::Credentials {
            why: format!("the token of the link `{}` lacks a scope", link.name),
            remedy: match needed.as_slice() {
                [] => "add the operation's scope to the application's grant for the Management API"
                    .to_owned(),
                needed => format!(
                    "add {} {} to the application's grant for the Management API",
                    if *all { "all of" } else { "one of" },
                    needed.join(", ")
                ),
            },
        },
        Error::Unauthorized { message, remedy } => Failure::Credentials {
            why: format!(
                "the tenant does not accept the token of the link `{}`: {message}",
                link.name
            ),
            remedy: remedy.clone(),
        },
        Error::Credentials(refused) => {
            let (what, remedy) = refused.parts();
            Failure::Credentials {
                why: format!("the link `{}` got no token: {what}", link.name),
                remedy: match refused {
                    CredentialsError::WrongClientOrSecret { .. } => service.remedy.clone(),
                    _ => remedy,
                },
            }
        }
        Error::InvalidCall(invalid) => mismatch(&invalid.to_string()),
        Error::Rejected { status, message, body, .. } => {
            Failure::Rejected { status: *status, title: message.clone(), body: (**body).clone() }
        }
        Error::NotInPlan { status, message } => {
            Failure::Rejected { status: *status, title: message.clone(), body: Value::Null }
        }
        // The call did have its effect; only its answer is of no use.
        Error::Incomplete { .. } | Error::Unexpected { .. } => {
            Failure::Unsure { why: error.to_string() }
        }
    }
}
