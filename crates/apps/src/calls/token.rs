//! Access tokens of OAuth 2.0 and OpenID Connect authorities, kept until shortly before they expire.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::content::{FORM, JSON};
use super::failure::CallFailure;
use super::http::{add_body, address, outgoing};
use super::received::Received;
use super::session::Session;
use crate::executor::redact::Redactor;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// A token is renewed this long before it expires.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// Most tokens that are kept.
const KEPT: usize = 1_000;

/// What to ask an authority for.
#[derive(Clone)]
pub(super) struct Request {
    authority: String,
    /// Path or address of the token endpoint; none: the authority's OpenID configuration says it.
    endpoint: Option<String>,
    /// Fields of the token request without those that identify the client.
    fields: Map<String, Value>,
    client: Client,
    encoding: &'static str,
    issuers: Vec<String>,
    /// Identifies everything above.
    key: [u8; 32],
}

#[derive(Clone, Default)]
struct Client {
    id: Option<String>,
    secret: Option<String>,
    assertion: Option<String>,
    method: Option<String>,
}

impl Request {
    pub(super) fn read(scheme: &str, given: &Map<String, Value>) -> Result<Self, CallFailure> {
        let wrong = |what: String| CallFailure::configuration(format!("{scheme}.{what}"));
        let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |name: &str| -> Vec<String> {
            let items = given.get(name).and_then(Value::as_array);
            items
                .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default()
        };
        let authority = text("authority").ok_or_else(|| wrong("authority is missing".into()))?;
        let endpoint = given
            .get("endpoints")
            .and_then(|endpoints| endpoints.get("token"))
            .and_then(Value::as_str);
        let endpoint = match scheme {
            "oidc" => endpoint.map(str::to_owned),
            _ => Some(endpoint.unwrap_or("/oauth2/token").to_owned()),
        };
        let mut fields = grant(given).map_err(wrong)?;
        let scopes = list("scopes");
        if !scopes.is_empty() {
            fields.insert("scope".into(), scopes.join(" ").into());
        }
        match list("audiences").as_slice() {
            [] => {}
            [single] => drop(fields.insert("audience".into(), single.as_str().into())),
            several => drop(fields.insert("audience".into(), several.into())),
        }
        let client = given.get("client").unwrap_or(&Value::Null);
        let part = |name: &str| client.get(name).and_then(Value::as_str).map(str::to_owned);
        let client = Client {
            id: part("id"),
            secret: part("secret"),
            assertion: part("assertion"),
            method: part("authentication"),
        };
        let encoding = match given.get("request").and_then(|request| request.get("encoding")) {
            Some(Value::String(encoding)) if encoding == JSON => JSON,
            _ => FORM,
        };
        let everything = Value::Object(given.clone()).to_string();
        let key = Sha256::digest(format!("{scheme}\n{everything}")).into();
        Ok(Self { authority, endpoint, fields, client, encoding, issuers: list("issuers"), key })
    }

    pub(super) fn hide(&self, redactor: &mut Redactor) {
        let fields = ["password", "subject_token", "actor_token"]
            .iter()
            .filter_map(|name| self.fields.get(*name)?.as_str());
        let client =
            [self.client.secret.as_deref(), self.client.assertion.as_deref()].into_iter().flatten();
        fields.chain(client).for_each(|secret| redactor.hide(secret));
    }
}

/// The fields that belong to the grant.
fn grant(given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let name = given.get("grant").and_then(Value::as_str).ok_or("grant is missing")?;
    let mut fields = Map::from_iter([("grant_type".to_owned(), Value::from(name))]);
    match name {
        "client_credentials" => {}
        "password" => {
            for field in ["username", "password"] {
                let value = given.get(field).filter(|value| value.is_string());
                let value =
                    value.ok_or_else(|| format!("{field} is needed by the grant password"))?;
                fields.insert(field.to_owned(), value.clone());
            }
        }
        TOKEN_EXCHANGE => {
            for (party, needed) in [("subject", true), ("actor", false)] {
                let Some(token) = given.get(party) else {
                    if needed {
                        return Err("subject is needed by the grant token-exchange".into());
                    }
                    continue;
                };
                for (field, part) in
                    [(format!("{party}_token"), "token"), (format!("{party}_token_type"), "type")]
                {
                    let value = token.get(part).filter(|value| value.is_string());
                    let value = value.ok_or_else(|| format!("{party}.{part} is missing"))?;
                    fields.insert(field, value.clone());
                }
            }
        }
        "authorization_code" | "refresh_token" => {
            return Err(format!(
                "grant {name} needs a person or a token of one; use client_credentials, password or token-exchange"
            ));
        }
        other => return Err(format!("grant {other} is not known")),
    }
    Ok(fields)
}

/// Tokens by what they were asked for with.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<[u8; 32], (String, Timestamp)>>);

impl Tokens {
    fn find(&self, request: &Request, now: Timestamp) -> Option<String> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&request.key).filter(|(_, until)| now < *until).map(|(token, _)| token.clone())
    }

    fn keep(&self, request: &Request, token: &str, until: Timestamp, now: Timestamp) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, until)| now < *until);
        if tokens.len() < KEPT && now < until {
            tokens.insert(request.key, (token.to_owned(), until));
        }
    }

    pub(super) fn forget(&self, request: &Request) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.key);
    }
}

