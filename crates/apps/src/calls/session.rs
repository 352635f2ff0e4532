//! One call under way: what it has sent, what must not be shown, where it is redirected to.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION,
    PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::authentication::Authentication;
use super::failure::CallFailure;
use super::origin::Origin;
use super::received::{Received, headers_json};
use super::wire::{Enough, Lost, Outgoing};
use super::{Calls, Secrets, content};
use crate::app::Redact;
use crate::attempt::Exchange;
use crate::executor::redact::{Redactor, SECRET};

const AUTHENTICATION: [&str; 2] = ["authentication", "documentAuthentication"];

/// Headers, parameters and fields that history never shows.
const SECRET_NAMES: [&str; 26] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "api_key",
    "apikey",
    "x-auth-token",
    "x-access-token",
    "mcp-session-id",
    "password",
    "passwd",
    "secret",
    "client_secret",
    "client_assertion",
    "assertion",
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "subject_token",
    "actor_token",
    "private_key",
    "x-amz-security-token",
    "private-token",
];

/// A call's arguments as history may show them: no authentication at any depth, and nothing that is secret by its name.
pub fn without_secrets(arguments: &Value) -> Value {
    by_name().mask(&without_authentication(arguments))
}

fn without_authentication(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !AUTHENTICATION.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), without_authentication(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_authentication).collect(),
        Value::String(text) => Value::String(without_query_secrets(text)),
        plain => plain.clone(),
    }
}

/// An address without what its query holds under a secret's name, and without a user.
fn without_query_secrets(text: &str) -> String {
    let Some((scheme, rest)) =
        text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
    else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or_else(|| authority.to_owned(), |(_, host)| format!("{SECRET}@{host}"));
    let Some((path, query)) = rest.split_once('?') else {
        return format!("{scheme}://{host}{rest}");
    };
    let (query, fragment) =
        query.split_once('#').map_or((query, None), |(query, after)| (query, Some(after)));
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={SECRET}"),
            _ => pair.to_owned(),
        })
        .collect();
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{scheme}://{host}{path}?{}{fragment}", pairs.join("&"))
}

fn is_secret(name: &str) -> bool {
    SECRET_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn by_name() -> Redactor {
    let secret = SECRET_NAMES.map(str::to_owned).to_vec();
    Redactor::new(&Redact { secret, personal: Vec::new() })
}

pub(super) struct Session<'a> {
    pub(super) calls: &'a Calls,
    pub(super) key: &'a str,
    pub(super) secrets: Secrets<'a>,
    pub(super) redactor: Redactor,
    pub(super) exchanges: Vec<Exchange>,
}

impl<'a> Session<'a> {
    pub(super) fn new(calls: &'a Calls, secrets: Secrets<'a>, key: &'a str) -> Self {
        Self { calls, key, secrets, redactor: by_name(), exchanges: Vec::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.calls.clock)()
    }

    /// Sends a request, authenticates where it is asked to and follows redirects if wanted.
    pub(super) async fn send(
        &mut self,
        mut outgoing: Outgoing,
        mut authentication: Authentication,
        follow: bool,
    ) -> Result<Received, CallFailure> {
        let mut effect = false;
        for _ in 0..=self.calls.redirects {
            let attempt = self.authenticated(outgoing, &mut authentication, &mut |_| false).await;
            let received =
                attempt.map_err(|failure| if effect { failure.after_effect() } else { failure })?;
            let Some(next) = follow.then(|| target(&received)).flatten() else {
                return Ok(received);
            };
            let status = received.status;
            outgoing = received.request;
            // 307 and 308 say that it has yet to be done; the others may have done it.
            effect |= !outgoing.harmless && !matches!(status, 307 | 308);
            if Origin::of(&next) != Origin::of(&outgoing.url) {
                authentication = Authentication::None;
                drop_credentials(&mut outgoing.headers);
            }
            redirect(&mut outgoing, status, next);
        }
        let place = self.place(&outgoing);
        let why = format!("{place} redirects more than {} times", self.calls.redirects);
        Err(if effect { CallFailure::Unsure(why) } else { CallFailure::communication(why) })
    }

    /// Sends a request, and once more if it is answered by a challenge.
    pub(super) async fn authenticated(
        &mut self,
        mut outgoing: Outgoing,
        authentication: &mut Authentication,
        enough: Enough<'_>,
    ) -> Result<Received, CallFailure> {
        authentication.apply(&mut outgoing.headers);
        let received = self.exchange(outgoing, enough).await?;
        if received.status == StatusCode::UNAUTHORIZED.as_u16()
            && authentication.answer(self, &received).await?
        {
            // A 401 has not been executed, so this repeats nothing.
            let mut outgoing = received.request;
            authentication.apply(&mut outgoing.headers);
            return self.exchange(outgoing, enough).await;
        }
        Ok(received)
    }

