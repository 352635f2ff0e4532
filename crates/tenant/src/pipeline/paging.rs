//! Offset and checkpoint paging, and the envelopes in which each family answers a page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Answer, ApiError, Request};
use crate::store::Span;

/// Offset lists end here.
const WALL: u64 = 1_000;
const DEFAULT_PER_PAGE: u64 = 50;

/// Which page was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) page: u64,
    pub(crate) per_page: u64,
    pub(crate) include_totals: bool,
    /// Present when the caller pages by checkpoint; wins over the rest.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// "So many, after this place."
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) after: i64,
    pub(crate) take: u64,
}

/// The order of keys in a page with totals; it differs by family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `start, limit, length, <c>, total`: users.
    WithLength,
    /// `total, start, limit, <c>`: clients, connections, grants, resource servers.
    TotalFirst,
    /// `<c>, start, limit, total`: roles, permissions, organizations.
    CollectionFirst,
}

impl Paging {
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let per_page = request.query_number("per_page").unwrap_or(DEFAULT_PER_PAGE);
        let from = request.query_text("from").filter(|from| !from.is_empty());
        let take = request.query_number("take");
        let checkpoint = if from.is_some() || take.is_some() {
            let after = from.map_or(Ok(0), decode_checkpoint)?;
            Some(Checkpoint { after, take: take.unwrap_or(DEFAULT_PER_PAGE) })
        } else {
            None
        };
        Ok(Self {
            page: request.query_number("page").unwrap_or(0),
            per_page,
            include_totals: request.query_flag("include_totals").unwrap_or(false),
            checkpoint,
        })
    }

    /// For lists that have no other way of paging.
    pub(crate) fn by_checkpoint(request: &Request) -> Result<Self, ApiError> {
        let mut paging = Self::of(request)?;
        paging.checkpoint.get_or_insert(Checkpoint { after: 0, take: DEFAULT_PER_PAGE });
        Ok(paging)
    }

    /// Refuses pages past the thousandth row, in the words of the families that have checkpoint paging.
    pub(crate) fn within_wall(&self) -> Result<(), ApiError> {
        if self.is_past_wall() {
            return Err(ApiError::bad_request(
                "invalid_paging",
                format!(
                    "Requesting page {} exceeds the allowed maximum of {WALL} records. To fetch results beyond \
                     {WALL}, use the checkpoint pagination method",
                    self.page
                ),
            ));
        }
        Ok(())
    }

    pub(crate) fn is_past_wall(&self) -> bool {
        self.checkpoint.is_none()
            && self.page.saturating_add(1).saturating_mul(self.per_page) > WALL
    }

    /// What to read from the store. By checkpoint that is one more than asked for, to know whether there is a next page.
    pub(crate) fn span(&self) -> Span {
        match &self.checkpoint {
            Some(Checkpoint { after, take }) => Span::after(*after, take.saturating_add(1)),
            None => Span::page(self.start(), self.per_page),
        }
    }

    pub(crate) fn start(&self) -> u64 {
        self.page.saturating_mul(self.per_page)
    }

    /// Answers rows read by [`Self::span`], each with its position in the store. `total` counts everything.
    pub(crate) fn answer(
        &self,
        collection: &str,
        mut rows: Vec<(i64, Value)>,
        total: u64,
        envelope: Envelope,
    ) -> Answer {
        let Some(Checkpoint { take, .. }) = &self.checkpoint else {
            return self.offset_answer(
                collection,
                rows.into_iter().map(|(_, row)| row).collect(),
                total,
                envelope,
            );
        };
        let take = usize::try_from(*take).unwrap_or(usize::MAX);
        let more = rows.len() > take;
        rows.truncate(take);
        let next =
            rows.last().filter(|_| more).map(|(position, row)| encode_checkpoint(*position, row));
        let mut body = Map::new();
        body.insert(collection.into(), rows.into_iter().map(|(_, row)| row).collect());
        if let Some(next) = next {
            body.insert("next".into(), next.into());
        }
        Answer::ok(Value::Object(body))
    }

    /// Answers one page of a list that has no checkpoint paging.
    pub(crate) fn offset_answer(
        &self,
        collection: &str,
        rows: Vec<Value>,
        total: u64,
        envelope: Envelope,
    ) -> Answer {
        if !self.include_totals {
            return Answer::ok(rows);
        }
        let (start, limit, length) = (self.start(), self.per_page, rows.len());
        Answer::ok(match envelope {
            Envelope::WithLength => {
                json!({"start": start, "limit": limit, "length": length, collection: rows, "total": total})
            }
            Envelope::TotalFirst => {
                json!({"total": total, "start": start, "limit": limit, collection: rows})
            }
            Envelope::CollectionFirst => {
                json!({collection: rows, "start": start, "limit": limit, "total": total})
            }
        })
    }

    /// The page's stretch of a list that is already in memory.
    pub(crate) fn stretch<T>(&self, all: Vec<T>) -> impl Iterator<Item = T> {
        let skip = usize::try_from(self.start()).unwrap_or(usize::MAX);
        let limit = usize::try_from(self.per_page).unwrap_or(usize::MAX);
        all.into_iter().skip(skip).take(limit)
    }

    /// Pages a list that is already in memory, with each row's place in it.
    pub(crate) fn page_of(&self, rows: Vec<Value>) -> Vec<(i64, Value)> {
        let span = self.span();
        let skip = usize::try_from(span.skip).unwrap_or(usize::MAX);
        let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
        let positions = 1_i64..;
        positions
            .zip(rows)
            .filter(|(position, _)| *position > span.after)
            .skip(skip)
            .take(limit)
            .collect()
    }
}

