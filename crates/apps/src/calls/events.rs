//! Server-sent events as far as JSON messages travel in them (WHATWG HTML §9.2).

use serde_json::Value;

pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// The JSON messages of all events that are complete.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Value> {
    let end = complete(bytes);
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let events: Vec<Value> = text.split("\n\n").filter_map(message).collect();
    events.into_iter()
}

/// Length of the part that consists of whole events.
pub(super) fn complete(bytes: &[u8]) -> usize {
    let ends = |end: &&[u8]| {
        let place = bytes.windows(end.len()).rposition(|window| window == *end);
        place.map_or(0, |place| place + end.len())
    };
    [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"].iter().map(ends).max().unwrap_or(0)
}

fn message(event: &str) -> Option<Value> {
    let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
    let data: Vec<&str> = data.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    serde_json::from_str(&data.join("\n")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_whole_events_are_read() {
        for (stream, expected) in [
            ("event: message\ndata: {\"id\":1}\n\n", json!([{"id": 1}])),
            (": ping\n\nid: 7\r\ndata: {\"id\":\r\ndata: 2}\r\n\r\n", json!([{"id": 2}])),
            ("data: 1\n\ndata: 2\n", json!([1])),
            ("data: not json\n\ndata:3\n\n", json!([3])),
            ("data: {", json!([])),
        ] {
            let read: Value = messages(stream.as_bytes()).collect();
            assert_eq!(read, expected, "{stream:?}");
        }
    }
}
