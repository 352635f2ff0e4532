//! One HTTP exchange: the only place that touches the network.

use std::error::Error as _;
use std::time::Duration;

use http::{HeaderMap, Method, header};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::{Host, Url};

use crate::{InvalidOptions, Options};

/// No answer of the Management API comes near this.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Idle connections are given up before servers do (5 s is common), so that no write meets a closing one.
const IDLE: Duration = Duration::from_secs(4);

const EVENT_STREAM: &str = "text/event-stream";

/// A stream is given up after so long, whatever comes.
const LONGEST_STREAM: Duration = Duration::from_hours(1);

/// Sends requests to one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: String,
    patience: Duration,
}

/// What asking for a stream brought.
pub(crate) enum Opened {
    Stream(reqwest::Response),
    Reply(Reply),
}

/// What is sent.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a Value>,
}

/// An answer of any status.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// No complete answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lost {
    /// The request certainly did not reach the server.
    NotSent(String),
    /// The request may have reached the server; the status is there when an answer began.
    Cut(Option<u16>, String),
}

impl Transport {
    pub(crate) fn new(base_url: &str, options: &Options) -> Result<Self, InvalidOptions> {
        let base = base(base_url, options.allow_plain_http)?;
        let mut builder = reqwest::Client::builder()
            .no_proxy() // the environment is read in the binary only
            .redirect(Policy::none())
            .retry(reqwest::retry::never()) // `verdict` decides about repeating
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")));
        for pem in &options.root_certificates {
            let bad = |error: reqwest::Error| InvalidOptions::RootCertificate(deepest(&error));
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(bad)?;
            if certificates.is_empty() {
                return Err(InvalidOptions::RootCertificate("no certificate in it".into()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if base.starts_with("http://") {
            builder = builder.tls_certs_only([]); // a machine without CA certificates can still talk to itself
        }
        let http = builder.build().map_err(|error| InvalidOptions::Tls(deepest(&error)))?;
        Ok(Self { http, base, patience: options.timeout })
    }

    /// Scheme, host and port, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Reply, Lost> {
        let request = self.request(outgoing).header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| before_answer(&error))?;
        read_reply(response).await
    }

    /// A stream of events, or an answer that is none.
    pub(crate) async fn open(&self, outgoing: Outgoing<'_>) -> Result<Opened, Lost> {
        let request = self.request(outgoing).header(header::ACCEPT, EVENT_STREAM);
        let opening = request.timeout(LONGEST_STREAM).send();
        let response = tokio::time::timeout(self.patience, opening).await;
        let response = response.map_err(|_| Lost::Cut(None, "no answer in time".into()))?;
        let response = response.map_err(|error| before_answer(&error))?;
        let kind = response.headers().get(header::CONTENT_TYPE);
        let streams = kind.and_then(|kind| kind.to_str().ok());
        if response.status().is_success()
            && streams.is_some_and(|kind| kind.starts_with(EVENT_STREAM))
        {
            return Ok(Opened::Stream(response));
        }
        read_reply(response).await.map(Opened::Reply)
    }

    fn request(&self, outgoing: Outgoing<'_>) -> reqwest::RequestBuilder {
        let mut request =
            self.http.request(outgoing.method, format!("{}{}", self.base, outgoing.path));
        if !outgoing.query.is_empty() {
            request = request.query(outgoing.query);
        }
        if let Some(body) = outgoing.body {
            request = request.json(body);
        }
        request.headers(outgoing.headers)
    }
}

async fn read_reply(mut response: reqwest::Response) -> Result<Reply, Lost> {
    let status = response.status().as_u16();
    let cut = |why: String| Lost::Cut(Some(status), why);
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cut(why(&error)))? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Err(cut(format!("the answer is longer than {LONGEST_ANSWER} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    let headers = std::mem::take(response.headers_mut());
    Ok(Reply { status, headers, body: read_body(&bytes) })
}

/// Checks the address of a tenant and brings it into one form.
fn base(text: &str, allow_plain_http: bool) -> Result<String, InvalidOptions> {
    let bad = || InvalidOptions::BaseUrl(text.into());
    let url = Url::parse(text).map_err(|_| bad())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(bad());
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => {}
        ("http", Some(host)) if allow_plain_http || is_loopback(&host) => {}
        ("http", Some(_)) => return Err(InvalidOptions::PlainHttp(text.into())),
        _ => return Err(bad()),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn read_body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn before_answer(error: &reqwest::Error) -> Lost {
    let why = why(error);
    if error.is_connect() || error.is_builder() { Lost::NotSent(why) } else { Lost::Cut(None, why) }
}

/// A short sentence for people; without the URL, whose query may hold an e-mail address.
pub(crate) fn why(error: &reqwest::Error) -> String {
    let cause = deepest(error);
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => "connecting took too long".into(),
        (false, true) => "no answer in time".into(),
        (true, false) if cause.contains("certificate") => {
            format!(
                "{cause}; if the tenant's certificate is your own, add its root certificate to the link"
            )
        }
        _ => cause,
    }
}

fn deepest(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut text = None;
    while let Some(inner) = source {
        text = Some(inner.to_string());
        source = inner.source();
    }
    text.unwrap_or_else(|| "the request could not be sent".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_address_is_https_or_this_machine() {
        for (text, allowed, expected) in [
            ("https://t.eu.auth0.com", false, Some("https://t.eu.auth0.com")),
            ("https://t.eu.auth0.com/", false, Some("https://t.eu.auth0.com")),
            ("https://t.localhost:18443/", false, Some("https://t.localhost:18443")),
            ("http://127.0.0.1:8080", false, Some("http://127.0.0.1:8080")),
            ("http://[::1]:8080/", false, Some("http://[::1]:8080")),
            ("http://t.localhost:1", false, Some("http://t.localhost:1")),
            ("http://t.eu.auth0.com", false, None),
            ("http://localhost.evil.example", false, None),
            ("http://t.internal", true, Some("http://t.internal")),
            ("https://t.eu.auth0.com/api/v2/", false, None),
            ("https://user@t.eu.auth0.com", false, None),
            ("https://t.eu.auth0.com/?x", false, None),
            ("ftp://t.eu.auth0.com", true, None),
            ("t.eu.auth0.com", false, None),
        ] {
            assert_eq!(base(text, allowed).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_body_is_json_or_text_or_nothing() {
        for (bytes, expected) in [
            ("", Value::Null),
            ("{}", serde_json::json!({})),
            ("<html>", Value::String("<html>".into())),
        ] {
            assert_eq!(read_body(bytes.as_bytes()), expected, "{bytes}");
        }
    }
}
