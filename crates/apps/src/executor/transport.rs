//! One HTTP exchange with an app that is not Auth0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::request::{Content, form};
use super::session::Outgoing;
use super::verdict::Reply;
use super::{Clock, Options};
use crate::app::{AuthScheme, fill, setting};
use crate::attempt::Failure;
use crate::link::{Link, LinkCredentials};

pub(super) struct Transport {
    client: reqwest::Client,
    clock: Clock,
    longest_answer: usize,
}

impl Transport {
    pub(super) fn new(options: &Options) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            // An API that redirects would make us send credentials to wherever it says.
            .redirect(Policy::none())
            .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, clock: options.clock.clone(), longest_answer: options.longest_answer })
    }

    pub(super) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let request = build(outgoing)?;
        let app = &outgoing.service.title;
        let sent = self.client.execute(request).await;
        let response = sent.map_err(|error| lost(app, &error, outgoing.reads))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.read(response, outgoing).await?;
        Ok(Reply::read(outgoing.service, status, &headers, body, (self.clock)()))
    }

    /// The body as JSON; a text when it is something else, `null` when there is none.
    async fn read(
        &self,
        mut response: reqwest::Response,
        outgoing: &Outgoing<'_>,
    ) -> Result<Value, Failure> {
        let app = &outgoing.service.title;
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| lost(app, &error, outgoing.reads))?
        {
            if bytes.len() + chunk.len() > self.longest_answer {
                let why = format!("{app} answered more than {} bytes", self.longest_answer);
                return Err(cut(why, outgoing.reads));
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }
}

fn build(outgoing: &Outgoing<'_>) -> Result<reqwest::Request, Failure> {
    let rendered = outgoing.request;
    let base = outgoing.link.base_url.as_str().trim_end_matches('/');
    let invalid =
        |_| super::request::mismatch(&format!("{base}{} is not an address", rendered.path));
    let mut url = Url::parse(&format!("{base}{}", rendered.path)).map_err(invalid)?;
    if !rendered.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&rendered.query);
    }
    let mut request = reqwest::Request::new(rendered.method.clone(), url);
    *request.headers_mut() = rendered.headers.clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    authenticate(outgoing, request.headers_mut())?;
    if let Some(body) = &rendered.body {
        let (kind, bytes) = match rendered.content {
            Content::Json => ("application/json; charset=utf-8", body.to_string().into_bytes()),
            Content::Form => {
                let pairs = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(form(body))
                    .finish();
                ("application/x-www-form-urlencoded", pairs.into_bytes())
            }
        };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *request.body_mut() = Some(bytes.into());
    }
    Ok(request)
}

/// Adds the link's secret as the app wants it.
fn authenticate(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) -> Result<(), Failure> {
    let service = outgoing.service;
    let link = outgoing.link;
    let (name, text) = match &service.auth {
        AuthScheme::Open | AuthScheme::Auth0 => return Ok(()),
        AuthScheme::Bearer => {
            (AUTHORIZATION, format!("Bearer {}", secret(outgoing)?.expose_secret()))
        }
        AuthScheme::Basic { username, password } => {
            let pair = format!("{}:{}", filled(username, outgoing)?, filled(password, outgoing)?);
            (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
        }
        AuthScheme::Header { name, value } => {
            let name = HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|_| {
                super::request::mismatch("the app's authentication header is no header")
            })?;
            (name, filled(value, outgoing)?)
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| Failure::Credentials {
        why: format!(
            "the secret of the link `{}` has characters that no header can hold",
            link.name
        ),
        remedy: service.remedy.clone(),
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

fn secret<'a>(outgoing: &Outgoing<'a>) -> Result<&'a SecretString, Failure> {
    match &outgoing.link.credentials {
        LinkCredentials::Secret(secret)
        | LinkCredentials::ClientCredentials { client_secret: secret, .. } => Ok(secret),
        LinkCredentials::Open => Err(no_secret(outgoing.link, &outgoing.service.remedy)),
    }
}

fn no_secret(link: &Link, remedy: &str) -> Failure {
    Failure::Credentials {
        why: format!("the link `{}` has no secret", link.name),
        remedy: remedy.to_owned(),
    }
}

fn filled(pattern: &str, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
    let secret = secret(outgoing)?;
    let find = |name: &str| match name {
        "secret" => Some(secret.expose_secret().to_owned()),
        other => setting(&outgoing.link.settings, other),
    };
    fill(pattern, &find).map_err(|name| Failure::Credentials {
        why: format!("the link `{}` lacks the setting `{name}`", outgoing.link.name),
        remedy: outgoing.service.remedy.clone(),
    })
}

/// No answer, or half of one.
fn lost(app: &str, error: &reqwest::Error, reads: bool) -> Failure {
    if error.is_connect() || error.is_builder() {
        return Failure::Later {
            retry_at: None,
            why: format!("{app} could not be reached: {}", root(error)),
        };
    }
    let why = if error.is_timeout() { "it took too long".to_owned() } else { root(error) };
    cut(format!("the exchange with {app} was cut: {why}"), reads)
}

fn cut(why: String, reads: bool) -> Failure {
    if reads { Failure::Later { retry_at: None, why } } else { Failure::Unsure { why } }
}

/// The innermost cause; the outer ones repeat the address, which may hold personal data.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
