//! `GET /connections`

use serde_json::Value;

use super::{BY_NAME, KIND, shown};
use crate::management::listing::{self, Page};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request};

/// Lists of some fields show this one too.
const ALWAYS_LISTED: &str = "is_domain_connection";

pub(super) async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let page = wanted(&context, &request, &paging).await?;
    let projection = Projection::of(&request);
    let mut rows = Vec::new();
    for (position, connection) in page.rows {
        let shown = shown(&context, connection).await?;
        rows.push((position, projection.apply_keeping(ALWAYS_LISTED, shown)));
    }
    Ok(paging.answer("connections", rows, page.total, Envelope::TotalFirst))
}

async fn wanted(context: &Context, request: &Request, paging: &Paging) -> Result<Page, ApiError> {
    let store = context.store();
    let strategies = request.query_texts("strategy");
    let admits = |connection: &Value| {
        strategies.is_empty()
            || strategies.iter().any(|strategy| connection["strategy"] == strategy.as_str())
    };
    if let Some(name) = request.query_text("name") {
        let found = store.find(KIND, BY_NAME, name).await?;
        let found = found.into_iter().filter(|connection| admits(&connection.body)).collect();
        return Ok(listing::page_of(found, paging));
    }
    if strategies.is_empty() {
        return Ok(listing::page(store, KIND, paging).await?);
    }
    Ok(listing::page_where(store, KIND, paging, admits).await?)
}
