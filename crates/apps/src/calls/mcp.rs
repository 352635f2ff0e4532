//! `call: mcp`: one request to a Model Context Protocol server over streamable HTTP.
//!
//! A call opens a session, asks once and closes the session. Answers come as JSON or as a stream of events; requests
//! that a server sends in between are not answered, since we offer it no capabilities. Lists come a page at a time,
//! as the server gives them (`nextCursor`). Servers that are started as a process are not supported.

use std::time::Duration;

use callboard_flow::{ErrorKind, McpCall, WorkflowError, duration};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};
use url::Url;

use super::authentication::Authentication;
use super::failure::CallFailure;
use super::http::{add_body, address, outgoing};
use super::received::Received;
use super::session::{Session, add_headers};
use super::{IDEMPOTENCY_KEY, events};

const METHODS: [&str; 7] = [
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
];
/// The version that the language takes when none is given.
const VERSION: &str = "2025-06-18";
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// For the farewell, which nothing depends on.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) async fn perform(
    session: &mut Session<'_>,
    call: &McpCall,
) -> Result<Value, CallFailure> {
    if !METHODS.contains(&call.method.as_str()) {
        let known = METHODS.join(", ");
        return Err(CallFailure::configuration(format!(
            "the MCP method {} is none of {known}",
            call.method
        )));
    }
    let limit = call.timeout.as_ref().filter(|timeout| !timeout.is_null());
    let limit = limit.map(duration::parse).transpose().map_err(CallFailure::validation)?;
    let limit = limit.map(Duration::try_from).transpose();
    let limit = limit
        .map_err(|_| CallFailure::validation("the timeout of an MCP call cannot be negative"))?;
    let mut server = Server::read(session, call, limit).await?;
    let Some(limit) = limit else { return server.converse(session, call).await };
    // The language's own time-out: like that of a task, it does not ask what the server has done.
    match tokio::time::timeout(limit, server.converse(session, call)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CallFailure::Rejected(WorkflowError::new(
            ErrorKind::Timeout,
            format!(
                "the MCP server did not answer {} within {} ms",
                call.method,
                limit.as_millis()
            ),
        ))),
    }
}

struct Server {
    url: Url,
    headers: Map<String, Value>,
    authentication: Authentication,
    version: Option<HeaderValue>,
    session_id: Option<HeaderValue>,
    /// For one exchange.
    timeout: Option<Duration>,
}

impl Server {
    async fn read(
        session: &mut Session<'_>,
        call: &McpCall,
        timeout: Option<Duration>,
    ) -> Result<Self, CallFailure> {
        let Some(transport) = call.transport.get("http") else {
            return Err(CallFailure::configuration(
                "MCP servers are called over HTTP (transport.http); starting one as a process (transport.stdio) is \
                 not supported",
            ));
        };
        let endpoint = transport.get("endpoint").unwrap_or(&Value::Null);
        let text = endpoint.as_str().or_else(|| endpoint.get("uri")?.as_str());
        let text =
            text.ok_or_else(|| CallFailure::configuration("transport.http needs an endpoint"))?;
        let url = address(text)?;
        let authentication =
            Authentication::prepare(session, endpoint.get("authentication")).await?;
        let headers =
            transport.get("headers").and_then(Value::as_object).cloned().unwrap_or_default();
        // The limit of the whole call comes first.
        let timeout = timeout.map(|limit| limit.saturating_add(Duration::from_secs(1)));
        Ok(Self { url, headers, authentication, version: None, session_id: None, timeout })
    }

    async fn converse(
        &mut self,
        session: &mut Session<'_>,
        call: &McpCall,
    ) -> Result<Value, CallFailure> {
        let version = call.protocol_version.as_deref().unwrap_or(VERSION);
        let usual = json!({"name": "callboard", "version": env!("CARGO_PKG_VERSION")});
        let client = call.client.clone().filter(|client| !client.is_null()).unwrap_or(usual);
        let hello = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
        let welcome = self.request(session, 1, "initialize", &hello, true).await?;
        let agreed = welcome.get("protocolVersion").and_then(Value::as_str).unwrap_or(version);
        self.version = HeaderValue::from_str(agreed).ok();
        self.post(
            session,
            &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            None,
            true,
        )
        .await?;
        let parameters =
            if call.parameters.is_null() { json!({}) } else { call.parameters.clone() };
        let outcome =
            self.request(session, 2, &call.method, &parameters, call.method != "tools/call").await;
        self.farewell(session).await;
        let result = outcome?;
        if call.method == "tools/call" && result.get("isError") == Some(&Value::Bool(true)) {
            return Err(tool_failed(&parameters, &result));
        }
        Ok(result)
    }

