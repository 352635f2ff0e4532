//! Where a link may lead: credentials go there, so only over TLS, or not off this machine.

use url::{Host, Url};

/// The error says what is wrong and quotes nothing: an address may hold a password.
pub(super) fn check(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => return Err("is not encrypted and leads to another machine"),
        _ => return Err("is neither https nor http"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password");
    }
    if url.query().is_some() {
        return Err("has a query");
    }
    if url.fragment().is_some() {
        return Err("has a fragment");
    }
    Ok(())
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
    fn only_https_leaves_this_machine_and_nothing_but_host_and_path_is_in_it() {
        for (url, wrong) in [
            ("https://a.eu.auth0.com", ""),
            ("https://a.test/base/path", ""),
            ("http://127.0.0.1:3000", ""),
            ("http://[::1]:3000", ""),
            ("http://localhost:3000", ""),
            ("http://tenant.localhost:3000", ""),
            ("http://a.eu.auth0.com", "not encrypted"),
            ("http://10.0.0.1", "not encrypted"),
            ("http://localhost.evil.test", "not encrypted"),
            ("file:///etc/passwd", "neither https nor http"),
            ("ftp://a.test", "neither https nor http"),
            ("https://ada:s3cret@a.test", "user name"),
            ("https://ada@a.test", "user name"),
            ("https://a.test/?key=1", "query"),
            ("https://a.test/#x", "fragment"),
        ] {
            let found = check(&url.parse().unwrap()).err().unwrap_or_default();
            assert!(
                found.contains(wrong) && found.is_empty() == wrong.is_empty(),
                "{url}: {found}"
            );
        }
    }
}
