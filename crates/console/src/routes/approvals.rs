use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use callboard_engine::{ApprovalFilter, ApprovalReply, Engine};
use http::StatusCode;
use serde::Deserialize;

use crate::caller::{Caller, Known};
use crate::decode::{Body, Options, Segments};
use crate::problem::ApiError;
use crate::{to_wire, wire};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Also what is not open any more. `?all` and `?all=true` say the same.
    all: Option<String>,
    /// The usual; `?open=false` says what `?all` does.
    open: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

const USUAL_LIMIT: usize = 20;
const MOST: usize = 200;

/// What a variable of the query that is true or false says; alone it says true.
fn flag(name: &str, given: Option<&str>) -> Result<Option<bool>, ApiError> {
    match given {
        None => Ok(None),
        Some("false") => Ok(Some(false)),
        Some("" | "true") => Ok(Some(true)),
        Some(other) => {
            let detail = format!("`{name}` is true or false, not `{other}`");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", detail))
        }
    }
}

/// `GET /v1/approvals`, newest first: what is open, all with `?all`.
#[tracing::instrument(name = "http.approvals.list", skip_all)]
pub(crate) async fn list(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Options(filter): Options<Filter>,
) -> Result<Json<wire::Approvals>, ApiError> {
    let (all, only_open) =
        (flag("all", filter.all.as_deref())?, flag("open", filter.open.as_deref())?);
    let open = only_open.unwrap_or(!all.unwrap_or(false));
    let limit = filter.limit.unwrap_or(USUAL_LIMIT).clamp(1, MOST);
    let filter = ApprovalFilter { open, before: filter.cursor, limit: limit + 1 };
    let mut found = engine.approvals(&filter).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|approval| approval.asked.id.clone());
    let approvals = found.into_iter().map(|approval| to_wire::approval(&engine, approval));
    Ok(Json(wire::Approvals { approvals: approvals.collect(), next }))
}

/// `GET /v1/approvals/{id}`
#[tracing::instrument(name = "http.approvals.show", skip_all, fields(approval = %id))]
pub(crate) async fn show(
    _: Caller,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Result<Json<wire::Approval>, ApiError> {
    let approval = engine.approval(&id).await?;
    Ok(Json(to_wire::approval(&engine, approval)))
}

/// `POST /v1/approvals/{id}/answer`, as the person whose key it is.
#[tracing::instrument(name = "http.approvals.answer", skip_all, fields(approval = %id))]
pub(crate) async fn answer(
    Known(person): Known,
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    Body(answer): Body<wire::ApprovalAnswer>,
) -> Result<Json<wire::Approval>, ApiError> {
    let wire::ApprovalAnswer { approve, reason, round } = answer;
    let reply = ApprovalReply { approve, reason, round };
    let approval = engine.answer_approval(&id, &person, reply).await?;
    Ok(Json(to_wire::approval(&engine, approval)))
}