    /// One request and its answer, written down.
    pub(super) async fn exchange(
        &mut self,
        outgoing: Outgoing,
        enough: Enough<'_>,
    ) -> Result<Received, CallFailure> {
        let began = self.now();
        let wire = &self.calls.wire;
        let outcome: Result<_, Lost> = async {
            let response = wire.open(&outgoing).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok((status, headers, wire.read(response, enough).await?))
        }
        .await;
        match outcome {
            Ok((status, headers, body)) => {
                let received = Received { status, headers, body, request: outgoing };
                let answer = json!({
                    "headers": headers_json(&received.headers), "body": received.messages(),
                });
                self.record(began, &received.request, Some(status), Some(&answer), None);
                Ok(received)
            }
            Err(lost) => Err(self.lost(began, &outgoing, lost)),
        }
    }

    fn lost(&mut self, began: Timestamp, outgoing: &Outgoing, lost: Lost) -> CallFailure {
        let note = self.redactor.text(&lost.note());
        self.record(began, outgoing, None, None, Some(note));
        lost.failure(&self.place(outgoing), outgoing.harmless)
    }

    fn record(
        &mut self,
        began: Timestamp,
        outgoing: &Outgoing,
        status: Option<u16>,
        answer: Option<&Value>,
        note: Option<String>,
    ) {
        let took = self.now().as_millisecond() - began.as_millisecond();
        let mut request = Map::from_iter([("headers".to_owned(), headers_json(&outgoing.headers))]);
        if let Some(body) = &outgoing.shown {
            request.insert("body".to_owned(), body.clone());
        }
        self.exchanges.push(Exchange {
            method: outgoing.method.to_string(),
            url: self.shown_url(&outgoing.url),
            status,
            at: began,
            duration_ms: u64::try_from(took).unwrap_or(0),
            request: Some(self.redactor.body(&Value::Object(request))),
            answer: answer.map(|answer| self.redactor.body(answer)),
            note,
        });
    }

    fn shown_url(&self, url: &Url) -> String {
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        self.redactor.url(base.as_str(), &url.query_pairs().into_owned().collect::<Vec<_>>())
    }

    /// `GET https://host/path` without the query, for sentences.
    pub(super) fn place(&self, outgoing: &Outgoing) -> String {
        let mut base = outgoing.url.clone();
        base.set_query(None);
        base.set_fragment(None);
        format!("{} {}", outgoing.method, self.redactor.text(base.as_str()))
    }
}

/// Where a redirect leads; none for other answers.
fn target(received: &Received) -> Option<Url> {
    if !matches!(received.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut next = received.request.url.join(received.header(LOCATION)?).ok()?;
    if next.fragment().is_none() {
        next.set_fragment(received.request.url.fragment());
    }
    Some(next)
}

/// RFC 9110 §15.4: 303 asks for a GET, 301 and 302 do so after a POST, as everyone does it.
fn redirect(outgoing: &mut Outgoing, status: u16, next: Url) {
    let becomes_get = match status {
        303 => outgoing.method != Method::HEAD,
        301 | 302 => outgoing.method == Method::POST,
        _ => false,
    };
    outgoing.url = next;
    if becomes_get {
        outgoing.method = Method::GET;
        outgoing.harmless = true;
        outgoing.body = None;
        outgoing.shown = None;
        for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
            outgoing.headers.remove(name);
        }
        outgoing.headers.remove(super::IDEMPOTENCY_KEY);
    }
}

/// What was meant for one origin does not go to another.
fn drop_credentials(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        headers.remove(name);
    }
    for name in SECRET_NAMES {
        headers.remove(name);
    }
}

/// Adds headers that a definition gives.
pub(super) fn add_headers(
    session: &mut Session<'_>,
    headers: &mut HeaderMap,
    given: &Map<String, Value>,
) -> Result<(), CallFailure> {
    for (text, value) in given {
        let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
            CallFailure::validation(format!("\"{text}\" is not the name of a header"))
        })?;
        if matches!(
            name.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection" | "upgrade"
        ) {
            return Err(CallFailure::validation(format!(
                "the header {name} follows from the call and cannot be given"
            )));
        }
        let value = match value {
            Value::Null => continue,
            Value::Array(items) => {
                let items: Option<Vec<String>> = items.iter().map(content::scalar).collect();
                items.map(|items| items.join(", "))
            }
            other => content::scalar(other),
        };
        let value = value
            .ok_or_else(|| CallFailure::validation(format!("the header {name} must be a text")))?;
        let mut header = HeaderValue::from_str(&value).map_err(|_| {
            CallFailure::validation(format!(
                "the header {name} has characters that no header can hold"
            ))
        })?;
        if SECRET_NAMES.contains(&name.as_str()) {
            header.set_sensitive(true);
            session.redactor.hide(value.rsplit(' ').next().unwrap_or_default());
            session.redactor.hide(&value);
        }
        headers.insert(name, header);
    }
    Ok(())
}
