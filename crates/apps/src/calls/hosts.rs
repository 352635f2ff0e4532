//! Which hosts a workflow may reach. Pure: names are resolved elsewhere.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::{METADATA, is_public, width, within};

/// Hosts that calls may reach: all public ones or a list, and private ones only where they are named.
#[derive(Debug, Clone)]
pub struct HostPolicy {
    /// `None`: every public host.
    hosts: Option<Vec<Pattern>>,
    private: Vec<Private>,
}

#[derive(Debug, Clone, PartialEq)]
enum Pattern {
    Exact(String),
    /// `*.example.org`
    Below(String),
}

#[derive(Debug, Clone)]
enum Private {
    Name(String),
    Network { first: IpAddr, bits: u8 },
}

/// An entry of a host list that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a host; write a name, *.name, an address or a network like 10.1.0.0/16")]
pub struct InvalidHost(pub String);

impl HostPolicy {
    /// Every host with a public address.
    pub fn public() -> Self {
        Self { hosts: None, private: Vec::new() }
    }

    /// Only these hosts (`api.example.org`, `*.example.org`, an address), at public addresses.
    pub fn only<T: AsRef<str>>(hosts: &[T]) -> Result<Self, InvalidHost> {
        let hosts = hosts.iter().map(|host| pattern(host.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { hosts: Some(hosts), private: Vec::new() })
    }

    /// These as well, although their addresses are private: a name, an address or a network (`10.1.0.0/16`).
    pub fn with_private<T: AsRef<str>>(mut self, entries: &[T]) -> Result<Self, InvalidHost> {
        for entry in entries {
            self.private.push(private(entry.as_ref())?);
        }
        Ok(self)
    }

    /// What can be said before the name is resolved; the sentence tells why not.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("calls go to http and https only, not to {}", url.scheme()));
        }
        match url.host() {
            None => Err("the address has no host".into()),
            Some(Host::Domain(name)) => self.check_name(&plain(name)),
            Some(Host::Ipv4(address)) => self.check_literal(address.into()),
            Some(Host::Ipv6(address)) => self.check_literal(address.into()),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        let named = |entry: &Private| match entry {
            Private::Name(private) => private == name,
            Private::Network { .. } => false,
        };
        if self.listed(name) || self.private.iter().any(named) {
            return Ok(());
        }
        Err(format!("the host {name} is not among those that workflows may call"))
    }

    fn check_literal(&self, address: IpAddr) -> Result<(), String> {
        let text = address.to_canonical().to_string();
        if !self.listed(&text) && !self.is_private_entry(&text, address) {
            return Err(format!("the host {text} is not among those that workflows may call"));
        }
        self.check_address(&text, address)
    }

    fn listed(&self, host: &str) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|pattern| pattern.fits(host)))
    }

    /// Whether a host may be reached at this address.
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        self.check_address(host, address).is_ok()
    }

    /// The same; the sentence tells why not.
    pub(super) fn check_address(&self, host: &str, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        let allowed = if METADATA.contains(&address) {
            self.private.iter().any(|entry| entry.is_exactly(address))
        } else {
            is_public(address) || self.is_private_entry(&plain(host), address)
        };
        if allowed {
            return Ok(());
        }
        let place = if host == address.to_string() {
            format!("the address {host}")
        } else {
            format!("the host {host} has the address {address}, which")
        };
        Err(format!(
            "{place} is not public; workflows may call it only where it is allowed by name"
        ))
    }

    fn is_private_entry(&self, host: &str, address: IpAddr) -> bool {
        self.private.iter().any(|entry| match entry {
            Private::Name(name) => name == host,
            Private::Network { first, bits } => within(address.to_canonical(), *first, *bits),
        })
    }
}

