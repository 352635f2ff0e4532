//! Scheme, host and port.

use std::str::FromStr;

use url::Url;

use super::hosts::plain;

/// Scheme, host and port of an address. Example: `https://petstore.swagger.io`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an origin; write https://HOST or http://HOST:PORT, without a path")]
pub struct InvalidOrigin(pub String);

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        Self::of(&url).filter(|_| bare).ok_or_else(invalid)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl Origin {
    /// None for other schemes than http and https.
    pub(super) fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = plain(url.host_str()?);
        Some(Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default()? })
    }

    /// The same address at this origin.
    pub(super) fn place(&self, url: &Url) -> Option<Url> {
        let mut placed = url.clone();
        placed.set_scheme(&self.scheme).ok()?;
        placed.set_host(Some(&self.host)).ok()?;
        placed.set_port(Some(self.port)).ok()?;
        Some(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_origin_has_a_host_and_no_path() {
        let origin: Origin = "http://127.0.0.1:8080".parse().unwrap();
        let placed = origin.place(&url("https://petstore.swagger.io/v2/pet?id=1")).unwrap();
        assert_eq!(placed.as_str(), "http://127.0.0.1:8080/v2/pet?id=1");
        assert_eq!(Origin::of(&url("https://A.example/x")), "https://a.example:443".parse().ok());
        for text in ["petstore", "ftp://x", "https://x/path", "https://u@x", "https://x?y"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
