//! The way out of a local tenant: HTTP to public hosts, and to this machine.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use callboard_apps::HostPolicy;
use callboard_tenant::{Courier, Parcel, Undelivered};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const TO_CONNECT: Duration = Duration::from_secs(10);
/// For a whole exchange.
const PATIENCE: Duration = Duration::from_secs(30);

/// Posts what a tenant delivers.
pub(super) struct HttpCourier {
    client: reqwest::Client,
    hosts: Arc<HostPolicy>,
}

impl HttpCourier {
    /// Hosts on the internet and this machine; nothing else of the network around it.
    pub(super) fn new() -> anyhow::Result<Self> {
        let hosts = Arc::new(HostPolicy::public().with_private(&["127.0.0.0/8", "::1"])?);
        let client = reqwest::Client::builder()
            .connect_timeout(TO_CONNECT)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(CheckedResolver(Arc::clone(&hosts))))
            .build()
            .context("cannot make an HTTP client for log streams and event streams")?;
        Ok(Self { client, hosts })
    }

    /// Names are checked when they are resolved.
    fn check(&self, url: &str) -> Result<(), String> {
        let url = Url::parse(url).map_err(|error| format!("{url} is not an address: {error}"))?;
        let literal: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        match literal {
            Some(address) if !self.hosts.allows("", address) => {
                Err(format!("{address} is neither public nor this machine"))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Courier for HttpCourier {
    async fn post(&self, parcel: Parcel) -> Result<u16, Undelivered> {
        self.check(&parcel.url).map_err(Undelivered)?;
        let request = self.client.post(&parcel.url).body(parcel.body);
        let request = parcel
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        match request.send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(Undelivered(innermost(&error.without_url()))),
        }
    }
}

/// The cause behind all others: "connection refused" rather than "error sending request".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Hands on only addresses that the policy allows, so that what was checked is what is connected to.
struct CheckedResolver(Arc<HostPolicy>);

#[derive(Debug, thiserror::Error)]
#[error("{0} is neither public nor this machine")]
struct Refused(String);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let hosts = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed: Vec<_> =
                found.into_iter().filter(|address| hosts.allows(&host, address.ip())).collect();
            if allowed.is_empty() {
                return Err(Refused(host).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}