    async fn request(
        &mut self,
        session: &mut Session<'_>,
        id: u64,
        method: &str,
        parameters: &Value,
        harmless: bool,
    ) -> Result<Value, CallFailure> {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters});
        let received = self.post(session, &message, Some(id), harmless).await?;
        let place = session.place(&received.request);
        let Some(answer) = answer(&received.messages(), id) else {
            let why = format!("{place} ended without an answer to {method}");
            return Err(if harmless { CallFailure::Later(why) } else { CallFailure::Unsure(why) });
        };
        if let Some(error) = answer.get("error") {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            let said = session
                .redactor
                .text(error.get("message").and_then(Value::as_str).unwrap_or_default());
            // The request was at fault, or the server.
            let status = if (-32_602..=-32_600).contains(&code) { 400 } else { 500 };
            let detail = format!("{place} answered {method} with the error {code}: {said}");
            return Err(CallFailure::Rejected(WorkflowError::communication(
                status,
                format!("MCP error {code}"),
                detail,
            )));
        }
        Ok(answer.get("result").cloned().unwrap_or_default())
    }

    async fn post(
        &mut self,
        session: &mut Session<'_>,
        message: &Value,
        id: Option<u64>,
        harmless: bool,
    ) -> Result<Received, CallFailure> {
        let mut post = self.outgoing(session, Method::POST)?;
        post.harmless = harmless;
        if harmless {
            post.headers.remove(IDEMPOTENCY_KEY);
        }
        post.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        add_body(&mut post, message)?;
        let mut read = 0;
        let mut answered = |bytes: &[u8]| {
            // A JSON answer has no empty lines that would end an event, and its end ends it.
            let fresh = bytes.get(read..).unwrap_or_default();
            let whole = events::complete(fresh);
            let found = fresh.get(..whole).is_some_and(|fresh| {
                id.is_some_and(|id| answer(&events::messages(fresh).collect(), id).is_some())
            });
            read += whole;
            found
        };
        let received = session.authenticated(post, &mut self.authentication, &mut answered).await?;
        if !received.is_success() {
            return Err(CallFailure::Rejected(session.error(&received)));
        }
        if let Some(id) = received.headers.get(SESSION_ID) {
            session.redactor.hide(id.to_str().unwrap_or_default());
            self.session_id = Some(id.clone());
        }
        Ok(received)
    }

    /// Frees the session on the server; whether that works changes nothing for the call.
    async fn farewell(&mut self, session: &mut Session<'_>) {
        if self.session_id.is_none() {
            return;
        }
        if let Ok(mut delete) = self.outgoing(session, Method::DELETE) {
            delete.harmless = true;
            delete.timeout = Some(FAREWELL);
            delete.headers.remove(IDEMPOTENCY_KEY);
            drop(session.authenticated(delete, &mut self.authentication, &mut |_| false).await);
        }
    }

    fn outgoing(
        &self,
        session: &mut Session<'_>,
        method: Method,
    ) -> Result<super::wire::Outgoing, CallFailure> {
        let mut outgoing = outgoing(session, method, self.url.clone());
        outgoing.timeout = self.timeout;
        add_headers(session, &mut outgoing.headers, &self.headers)?;
        outgoing
            .headers
            .insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        for (name, value) in [(PROTOCOL_VERSION, &self.version), (SESSION_ID, &self.session_id)] {
            if let Some(value) = value {
                outgoing.headers.insert(name, value.clone());
            }
        }
        Ok(outgoing)
    }
}

/// The answer with this id among one or several messages.
fn answer(messages: &Value, id: u64) -> Option<Value> {
    let all = messages.as_array().map_or(std::slice::from_ref(messages), Vec::as_slice);
    let fits = |message: &&Value| message["id"] == id && message.get("method").is_none();
    all.iter().find(fits).cloned()
}

/// A tool that failed says so inside its result.
fn tool_failed(parameters: &Value, result: &Value) -> CallFailure {
    let name = parameters.get("name").and_then(Value::as_str).unwrap_or_default();
    let parts = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let said: Vec<&str> = parts.filter_map(|part| part.get("text")?.as_str()).collect();
    CallFailure::Rejected(WorkflowError::new(
        ErrorKind::Runtime,
        format!("the tool {name} failed: {}", said.join(" ")),
    ))
}
