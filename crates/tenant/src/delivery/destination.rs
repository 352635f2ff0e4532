//! Where a stream's endpoint is to be found from a local tenant.

use url::{Host, Url};

/// The address to post to. The API takes `https` only; to a loopback host plain HTTP is spoken, where nobody has a
/// certificate.
pub(super) fn reachable(endpoint: &str) -> Option<String> {
    let mut url = Url::parse(endpoint).ok()?;
    if is_loopback(&url) && url.scheme() == "https" {
        // The port that https stands for is not the one that http stands for.
        let port = url.port_or_known_default();
        url.set_scheme("http").ok()?;
        url.set_port(port).ok()?;
    }
    Some(url.into())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_spoken_to_loopback_hosts_only() {
        for (endpoint, posted_to) in [
            ("https://hooks.example.com/x?y=1", Some("https://hooks.example.com/x?y=1")),
            ("https://127.0.0.1:9000/logs", Some("http://127.0.0.1:9000/logs")),
            ("https://localhost/logs", Some("http://localhost:443/logs")),
            ("https://hooks.localhost:9000/", Some("http://hooks.localhost:9000/")),
            ("https://[::1]:9000/", Some("http://[::1]:9000/")),
            ("https://localhost.example.com/", Some("https://localhost.example.com/")),
            ("no address", None),
        ] {
            assert_eq!(reachable(endpoint).as_deref(), posted_to, "{endpoint}");
        }
    }
}