impl Pattern {
    fn fits(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(parent) => host
                .strip_suffix(parent.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

impl Private {
    fn is_exactly(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network { first, bits } if *first == address && *bits == width(*first))
    }
}

pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn pattern(entry: &str) -> Result<Pattern, InvalidHost> {
    match entry.strip_prefix("*.") {
        Some(parent) => Ok(Pattern::Below(name(parent, entry)?)),
        None => name(entry, entry).map(Pattern::Exact),
    }
}

/// A host as addresses spell it: lower case, punycode, addresses in their usual form.
fn name(text: &str, entry: &str) -> Result<String, InvalidHost> {
    let invalid = || InvalidHost(entry.to_owned());
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().to_string());
    }
    match Host::parse(text).map_err(|_| invalid())? {
        Host::Domain(name) if !name.contains('*') => Ok(plain(&name)),
        Host::Domain(_) => Err(invalid()),
        Host::Ipv4(address) => Ok(address.to_string()),
        Host::Ipv6(address) => Ok(IpAddr::from(address).to_canonical().to_string()),
    }
}

fn private(entry: &str) -> Result<Private, InvalidHost> {
    let invalid = || InvalidHost(entry.to_owned());
    if let Some((first, bits)) = entry.split_once('/') {
        let first = first.parse::<IpAddr>().map_err(|_| invalid())?;
        let bits = bits.parse::<u8>().map_err(|_| invalid())?;
        return if bits <= width(first) {
            Ok(Private::Network { first, bits })
        } else {
            Err(invalid())
        };
    }
    let name = name(entry, entry)?;
    Ok(match name.parse::<IpAddr>() {
        Ok(first) => Private::Network { first, bits: width(first) },
        Err(_) => Private::Name(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        let policy = HostPolicy::public();
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "0.0.0.0",
            "0",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[ff02::1]",
            "127.0.0.1%E3%80%82",
            "１２７.０.０.１",
        ] {
            let verdict = Url::parse(&format!("http://{host}/x")).map(|url| policy.check_url(&url));
            assert!(!matches!(verdict, Ok(Ok(()))), "{host}");
        }
        for host in
            ["8.8.8.8", "[2606:4700::1111]", "[64:ff9b::808:808]", "example.org", "localhost"]
        {
            assert_eq!(policy.check_url(&url(&format!("https://{host}/"))), Ok(()), "{host}");
        }
        assert!(policy.check_url(&url("file:///etc/passwd")).is_err());
        assert!(policy.check_address("localhost", IpAddr::from([127, 0, 0, 1])).is_err());
    }

    #[test]
    fn private_hosts_are_reached_where_they_are_allowed() {
        let policy = HostPolicy::public()
            .with_private(&[
                "10.1.0.0/16",
                "Printer.local",
                "127.0.0.1",
                "169.254.0.0/16",
                "fd00::/8",
            ])
            .unwrap();
        for (host, address, allowed) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.2.0.1", "10.2.0.1", false),
            ("printer.local", "192.168.0.9", true),
            ("other.local", "192.168.0.9", false),
            ("any.example", "10.1.0.1", true),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", false),
            ("169.254.1.1", "169.254.1.1", true),
            ("169.254.169.254", "169.254.169.254", false),
            ("printer.local", "169.254.169.254", false),
            ("[fd00:ec2::254]", "fd00:ec2::254", false),
            ("x", "::ffff:10.1.0.1", true),
        ] {
            let verdict = policy.check_address(host, address.parse().unwrap());
            assert_eq!(verdict.is_ok(), allowed, "{host} {address}");
        }
        let exact = HostPolicy::public().with_private(&["169.254.169.254"]).unwrap();
        assert_eq!(exact.check_url(&url("http://169.254.169.254/latest")), Ok(()));
    }

    #[test]
    fn a_list_of_hosts_is_the_limit() {
        let policy = HostPolicy::only(&["api.example.org", "*.Example.com", "8.8.8.8"])
            .unwrap()
            .with_private(&["10.0.0.0/8"])
            .unwrap();
        for (host, allowed) in [
            ("api.example.org", true),
            ("API.example.org.", true),
            ("example.org", false),
            ("x.api.example.org", false),
            ("a.b.example.com", true),
            ("example.com", false),
            ("badexample.com", false),
            ("8.8.8.8", true),
            ("8.8.4.4", false),
            ("10.0.0.1", true),
        ] {
            assert_eq!(
                policy.check_url(&url(&format!("https://{host}/"))).is_ok(),
                allowed,
                "{host}"
            );
        }
        for entry in ["", "a b", "*.*.x", "10.0.0.0/33", "https://x"] {
            assert!(HostPolicy::public().with_private(&[entry]).is_err(), "{entry}");
        }
    }
}
