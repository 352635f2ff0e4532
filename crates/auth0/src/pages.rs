//! Lists, page by page: by offset, by checkpoint, and the log's own checkpoint.
//!
//! A list ends with a short or empty page or without `next`, never by its `total`: totals lie (of logs it counts the
//! page; some lists answer wrong ones).

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Call, Client, Error};

/// Offset lists show this many rows and no more.
const WALL: usize = 1_000;

/// How a list is paged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// `page`, `per_page`, `include_totals`: the first 1,000 rows at most.
    Offset {
        /// Rows a page, 1–100.
        per_page: usize,
    },
    /// `take`, `from`, `next`: all rows.
    Checkpoint {
        /// Rows a page, 1–100.
        take: usize,
        /// Where to go on; none for the beginning.
        from: Option<String>,
    },
    /// `take`, `from=<log id>`: log events after that one, oldest first.
    Log {
        /// Rows a page, 1–100.
        take: usize,
        /// The last log id that was read.
        from: String,
    },
}

/// A list as a value: the call, the key of its collection and how it is paged.
#[derive(Clone)]
pub struct Listing<T> {
    /// The call without paging parameters.
    pub call: Call,
    /// The key under which an envelope holds the rows. Example: `users`.
    pub collection: &'static str,
    /// How it is paged.
    pub paging: Paging,
    row: PhantomData<fn() -> T>,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, at least one.
    pub items: Vec<T>,
    /// What the tenant said about the total; do not rely on it.
    pub total: Option<u64>,
}

/// The pages of a list, read one after the other.
pub struct Pages<T> {
    client: Client,
    listing: Listing<T>,
    page: usize,
    read: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    More,
    /// The tenant shows no more, but there may be more.
    Walled,
    Ended,
}

impl<T> Listing<T> {
    /// A list.
    pub fn new(call: Call, collection: &'static str, paging: Paging) -> Self {
        Self { call, collection, paging, row: PhantomData }
    }

    /// With one more query parameter.
    #[must_use]
    pub fn with_query(self, name: &str, value: impl Into<String>) -> Self {
        Self { call: self.call.with_query(name, value), ..self }
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("call", &self.call)
            .field("paging", &self.paging)
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Pages<T> {
    pub(crate) fn new(client: Client, listing: Listing<T>) -> Self {
        Self { client, listing, page: 0, read: 0, state: State::More }
    }

    /// The next page, or none when the list is complete. After an error the same page can be asked for again.
    ///
    /// # Errors
    /// As [`Client::send`]; [`Error::Incomplete`] at the wall of 1,000 rows, where completeness cannot be claimed.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, Error> {
        match self.state {
            State::More => {}
            State::Walled => return Err(self.incomplete()),
            State::Ended => return Ok(None),
        }
        let answer = match self.client.send(&self.call()).await {
            Ok(answer) => answer,
            Err(Error::Rejected { status: 400, message, .. }) if is_wall(&message) => {
                self.state = State::Walled;
                return Err(self.incomplete());
            }
            Err(error) => return Err(error),
        };
        let rows = answer.body.get(self.listing.collection).unwrap_or(&answer.body);
        let Some(rows) = rows.as_array() else {
            let why = format!("no list and no `{}` in it", self.listing.collection);
            return Err(Error::Unexpected { status: answer.status, why });
        };
        let unexpected = |error: serde_json::Error| Error::Unexpected {
            status: answer.status,
            why: error.to_string(),
        };
        let items: Vec<T> =
            rows.iter().map(T::deserialize).collect::<Result<_, _>>().map_err(unexpected)?;
        self.advance(&answer.body, rows);
        let total = answer.body.get("total").and_then(Value::as_u64);
        match (items.is_empty(), self.state) {
            (false, _) => Ok(Some(Page { items, total })),
            (true, State::Walled) => Err(self.incomplete()),
            (true, _) => Ok(None),
        }
    }

    /// The rest of the list, if it is not longer than `at_most` rows.
    ///
    /// # Errors
    /// As [`Pages::next_page`]; [`Error::Incomplete`] when there are more rows.
    pub async fn collect(mut self, at_most: usize) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page.items);
            if all.len() > at_most {
                let remedy = format!("no more than {at_most} were to be read; read page by page");
                return Err(Error::Incomplete { read: all.len(), remedy });
            }
        }
        Ok(all)
    }

    /// Where to go on in another process: the checkpoint or the last log id. None for offset lists and at the beginning.
    pub fn position(&self) -> Option<&str> {
        match &self.listing.paging {
            Paging::Offset { .. } => None,
            Paging::Checkpoint { from, .. } => from.as_deref(),
            Paging::Log { from, .. } => Some(from),
        }
    }

    /// The call for the next page.
    fn call(&self) -> Call {
        let call = self.listing.call.clone();
        match &self.listing.paging {
            Paging::Offset { per_page } => call
                .with_query("page", self.page.to_string())
                .with_query("per_page", per_page.to_string())
                .with_query("include_totals", "true"),
            Paging::Checkpoint { take, from: None } => call.with_query("take", take.to_string()),
            Paging::Checkpoint { take, from: Some(from) } | Paging::Log { take, from } => {
                call.with_query("take", take.to_string()).with_query("from", from)
            }
        }
    }

    /// Goes on after a page.
    fn advance(&mut self, body: &Value, rows: &[Value]) {
        self.page += 1;
        self.read += rows.len();
        match &mut self.listing.paging {
            Paging::Offset { per_page } => {
                // A tenant may serve shorter pages than asked for, and says so in `limit`.
                let told = body
                    .get("limit")
                    .and_then(Value::as_u64)
                    .and_then(|limit| limit.try_into().ok());
                let full =
                    told.map_or(*per_page, |limit: usize| limit.clamp(1, (*per_page).max(1)));
                if rows.len() < full {
                    self.state = if self.read >= WALL { State::Walled } else { State::Ended };
                }
            }
            Paging::Checkpoint { from, .. } => {
                let next = body.get("next").and_then(Value::as_str).filter(|next| !next.is_empty());
                match next {
                    Some(next) if !rows.is_empty() && from.as_deref() != Some(next) => {
                        *from = Some(next.into());
                    }
                    _ => self.state = State::Ended,
                }
            }
            Paging::Log { take, from } => {
                let last = rows
                    .last()
                    .and_then(|row| row.get("log_id").or_else(|| row.get("_id"))?.as_str());
                match last {
                    Some(last) if last != from => *from = last.into(),
                    _ => self.state = State::Ended,
                }
                if rows.len() < *take {
                    self.state = State::Ended;
                }
            }
        }
    }

    fn incomplete(&self) -> Error {
        let remedy = match self.listing.collection {
            "users" => {
                "narrow the search, for example by slices of created_at, or use an export job"
            }
            "logs" => "read logs by checkpoint",
            _ => "narrow the search, or use checkpoint paging where the list has it",
        };
        Error::Incomplete { read: self.read, remedy: remedy.into() }
    }
}

/// The sentences with which lists end at 1,000 rows.
fn is_wall(message: &str) -> bool {
    message.contains("first 1000 records") || message.contains("allowed maximum of 1000 records")
}
