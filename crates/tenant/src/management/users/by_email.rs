//! `GET /users-by-email`: exact and case-sensitive.

use super::{BY_EMAIL, KIND};
use crate::pipeline::{Answer, ApiError, Context, Projection, Request};
use crate::store::Span;

/// One address in many connections.
const MOST: u64 = 1_000;

pub(super) async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let email = request.query_text("email").unwrap_or_default();
    let found = context.store().matching(KIND, BY_EMAIL, email, Span::page(0, MOST)).await?;
    let projection = Projection::of(&request);
    Ok(Answer::ok(projection.apply_all(found.into_iter().map(|user| user.body))))
}
