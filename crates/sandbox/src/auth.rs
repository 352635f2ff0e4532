//! Whether a request carries the credentials that its app asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callboard_apps::AuthScheme;
use secrecy::{ExposeSecret, SecretString};

use crate::incoming::Incoming;

/// Whether the request proves itself as the app's manifest says. Without an expected secret any will do, but one there
/// must be.
pub(crate) fn is_accepted(
    scheme: &AuthScheme,
    incoming: &Incoming,
    expected: Option<&SecretString>,
) -> bool {
    let sent = match scheme {
        AuthScheme::Open => return true,
        AuthScheme::Auth0 => return false,
        AuthScheme::Bearer => authorization(incoming, "Bearer ").map(str::to_owned),
        AuthScheme::Basic { username, password } => basic(incoming, username, password),
        AuthScheme::Header { name, value } => {
            incoming.header(name).and_then(|sent| secret_in(value, sent))
        }
    };
    match (sent, expected) {
        (Some(sent), Some(expected)) => sent == expected.expose_secret(),
        (Some(sent), None) => !sent.is_empty(),
        (None, _) => false,
    }
}

fn authorization<'a>(incoming: &'a Incoming, scheme: &str) -> Option<&'a str> {
    incoming.header("authorization")?.strip_prefix(scheme)
}

fn basic(incoming: &Incoming, username: &str, password: &str) -> Option<String> {
    let pair = STANDARD.decode(authorization(incoming, "Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (sent_username, sent_password) = pair.split_once(':')?;
    secret_in(username, sent_username).or_else(|| secret_in(password, sent_password))
}

/// What stands at `{secret}` of the pattern. Other placeholders are settings, which the stand-in does not know.
fn secret_in(pattern: &str, sent: &str) -> Option<String> {
    let (before, after) = pattern.split_once("{secret}")?;
    if before.contains('{') || after.contains('{') {
        return Some(sent.to_owned());
    }
    Some(sent.strip_prefix(before)?.strip_suffix(after)?.to_owned())
}
