//! The name by which a tenant was addressed; issuer, audience and links follow it.

use http::HeaderMap;
use http::header::HOST;

/// How the audience of the Management API is stored, since a tenant may be reached under several names.
pub(crate) const SYSTEM_API: &str = "{origin}/api/v2/";

/// Scheme and host with port, as the caller wrote them: `http://127.0.0.1:4000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn of(headers: &HeaderMap, scheme: &str) -> Self {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        Self(format!("{scheme}://{}", host.to_ascii_lowercase()))
    }

    /// With the trailing slash that real issuers have.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/", self.0)
    }

    pub(crate) fn management_audience(&self) -> String {
        format!("{}/api/v2/", self.0)
    }

    pub(crate) fn userinfo_audience(&self) -> String {
        format!("{}/userinfo", self.0)
    }

    /// An address below this origin; `path` starts with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, host)| host)
    }

    /// An audience as it is stored.
    pub(crate) fn stored_audience<'a>(&self, audience: &'a str) -> &'a str {
        let is_own = audience.strip_prefix(self.0.as_str()) == Some("/api/v2/");
        if is_own { SYSTEM_API } else { audience }
    }

    /// A stored audience as this caller sees it.
    pub(crate) fn visible_audience(&self, stored: &str) -> String {
        if stored == SYSTEM_API { self.management_audience() } else { stored.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_api_is_stored_without_a_host() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "Tenant.localhost:4000".parse().unwrap());
        let origin = Origin::of(&headers, "https");
        assert_eq!(origin.issuer(), "https://tenant.localhost:4000/");
        for (audience, stored) in [
            ("https://tenant.localhost:4000/api/v2/", SYSTEM_API),
            ("https://tenant.localhost:4000/api/v2", "https://tenant.localhost:4000/api/v2"),
            ("https://api.example.com/", "https://api.example.com/"),
        ] {
            assert_eq!(origin.stored_audience(audience), stored, "{audience}");
            assert_eq!(origin.visible_audience(stored), audience, "{audience}");
        }
    }
}