/// Real checkpoints are a moment and an id in base64. Here the moment is the place in the list, as microseconds.
fn encode_checkpoint(position: i64, row: &Value) -> String {
    let id = ["user_id", "client_id", "id"].into_iter().find_map(|name| row[name].as_str());
    let moment = Timestamp::from_microsecond(position).unwrap_or(Timestamp::UNIX_EPOCH);
    let moment = moment.strftime("%Y-%m-%d %H:%M:%S%.6fUTC");
    URL_SAFE_NO_PAD.encode(format!("{moment},{}", id.unwrap_or_default()))
}

fn decode_checkpoint(text: &str) -> Result<i64, ApiError> {
    let position = || {
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (moment, _) = decoded.split_once("UTC,")?;
        let moment = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", moment).ok()?;
        Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
    };
    position().ok_or_else(|| {
        ApiError::bad_request("invalid_paging", "The 'from' parameter is not a valid checkpoint")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(query: &Value) -> Paging {
        let query = query.as_object().unwrap().clone();
        Paging::of(&Request { query, ..Request::default() }).unwrap()
    }

    #[test]
    fn a_page_without_totals_is_a_bare_array() {
        let answer =
            paging(&json!({})).answer("roles", vec![(1, json!("a"))], 1, Envelope::CollectionFirst);
        assert_eq!(answer.body, Some(json!(["a"])));
    }

    #[test]
    fn totals_come_in_the_order_of_the_family() {
        let paging = paging(&json!({"include_totals": true, "per_page": 1, "page": 2}));
        for (envelope, expected) in [
            (Envelope::WithLength, r#"{"start":2,"limit":1,"length":1,"x":["a"],"total":9}"#),
            (Envelope::TotalFirst, r#"{"total":9,"start":2,"limit":1,"x":["a"]}"#),
            (Envelope::CollectionFirst, r#"{"x":["a"],"start":2,"limit":1,"total":9}"#),
        ] {
            let answer = paging.answer("x", vec![(3, json!("a"))], 9, envelope);
            assert_eq!(answer.body.unwrap().to_string(), expected, "{envelope:?}");
        }
    }

    #[test]
    fn checkpoints_lead_through_a_list_and_end() {
        let rows = vec![json!("a"), json!("b"), json!("c")];
        let first = paging(&json!({"take": 2}));
        let body =
            first.answer("x", first.page_of(rows.clone()), 3, Envelope::TotalFirst).body.unwrap();
        assert_eq!(body["x"], json!(["a", "b"]));
        let second = paging(&json!({"take": 2, "from": body["next"]}));
        let body = second.answer("x", second.page_of(rows), 3, Envelope::TotalFirst).body.unwrap();
        assert_eq!(body, json!({"x": ["c"]}));
    }

    #[test]
    fn offset_paging_stops_at_a_thousand() {
        assert!(!paging(&json!({"per_page": 100, "page": 9})).is_past_wall());
        assert!(paging(&json!({"per_page": 100, "page": 10})).is_past_wall());
        assert!(!paging(&json!({"per_page": 100, "page": 10, "take": 5})).is_past_wall());
    }
}
