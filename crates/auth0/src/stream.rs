//! A stream of server-sent events: one long answer, read message by message.

use std::time::Duration;

use crate::Error;

/// A message is no longer than this.
const LONGEST_MESSAGE: usize = 4 << 20;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The name of its kind; `message` where the sender gave none.
    pub event: String,
    /// The last id that the sender gave, also with an earlier message.
    pub id: Option<String>,
    /// Its lines.
    pub data: String,
}

/// An open stream. Dropping it closes the connection.
#[derive(Debug)]
pub struct Stream {
    response: reqwest::Response,
    parser: Parser,
    patience: Duration,
}

impl Stream {
    pub(crate) fn new(response: reqwest::Response, patience: Duration) -> Self {
        Self { response, parser: Parser::default(), patience }
    }

    /// The next message; none when the tenant has closed the stream, which it does every few minutes.
    ///
    /// # Errors
    /// When the connection is lost, or nothing has come for too long, not even a sign of life.
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.parser.next() {
                return Ok(Some(message));
            }
            if self.parser.pending() > LONGEST_MESSAGE {
                return Err(lost(format!("a message is longer than {LONGEST_MESSAGE} bytes")));
            }
            match tokio::time::timeout(self.patience, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.parser.feed(&bytes),
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(lost(crate::transport::why(&error))),
                Err(_) => {
                    let seconds = self.patience.as_secs();
                    return Err(lost(format!("nothing came for {seconds} s")));
                }
            }
        }
    }
}

fn lost(why: String) -> Error {
    Error::Unavailable { status: Some(200), why, attempts: 1 }
}

/// The lines of a stream, as the HTML standard reads them.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
    event: String,
    data: Vec<String>,
    id: Option<String>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn pending(&self) -> usize {
        self.bytes.len() + self.data.iter().map(String::len).sum::<usize>()
    }

    /// The next complete message.
    fn next(&mut self) -> Option<Message> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                let data = std::mem::take(&mut self.data);
                // Without data it says nothing, whatever else it has.
                if !data.is_empty() {
                    let event = if event.is_empty() { "message".into() } else { event };
                    return Some(Message { event, id: self.id.clone(), data: data.join("\n") });
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line.as_str(), ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.event),
                "data" => self.data.push(value.to_owned()),
                "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
                _ => {}
            }
        }
        None
    }

    /// A line without its end: `\n`, `\r\n` or `\r`. A last `\r` may be half an end.
    fn line(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let length = match (self.bytes[end], self.bytes.get(end + 1)) {
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => 2,
            _ => 1,
        };
        let line = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        drop(self.bytes.drain(..end + length));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&str]) -> Vec<(String, Option<String>, String)> {
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for chunk in chunks {
            parser.feed(chunk.as_bytes());
            while let Some(Message { event, id, data }) = parser.next() {
                found.push((event, id, data));
            }
        }
        found
    }

    #[test]
    fn messages_are_read_however_the_stream_is_cut() {
        let text = ": hello\n\nevent: user.created\nid: 7\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nid: 8\n\n";
        let expected = vec![
            ("user.created".to_owned(), Some("7".to_owned()), "{\"a\":\n1}".to_owned()),
            ("message".to_owned(), Some("7".to_owned()), "x".to_owned()),
        ];
        assert_eq!(read(&[text]), expected);
        let single: Vec<String> = text.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert_eq!(read(&single), expected);
    }

    #[test]
    fn a_message_that_is_not_complete_is_not_there_yet() {
        assert_eq!(read(&["data: 1\n"]), Vec::new());
        assert_eq!(read(&["data: 1\n", "\n"]).len(), 1);
    }
}