/// A token and whether it is an old one.
pub(super) async fn get(
    session: &mut Session<'_>,
    request: &Request,
) -> Result<(String, bool), CallFailure> {
    if let Some(token) = session.calls.tokens.find(request, session.now()) {
        session.redactor.hide(&token);
        return Ok((token, true));
    }
    let endpoint = endpoint(session, request).await?;
    let asked = session.now();
    let received = ask(session, request, &endpoint).await?;
    let content = received.content();
    let Some(token) = content.get("access_token").and_then(Value::as_str) else {
        return Err(CallFailure::authentication(format!(
            "{endpoint} answered without an access_token"
        )));
    };
    session.redactor.hide(token);
    check_issuer(request, token)?;
    if let Some(seconds) = content.get("expires_in").and_then(lifetime)
        && let Ok(until) = asked.checked_add(SignedDuration::from_secs(seconds) - MARGIN)
    {
        session.calls.tokens.keep(request, token, until, asked);
    }
    Ok((token.to_owned(), false))
}

/// Some authorities write seconds as a text.
fn lifetime(value: &Value) -> Option<i64> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    Some(seconds.clamp(0, 366 * 86_400))
}

async fn endpoint(session: &mut Session<'_>, request: &Request) -> Result<String, CallFailure> {
    let authority = request.authority.trim_end_matches('/');
    if let Some(endpoint) = &request.endpoint {
        if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
            return Ok(endpoint.clone());
        }
        return Ok(format!("{authority}/{}", endpoint.trim_start_matches('/')));
    }
    let url = address(&format!("{authority}/.well-known/openid-configuration"))?;
    let get = outgoing(session, Method::GET, url);
    let received = session.exchange(get, &mut |_| false).await?;
    settled(session, &received)?;
    let found = received.content().get("token_endpoint").and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| {
        CallFailure::authentication(format!(
            "the OpenID configuration of {authority} names no token_endpoint"
        ))
    })
}

async fn ask(
    session: &mut Session<'_>,
    request: &Request,
    endpoint: &str,
) -> Result<Received, CallFailure> {
    let mut fields = request.fields.clone();
    let mut post = outgoing(session, Method::POST, address(endpoint)?);
    // A token that nobody uses does no harm.
    post.harmless = true;
    post.headers.remove(super::IDEMPOTENCY_KEY);
    if let Some(basic) = identify(&request.client, &mut fields)? {
        session.redactor.hide(basic.trim_start_matches("Basic "));
        let mut value = HeaderValue::from_str(&basic).map_err(|_| {
            CallFailure::configuration("the client's id or secret cannot stand in a header")
        })?;
        value.set_sensitive(true);
        post.headers.insert(AUTHORIZATION, value);
    }
    post.headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.encoding));
    add_body(&mut post, &Value::Object(fields))?;
    let received = session.exchange(post, &mut |_| false).await?;
    settled(session, &received)?;
    Ok(received)
}

/// Adds what identifies the client, or gives the header that does.
fn identify(
    client: &Client,
    fields: &mut Map<String, Value>,
) -> Result<Option<String>, CallFailure> {
    let needs = |what: &str| {
        CallFailure::configuration(format!("the client of the authentication needs its {what}"))
    };
    let id = client.id.clone();
    match client.method.as_deref().unwrap_or("client_secret_post") {
        "client_secret_basic" => {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let id = id.ok_or_else(|| needs("id"))?;
            let secret = client.secret.as_ref().ok_or_else(|| needs("secret"))?;
            // RFC 6749 §2.3.1: each of the two form-encoded first.
            return Ok(Some(format!(
                "Basic {}",
                STANDARD.encode(format!("{}:{}", encode(&id), encode(secret)))
            )));
        }
        "private_key_jwt" | "client_secret_jwt" => {
            let assertion = client.assertion.as_ref().ok_or_else(|| needs("assertion"))?;
            fields.insert("client_assertion".into(), assertion.as_str().into());
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            fields.insert("client_assertion_type".into(), kind.into());
        }
        "client_secret_post" => {
            if let Some(secret) = &client.secret {
                fields.insert("client_secret".into(), secret.as_str().into());
            }
        }
        "none" => {}
        other => {
            return Err(CallFailure::configuration(format!(
                "the client authentication {other} is not known"
            )));
        }
    }
    if let Some(id) = id {
        fields.insert("client_id".into(), id.into());
    }
    Ok(None)
}

/// An authority that is busy or broken may be better later; one that refuses has refused.
fn settled(session: &Session<'_>, received: &Received) -> Result<(), CallFailure> {
    if received.is_success() {
        return Ok(());
    }
    let why = session.error(received).detail.unwrap_or_default();
    if received.status == 429 || received.status >= 500 {
        return Err(CallFailure::Later(why));
    }
    Err(CallFailure::authentication(format!("no token: {why}")))
}

/// Whether the token comes from one of the issuers that the policy lists; tokens that are not JWTs do not say.
fn check_issuer(request: &Request, token: &str) -> Result<(), CallFailure> {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = claims.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let issuer = claims.as_ref().and_then(|claims| claims["iss"].as_str());
    match issuer {
        Some(issuer)
            if !request.issuers.is_empty()
                && !request.issuers.iter().any(|known| known == issuer) =>
        {
            Err(CallFailure::authentication(format!(
                "the token comes from {issuer}, which is not among the issuers of the authentication"
            )))
        }
        _ => Ok(()),
    }
}
