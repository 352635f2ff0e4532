//! How a call proves who sends it: the authentication policies of the language.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::failure::CallFailure;
use super::received::Received;
use super::session::Session;
use super::{digest, token};

/// What a request carries, and what it does when that is not enough.
pub(super) enum Authentication {
    None,
    Header(HeaderValue),
    /// RFC 7616; answers the server's challenge.
    Digest {
        username: String,
        password: String,
        response: Option<HeaderValue>,
    },
    /// A token of an authorization server; a cached one may have been revoked.
    Token {
        header: HeaderValue,
        request: Box<token::Request>,
        cached: bool,
    },
}

impl Authentication {
    /// Reads a policy, with the secrets it uses, and gets a token where one is needed.
    pub(super) async fn prepare(
        session: &mut Session<'_>,
        policy: Option<&Value>,
    ) -> Result<Self, CallFailure> {
        let Some(policy) = policy.filter(|policy| !policy.is_null()) else { return Ok(Self::None) };
        let single = policy
            .as_object()
            .and_then(|policy| policy.iter().next().filter(|_| policy.len() == 1));
        let Some((scheme, given)) = single else {
            return Err(CallFailure::configuration(
                "an authentication is a mapping with one of basic, bearer, digest, oauth2 and oidc",
            ));
        };
        let fields = fields(session, scheme, given)?;
        match scheme.as_str() {
            "basic" => {
                let (username, password) = pair(session, scheme, &fields)?;
                let both = STANDARD.encode(format!("{username}:{password}"));
                session.redactor.hide(&both);
                header(&format!("Basic {both}")).map(Self::Header)
            }
            "bearer" => {
                let token = text(scheme, &fields, "token")?;
                session.redactor.hide(&token);
                header(&format!("Bearer {token}")).map(Self::Header)
            }
            "digest" => {
                let (username, password) = pair(session, scheme, &fields)?;
                Ok(Self::Digest { username, password, response: None })
            }
            "oauth2" | "oidc" => {
                let request = token::Request::read(scheme, &fields)?;
                request.hide(&mut session.redactor);
                let (token, cached) = token::get(session, &request).await?;
                let header = header(&format!("Bearer {token}"))?;
                Ok(Self::Token { header, request: Box::new(request), cached })
            }
            other => Err(CallFailure::configuration(format!(
                "the authentication {other} is not known; there are basic, bearer, digest, oauth2 and oidc"
            ))),
        }
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        let value = match self {
            Self::None => None,
            Self::Header(header) | Self::Token { header, .. } => Some(header),
            Self::Digest { response, .. } => response.as_ref(),
        };
        if let Some(value) = value {
            headers.insert(AUTHORIZATION, value.clone());
        }
    }

    /// Reacts to a 401; whether it is worth another try.
    pub(super) async fn answer(
        &mut self,
        session: &mut Session<'_>,
        received: &Received,
    ) -> Result<bool, CallFailure> {
        match self {
            Self::None | Self::Header(_) | Self::Token { cached: false, .. } => Ok(false),
            Self::Digest { username, password, response } => {
                let challenges = received.headers.get_all(WWW_AUTHENTICATE);
                let request = digest::Request {
                    method: received.request.method.as_str(),
                    url: &received.request.url,
                    key: session.key,
                };
                let answer = challenges
                    .iter()
                    .filter_map(|challenge| challenge.to_str().ok())
                    .find_map(|challenge| digest::respond(challenge, username, password, &request));
                let Some(answer) = answer else { return Ok(false) };
                *response = Some(header(&answer)?);
                Ok(true)
            }
            Self::Token { header: value, request, cached } => {
                session.calls.tokens.forget(request);
                let (token, _) = token::get(session, request).await?;
                *value = header(&format!("Bearer {token}"))?;
                *cached = false;
                Ok(true)
            }
        }
    }
}

/// The fields of a policy; `{use: NAME}` stands for those of a secret.
fn fields(
    session: &Session<'_>,
    scheme: &str,
    given: &Value,
) -> Result<Map<String, Value>, CallFailure> {
    let not_a_mapping = |what: &str| {
        CallFailure::configuration(format!("{what} must be a mapping with the fields of {scheme}"))
    };
    let given = given.as_object().ok_or_else(|| not_a_mapping(scheme))?;
    let Some(name) = given.get("use").and_then(Value::as_str).filter(|_| given.len() == 1) else {
        return Ok(given.clone());
    };
    match (session.secrets)(name) {
        Some(Value::Object(fields)) => Ok(fields),
        Some(Value::String(token)) if scheme == "bearer" => {
            Ok(Map::from_iter([("token".to_owned(), token.into())]))
        }
        Some(_) => Err(not_a_mapping(&format!("the secret {name}"))),
        None => Err(CallFailure::configuration(format!("the secret {name} is not set"))),
    }
}

fn pair(
    session: &mut Session<'_>,
    scheme: &str,
    fields: &Map<String, Value>,
) -> Result<(String, String), CallFailure> {
    let (username, password) =
        (text(scheme, fields, "username")?, text(scheme, fields, "password")?);
    session.redactor.hide(&password);
    Ok((username, password))
}

fn text(scheme: &str, fields: &Map<String, Value>, name: &str) -> Result<String, CallFailure> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(CallFailure::configuration(format!("{scheme}.{name} must be a text"))),
        None => Err(CallFailure::configuration(format!("{scheme} needs a {name}"))),
    }
}

fn header(text: &str) -> Result<HeaderValue, CallFailure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        CallFailure::configuration("the credentials have characters that no header can hold")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
