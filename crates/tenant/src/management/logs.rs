//! Reading the log.

use callboard_contract::Inexistent;
use serde_json::Value;

use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request, Table};
use crate::search::{Dialect, Query};
use crate::store::{Direction, LogEntry, LogSpan, StoreError};

/// Entries that a search looks through and a page list reaches.
const WALL: u64 = 1_000;
const CHUNK: u64 = 500;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_logs", list);
    table.read("get_logs_by_id", get);
    table.read("get_logs_by_user", list_by_user);
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().log_entry(request.id()).await?;
    found.map(|entry| Answer::ok(entry.body)).ok_or_else(|| Inexistent::Other("log event").into())
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    if request.query_text("from").is_some() || request.query_number("take").is_some() {
        return by_checkpoint(&context, &request).await;
    }
    let query =
        request.query_text("q").or_else(|| request.query_text("search")).unwrap_or_default();
    let query = Query::parse(query, Dialect::Logs)?;
    page(&context, &request, &query, None).await
}

async fn list_by_user(context: Context, request: Request) -> Result<Answer, ApiError> {
    page(&context, &request, &Query::everything(), Some(request.id())).await
}

/// Ascending from an entry on; the next address is in the `Link` header.
async fn by_checkpoint(context: &Context, request: &Request) -> Result<Answer, ApiError> {
    let from = request.query_text("from").unwrap_or_default();
    let take = request.query_number("take").unwrap_or(50).min(100);
    let span =
        LogSpan { direction: Direction::OldestFirst, past: Some(from), user: None, limit: take };
    let found = context.store().log_entries(span).await?;
    let next = found.last().map_or(from, |entry| entry.id.as_str());
    let next = context.origin.url(&format!("/api/v2/logs?from={next}&take={take}"));
    let rows = Projection::of(request).apply_all(found.into_iter().map(|entry| entry.body));
    Ok(Answer::ok(rows).and_next(&next))
}

/// By page, newest first unless sorted otherwise; totals count the page, as the real API does.
async fn page(
    context: &Context,
    request: &Request,
    query: &Query,
    user: Option<&str>,
) -> Result<Answer, ApiError> {
    let paging = Paging::of(request)?;
    if paging.is_past_wall() {
        let message = format!(
            "Requesting page {} exceeds the allowed maximum of {WALL} records: please consider searching by \
             checkpoint https://auth0.com/docs/logs/retrieve-log-events-using-mgmt-api#retrieve-logs-by-checkpoint",
            paging.page
        );
        return Err(ApiError::bad_request("invalid_paging", message));
    }
    let direction = match request.query_text("sort") {
        Some("date:1") => Direction::OldestFirst,
        _ => Direction::NewestFirst,
    };
    let wanted = paging.start().saturating_add(paging.per_page);
    let found = matching(context, query, direction, user, wanted).await?;
    let skip = usize::try_from(paging.start()).unwrap_or(usize::MAX);
    let rows = Projection::of(request).apply_all(found.into_iter().skip(skip));
    let total = rows.len() as u64;
    Ok(paging.offset_answer("logs", rows, total, Envelope::WithLength))
}

/// The first `wanted` entries that match, in the given direction.
async fn matching(
    context: &Context,
    query: &Query,
    direction: Direction,
    user: Option<&str>,
    wanted: u64,
) -> Result<Vec<Value>, StoreError> {
    // Entries are large: without a query no more are read than are wanted.
    let limit = if query.is_everything() { wanted.clamp(1, CHUNK) } else { CHUNK };
    let mut found: Vec<Value> = Vec::new();
    let mut past: Option<String> = None;
    while (found.len() as u64) < wanted {
        let span = LogSpan { direction, past: past.as_deref(), user, limit };
        let chunk = context.store().log_entries(span).await?;
        let ended = (chunk.len() as u64) < limit;
        past = chunk.last().map(|entry: &LogEntry| entry.id.clone());
        let missing = usize::try_from(wanted).unwrap_or(usize::MAX) - found.len();
        found.extend(
            chunk
                .into_iter()
                .map(|entry| entry.body)
                .filter(|entry| query.matches(entry))
                .take(missing),
        );
        if ended {
            break;
        }
    }
    Ok(found)
}
