//! Somebody who listens to `GET /events`.

use std::sync::LazyLock;
use std::time::Duration;

use callboard_contract::contract;
use reqwest::Response;
use serde_json::{Value, json};

use crate::harness::{Caller, loosened};

/// A message that does not come within this time never will.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Listener {
    response: Response,
    text: String,
}

/// One server-sent message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Message {
    pub(crate) fn object(&self) -> &Value {
        &self.data["event"]["data"]["object"]
    }
}

impl Listener {
    /// `query` begins with a question mark, or is empty.
    pub(crate) async fn open(caller: &Caller, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = reqwest::Client::new()
            .get(caller.url(&format!("/api/v2/events{query}")))
            .bearer_auth(caller.token());
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next message of any sort; none when the stream has ended.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let message = read(block);
                self.text = rest.into();
                fits_contract(&message);
                return Some(message);
            }
            let chunk = tokio::time::timeout(DEADLINE, self.response.chunk()).await;
            let chunk = chunk.expect("a message in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Message {
        loop {
            let message = self.message().await.expect("an event before the end");
            if message.name != "offset-only" {
                return message;
            }
        }
    }

    pub(crate) async fn events(&mut self, count: usize) -> Vec<Message> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }
}

fn read(block: &str) -> Message {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
    };
    Message {
        name: field("event").into(),
        id: field("id").into(),
        data: serde_json::from_str(field("data")).unwrap(),
    }
}

/// The name of the message is a member of what the contract describes. What an event shows of the state before stands in
/// the catalogue of events and not in the contract.
fn fits_contract(message: &Message) {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let operation = contract().operation("subscribe_events").unwrap();
        let schema = contract().bundle(operation.answer_schema(200).unwrap());
        jsonschema::draft202012::new(&loosened(schema)).unwrap()
    });
    let mut whole = json!({"type": message.name});
    whole.as_object_mut().unwrap().extend(message.data.as_object().unwrap().clone());
    if let Some(Value::Object(data)) = whole.pointer_mut("/event/data") {
        data.remove("previous_object");
    }
    if let Err(error) = VALIDATOR.validate(&whole) {
        panic!("{} does not fit its contract: {error:.400} in {whole}", message.name);
    }
}
