use callboard_flow::{FunctionCall, McpCall};
use serde_json::{Value, json};

use super::stand_in::{Seen, StandIn, answer, json_answer, rejected, secret};
use crate::calls::{CallAnswer, CallFailed, CallFailure, Calls};

/// A server that answers in JSON, or at `/sse` as a stream of events that it keeps open in between.
fn server(seen: &Seen) -> axum::response::Response {
    if seen.method == "DELETE" {
        return answer(204, &[], "");
    }
    let message: Value = serde_json::from_str(&seen.body).unwrap();
    let result = match message["method"].as_str().unwrap() {
        "initialize" => {
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s"}})
        }
        "notifications/initialized" => return answer(202, &[], ""),
        _ if seen.header("mcp-session-id") != "sess-1234" => return answer(400, &[], "no session"),
        "tools/list" => json!({"tools": [{"name": "greet"}], "nextCursor": "2"}),
        "tools/call" if message["params"]["name"] == "fail" => {
            json!({"isError": true, "content": [{"type": "text", "text": "no such channel"}]})
        }
        "tools/call" => {
            json!({"content": [{"type": "text", "text": message["params"]["arguments"]["who"]}]})
        }
        _ => {
            let error = json!({"code": -32602, "message": "unknown resource"});
            return json_answer(&json!({"jsonrpc": "2.0", "id": message["id"], "error": error}));
        }
    };
    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
    let (kind, body) = match seen.uri.path() {
        "/sse" => (
            "text/event-stream",
            format!(": hello\n\ndata: {notice}\n\nevent: message\ndata: {body}\n\n"),
        ),
        "/cut" if message["id"] == 2 => ("text/event-stream", format!("data: {notice}\n\n")),
        _ => ("application/json", body),
    };
    answer(200, &[("content-type", kind), ("mcp-session-id", "sess-1234")], &body)
}

fn call(path: &str, method: &str, parameters: Value) -> McpCall {
    McpCall {
        method: method.into(),
        parameters,
        transport: json!({"http": {"endpoint": format!("https://api.example{path}"), "headers": {"X-Team": "hr"}}}),
        protocol_version: None,
        client: None,
        timeout: None,
    }
}

async fn perform(calls: &Calls, call: McpCall) -> Result<CallAnswer, CallFailed> {
    calls.perform(&FunctionCall::Mcp(call), &secret, "run-1:do/tool", &[]).await
}

#[tokio::test]
async fn a_tool_is_called_whatever_form_the_answers_have() {
    for path in ["/json", "/sse"] {
        let stand_in = StandIn::start(server).await;
        let parameters = json!({"name": "greet", "arguments": {"who": "Ada"}});
        let mut greet = call(path, "tools/call", parameters);
        greet.timeout = Some(json!({"seconds": 20}));
        let done = perform(&stand_in.calls(), greet).await.unwrap();
        assert_eq!(done.output["content"][0]["text"], "Ada");
        let seen = stand_in.seen();
        let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
        assert_eq!(methods, ["POST", "POST", "POST", "DELETE"]);
        assert_eq!(seen[2].header("mcp-protocol-version"), "2025-06-18");
        assert_eq!(
            (seen[2].header("x-team"), seen[2].header("idempotency-key")),
            ("hr", "run-1:do/tool")
        );
        let shown = serde_json::to_string(&done.exchanges).unwrap();
        assert!(!shown.contains("sess-1234"), "{shown}");
    }
}

#[tokio::test]
async fn lists_come_as_the_server_gives_them() {
    let stand_in = StandIn::start(server).await;
    let done = perform(&stand_in.calls(), call("/sse", "tools/list", Value::Null)).await.unwrap();
    assert_eq!(done.output, json!({"tools": [{"name": "greet"}], "nextCursor": "2"}));
}

#[tokio::test]
async fn every_refusal_is_an_error_of_the_workflow() {
    let stand_in = StandIn::start(server).await;
    let calls = stand_in.calls();
    let mut process = call("/json", "tools/list", Value::Null);
    process.transport = json!({"stdio": {"command": "npx"}});
    let mut private = call("/json", "tools/list", Value::Null);
    private.transport = json!({"http": {"endpoint": {"uri": "http://127.0.0.1:9/mcp"}}});
    for (call, status, said) in [
        (
            call("/json", "tools/call", json!({"name": "fail"})),
            500,
            "the tool fail failed: no such channel",
        ),
        (
            call("/sse", "resources/read", json!({"uri": "x"})),
            400,
            "error -32602: unknown resource",
        ),
        (call("/json", "sampling/createMessage", json!({})), 400, "is none of tools/list"),
        (process, 400, "transport.stdio"),
        (private, 403, "not public"),
    ] {
        let error = rejected(perform(&calls, call).await.unwrap_err());
        assert!(error.status == status && error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_leaves_a_tool_unsure_and_a_list_for_later() {
    let stand_in = StandIn::start(server).await;
    let calls = stand_in.calls();
    let failed =
        perform(&calls, call("/cut", "tools/call", json!({"name": "greet"}))).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Unsure(_)), "{failed}");
    let failed = perform(&calls, call("/cut", "tools/list", Value::Null)).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
}

#[tokio::test]
async fn a_timeout_that_the_definition_gives_is_the_languages_own() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stand_in = StandIn::that_hangs_up().await;
    let mut options = stand_in.options();
    options.origins[0].1 = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let mut slow = call("/json", "tools/list", Value::Null);
    slow.timeout = Some(json!("PT0.05S"));
    let error = rejected(perform(&Calls::new(&options).unwrap(), slow).await.unwrap_err());
    assert!(error.kind.ends_with("/timeout") && error.status == 408, "{error:?}");
}
