//! Events: what is told of changes to users, organizations and groups, and `GET /events`, which tells it as it happens.

mod object;
mod offset;
mod subscription;
mod told;

use axum::response::sse::Sse;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;

pub(crate) use told::Teller;
pub(super) use told::envelope;

use crate::pipeline::{ApiError, Context, Request, Table};
use offset::Offset;
use subscription::Subscription;

pub(super) fn behaviours(table: &mut Table) {
    table.stream("subscribe_events", subscribe);
}

/// Everything from a place on, then whatever comes; see [`Subscription`].
async fn subscribe(context: Context, request: Request) -> Result<Response, ApiError> {
    let position = starting_position(&context, &request).await?;
    let wanted = request.query_texts("event_type");
    let subscription = Subscription::new(&context.tenant, position, wanted).ok_or_else(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "Maximum concurrent event stream connections reached. Please close existing connections.",
        )
    })?;
    Ok(Sse::new(subscription.into_stream()).into_response())
}

/// `Last-Event-ID` wins over `from`, and that over `from_timestamp`; without any of them only what is new is told.
async fn starting_position(context: &Context, request: &Request) -> Result<i64, ApiError> {
    let bounds = context.store().event_bounds().await?;
    let cursor = context.exchange.last_event_id.as_deref().or_else(|| request.query_text("from"));
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        let position = cursor
            .parse()
            .ok()
            .map(|Offset(position)| position)
            .filter(|position| *position <= bounds.newest)
            .ok_or_else(|| ApiError::bad_request("invalid_cursor", "Invalid cursor format."))?;
        if position < bounds.floor {
            return Err(ApiError::new(
                StatusCode::GONE,
                "Cursor points to data no longer available in the stream.",
            ));
        }
        return Ok(position);
    }
    let Some(moment) = request.query_text("from_timestamp") else { return Ok(bounds.newest) };
    let moment: Timestamp = moment.parse().map_err(|_| {
        let message = format!(
            "Query validation error: 'Object didn't pass validation for format date-time: {moment}' on property \
             from_timestamp."
        );
        ApiError::bad_request("invalid_query_string", message)
    })?;
    Ok(context.store().event_position_at(moment).await?)
}
