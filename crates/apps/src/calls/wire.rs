//! One request to a checked address, and its answer with a bound.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::CallOptions;
use super::failure::CallFailure;
use super::hosts::HostPolicy;
use super::origin::Origin;

/// A request before it is sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    /// The body as history may show it, secrets still in it.
    pub(super) shown: Option<Value>,
    /// Whether sending it twice is as good as once.
    pub(super) harmless: bool,
    /// Instead of the usual one.
    pub(super) timeout: Option<Duration>,
}

/// Looks at the bytes of an answer so far and says whether they are enough.
pub(super) type Enough<'a> = &'a mut (dyn FnMut(&[u8]) -> bool + Send);

impl Outgoing {
    pub(super) fn new(method: Method, url: Url) -> Self {
        let harmless = method.is_safe();
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            shown: None,
            harmless,
            timeout: None,
        }
    }
}

pub(super) struct Wire {
    checked: reqwest::Client,
    /// For origins that are rewritten: their targets are meant as they are.
    rewritten: reqwest::Client,
    hosts: Arc<HostPolicy>,
    origins: Vec<(Origin, Origin)>,
    longest_answer: usize,
}

/// Why there is no answer, or only a part of one.
#[derive(Debug)]
pub(super) enum Lost {
    /// We did not want to.
    Refused(String),
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent.
    Cut(String),
    TooLong(usize),
}

impl Lost {
    pub(super) fn failure(self, place: &str, harmless: bool) -> CallFailure {
        match self {
            Self::Refused(why) => CallFailure::authorization(why),
            Self::NotSent(why) => {
                CallFailure::Later(format!("{place} could not be reached: {why}"))
            }
            Self::Cut(why) => {
                let why = format!("the exchange with {place} was cut: {why}");
                if harmless { CallFailure::Later(why) } else { CallFailure::Unsure(why) }
            }
            Self::TooLong(most) => {
                let why = format!("{place} answered more than {most} bytes");
                if harmless { CallFailure::communication(why) } else { CallFailure::Unsure(why) }
            }
        }
    }

    pub(super) fn note(&self) -> String {
        match self {
            Self::Refused(why) => format!("not sent: {why}"),
            Self::NotSent(why) => format!("could not be reached: {why}"),
            Self::Cut(why) => format!("cut: {why}"),
            Self::TooLong(most) => format!("more than {most} bytes"),
        }
    }
}

impl Wire {
    pub(super) fn new(options: &CallOptions) -> Result<Self, reqwest::Error> {
        let hosts = Arc::new(options.hosts.clone());
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(options.connect_timeout)
                .timeout(options.timeout)
                // Each hop is checked, so we follow redirects ourselves.
                .redirect(Policy::none())
                // A proxy would resolve the name again, and perhaps to another address than we checked.
                .no_proxy()
        };
        Ok(Self {
            checked: builder().dns_resolver(Arc::new(CheckedResolver(hosts.clone()))).build()?,
            rewritten: builder().build()?,
            hosts,
            origins: options.origins.clone(),
            longest_answer: options.longest_answer,
        })
    }

    pub(super) fn may_reach(&self, url: &Url) -> Result<(), String> {
        if self.rewrite(url).is_some() { Ok(()) } else { self.hosts.check_url(url) }
    }

    pub(super) async fn open(&self, outgoing: &Outgoing) -> Result<reqwest::Response, Lost> {
        let mut request = reqwest::Request::new(outgoing.method.clone(), outgoing.url.clone());
        *request.headers_mut() = outgoing.headers.clone();
        *request.body_mut() = outgoing.body.clone().map(Into::into);
        *request.timeout_mut() = outgoing.timeout;
        let client = if let Some(target) = self.rewrite(&outgoing.url) {
            if let Ok(host) = HeaderValue::from_str(outgoing.url.authority()) {
                request.headers_mut().insert(HOST, host);
            }
            *request.url_mut() = target;
            &self.rewritten
        } else {
            self.hosts.check_url(&outgoing.url).map_err(Lost::Refused)?;
            &self.checked
        };
        client.execute(request).await.map_err(|error| lost(&error))
    }

    pub(super) async fn read(
        &self,
        mut response: reqwest::Response,
        enough: Enough<'_>,
    ) -> Result<Vec<u8>, Lost> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if bytes.len() + chunk.len() > self.longest_answer {
                return Err(Lost::TooLong(self.longest_answer));
            }
            bytes.extend_from_slice(&chunk);
            if enough(&bytes) {
                break;
            }
        }
        Ok(bytes)
    }

    fn rewrite(&self, url: &Url) -> Option<Url> {
        let origin = Origin::of(url)?;
        let (_, target) = self.origins.iter().find(|(from, _)| *from == origin)?;
        target.place(url)
    }
}

/// Hands on only addresses that the policy allows, so that what was checked is what is connected to.
struct CheckedResolver(Arc<HostPolicy>);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RefusedAddress(String);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let (mut allowed, mut refused) = (Vec::new(), None);
            for found in tokio::net::lookup_host((host, 0)).await? {
                match policy.check_address(host, found.ip()) {
                    Ok(()) => allowed.push(found),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if allowed.is_empty() => Err(RefusedAddress(why).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

pub(super) fn lost(error: &reqwest::Error) -> Lost {
    let mut cause: &dyn Error = error;
    loop {
        if let Some(refused) = cause.downcast_ref::<RefusedAddress>() {
            return Lost::Refused(refused.0.clone());
        }
        match cause.source() {
            Some(inner) => cause = inner,
            // The innermost cause; the outer ones repeat the address, which may hold personal data.
            None => break,
        }
    }
    let why = if error.is_timeout() { "it took too long".to_owned() } else { cause.to_string() };
    if error.is_connect() || error.is_builder() { Lost::NotSent(why) } else { Lost::Cut(why) }
}
