//! `call: http`.

use callboard_flow::HttpCall;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};
use url::Url;

use super::authentication::Authentication;
use super::failure::CallFailure;
use super::session::{Session, add_headers};
use super::wire::Outgoing;
use super::{IDEMPOTENCY_KEY, content};

const ACCEPTED: &str = "application/json, */*;q=0.8";

pub(super) async fn perform(
    session: &mut Session<'_>,
    call: &HttpCall,
) -> Result<Value, CallFailure> {
    let method = Method::from_bytes(call.method.to_ascii_uppercase().as_bytes()).map_err(|_| {
        CallFailure::validation(format!("\"{}\" is not an HTTP method", call.method))
    })?;
    let mut url = address(&call.endpoint)?;
    add_query(&mut url, &query_pairs(&call.query)?);
    let mut outgoing = outgoing(session, method, url);
    add_headers(session, &mut outgoing.headers, &call.headers)?;
    if let Some(body) = call.body.as_ref().filter(|body| !body.is_null()) {
        add_body(&mut outgoing, body)?;
    }
    let authentication = Authentication::prepare(session, call.authentication.as_ref()).await?;
    let received = session.send(outgoing, authentication, call.redirect).await?;
    session.output(&received, call.output, call.redirect)
}

/// A request with the headers that every request has.
pub(super) fn outgoing(session: &Session<'_>, method: Method, url: Url) -> Outgoing {
    let mut outgoing = Outgoing::new(method, url);
    outgoing.headers = common_headers();
    if !outgoing.harmless
        && let Ok(key) = HeaderValue::from_str(session.key)
    {
        outgoing.headers.insert(HeaderName::from_static(IDEMPOTENCY_KEY), key);
    }
    outgoing
}

fn common_headers() -> HeaderMap {
    let agent = concat!("callboard/", env!("CARGO_PKG_VERSION"));
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static(ACCEPTED)),
        (USER_AGENT, HeaderValue::from_static(agent)),
    ])
}

/// Reads an address that calls can go to.
pub(super) fn address(text: &str) -> Result<Url, CallFailure> {
    let url = Url::parse(text).map_err(|error| {
        CallFailure::validation(format!("the endpoint is not an address: {error}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(CallFailure::validation(format!(
            "the endpoint must be http or https, not {scheme}"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CallFailure::validation(
            "the endpoint holds a user name or password; give them as its authentication",
        ));
    }
    Ok(url)
}

fn query_pairs(query: &Map<String, Value>) -> Result<Vec<(String, String)>, CallFailure> {
    let mut pairs = Vec::new();
    for (name, value) in query {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items.iter().filter(|item| !item.is_null()) {
            let text = content::scalar(item).ok_or_else(|| {
                CallFailure::validation(format!(
                    "the query parameter {name} must be a text, a number or a list of them"
                ))
            })?;
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}

pub(super) fn add_query(url: &mut Url, pairs: &[(String, String)]) {
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// Encodes the body as the content type says that the headers have.
pub(super) fn add_body(outgoing: &mut Outgoing, body: &Value) -> Result<(), CallFailure> {
    let given = outgoing.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let (bytes, kind) = content::encode(body, given).map_err(CallFailure::validation)?;
    let kind = HeaderValue::from_str(&kind)
        .map_err(|_| CallFailure::validation(format!("\"{kind}\" is not a content type")))?;
    outgoing.headers.insert(CONTENT_TYPE, kind);
    outgoing.body = Some(bytes);
    outgoing.shown = Some(body.clone());
    Ok(())
}
