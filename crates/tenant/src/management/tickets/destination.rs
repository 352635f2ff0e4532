//! Where a person may go on after using a ticket.

use url::Url;

use super::redemption::Usable;
use crate::management::{clients, organizations};
use crate::store::{Store, StoreError};

/// A link to show; only web addresses are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) url: String,
    /// The application's name.
    pub(crate) name: Option<String>,
}

/// What the maker of the ticket gave, or the login route of the application it was made for.
pub(crate) async fn of(
    store: &dyn Store,
    usable: &Usable,
) -> Result<Option<Destination>, StoreError> {
    let ticket = &usable.ticket;
    let email = usable.subject.email().filter(|_| ticket.include_email);
    if let Some(url) = &ticket.result_url {
        let more: Vec<_> = email.map(|email| ("email", email.to_owned())).into_iter().collect();
        return Ok(extended(url, &more).map(|url| Destination { url, name: None }));
    }
    let Some(id) = &ticket.client_id else { return Ok(None) };
    let Some(client) = store.get(clients::KIND, id).await? else { return Ok(None) };
    let Some(route) = client.body["initiate_login_uri"].as_str() else { return Ok(None) };
    let mut more = Vec::new();
    if let Some(organization) = &ticket.organization_id
        && let Some(organization) = store.get(organizations::KIND, organization).await?
    {
        let name = organization.body["name"].as_str().unwrap_or_default().to_owned();
        more.extend([("organization_id", organization.id), ("organization_name", name)]);
    }
    more.extend(email.map(|email| ("email", email.to_owned())));
    let name = client.body["name"].as_str().map(str::to_owned);
    Ok(extended(route, &more).map(|url| Destination { url, name }))
}

/// Exactly as given where nothing is added. None for what a browser would run instead of visit.
fn extended(url: &str, more: &[(&str, String)]) -> Option<String> {
    let mut parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if more.is_empty() {
        return Some(url.to_owned());
    }
    parsed.query_pairs_mut().extend_pairs(more);
    Some(parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_given_and_never_a_program() {
        let email = || vec![("email", "a+b@example.com".to_owned())];
        for (url, more, shown) in [
            ("https://example.com", vec![], Some("https://example.com")),
            (
                "https://example.com/a?b=c#d",
                email(),
                Some("https://example.com/a?b=c&email=a%2Bb%40example.com#d"),
            ),
            ("javascript:alert(1)", vec![], None),
            ("data:text/html,x", email(), None),
            ("/relative", vec![], None),
        ] {
            assert_eq!(extended(url, &more).as_deref(), shown, "{url}");
        }
    }
}
