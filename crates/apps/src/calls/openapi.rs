//! `call: openapi`: an operation of a Swagger 2.0 or OpenAPI 3.x document.

mod document;
mod parameters;
mod style;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use callboard_flow::OpenApiCall;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use self::document::Document;
use self::parameters::Bound;
use super::authentication::Authentication;
use super::failure::CallFailure;
use super::http::{add_body, add_query, address, outgoing};
use super::session::{Session, add_headers};

/// How long a document is good for.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// Most documents that are kept.
const KEPT: usize = 32;

pub(super) async fn perform(
    session: &mut Session<'_>,
    call: &OpenApiCall,
) -> Result<Value, CallFailure> {
    let document = fetch(session, call).await?;
    let operation = document.operation(&call.operation_id).map_err(CallFailure::validation)?;
    let bound = parameters::bind(&document, &operation, &call.parameters)
        .map_err(CallFailure::validation)?;
    let server = document.server(&operation).map_err(CallFailure::configuration)?;
    let mut url = address(&format!("{}{}", server.trim_end_matches('/'), bound.path))?;
    add_query(&mut url, &bound.query);
    let method = Method::from_bytes(operation.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| CallFailure::configuration("the document has an unknown method"))?;
    let mut outgoing = outgoing(session, method, url);
    add_headers(session, &mut outgoing.headers, &headers(&bound))?;
    if let Some((body, kind)) = &bound.body {
        let kind = HeaderValue::from_str(kind)
            .map_err(|_| CallFailure::configuration(format!("\"{kind}\" is not a content type")))?;
        outgoing.headers.insert(CONTENT_TYPE, kind);
        add_body(&mut outgoing, body)?;
    }
    let authentication = Authentication::prepare(session, call.authentication.as_ref()).await?;
    let received = session.send(outgoing, authentication, call.redirect).await?;
    session.output(&received, call.output, call.redirect)
}

fn headers(bound: &Bound) -> Map<String, Value> {
    let mut headers = bound.headers.clone();
    if !bound.cookies.is_empty() {
        headers.insert(COOKIE.as_str().to_owned(), bound.cookies.join("; ").into());
    }
    headers
}

/// Documents by address and authentication, for a while.
#[derive(Default)]
pub(super) struct Documents(Mutex<HashMap<String, (Arc<Document>, Timestamp)>>);

impl Documents {
    fn find(&self, key: &str, now: Timestamp) -> Option<Arc<Document>> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.get(key).filter(|(_, until)| now < *until).map(|(document, _)| document.clone())
    }

    fn keep(&self, key: String, document: &Arc<Document>, now: Timestamp) {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.retain(|_, (_, until)| now < *until);
        if documents.len() < KEPT
            && let Ok(until) = now.checked_add(FRESH)
        {
            documents.insert(key, (document.clone(), until));
        }
    }
}

async fn fetch(
    session: &mut Session<'_>,
    call: &OpenApiCall,
) -> Result<Arc<Document>, CallFailure> {
    let policy = call.document_authentication.as_ref();
    // A document behind an authentication is not kept: the next call may not be entitled to it.
    let key = policy.is_none_or(Value::is_null).then(|| call.document.clone());
    let now = session.now();
    if let Some(found) = key.as_ref().and_then(|key| session.calls.documents.find(key, now)) {
        return Ok(found);
    }
    let get = outgoing(session, Method::GET, address(&call.document)?);
    let authentication = Authentication::prepare(session, policy).await?;
    let received = session.send(get, authentication, true).await?;
    if !received.is_success() {
        return Err(CallFailure::Rejected(session.error(&received)));
    }
    let place = session.place(&received.request);
    let unreadable =
        |why: String| CallFailure::communication(format!("the OpenAPI document of {place} {why}"));
    let text =
        std::str::from_utf8(&received.body).map_err(|_| unreadable("is not UTF-8".into()))?;
    let read = Document::read(text, received.request.url.clone()).map_err(unreadable)?;
    let document = Arc::new(read);
    if let Some(key) = key {
        session.calls.documents.keep(key, &document, now);
    }
    Ok(document)
}
