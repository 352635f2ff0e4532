//! Lists that are narrowed by what only the documents tell.

use serde_json::Value;

use crate::pipeline::Paging;
use crate::store::{Document, Kind, Span, Store, StoreError};

const CHUNK: u64 = 1_000;

/// One page of documents, each with its position, and how many there are in all.
pub(super) struct Page {
    pub(super) rows: Vec<(i64, Value)>,
    pub(super) total: u64,
}

/// One page of a kind, in order of insertion.
pub(super) async fn page(
    store: &dyn Store,
    kind: Kind,
    paging: &Paging,
) -> Result<Page, StoreError> {
    let rows = store.list(kind, paging.span()).await?;
    let total = store.count(kind).await?;
    Ok(Page { rows: rows.into_iter().map(|row| (row.position, row.body)).collect(), total })
}

/// One page of those documents of a kind that are wanted.
pub(super) async fn page_where(
    store: &dyn Store,
    kind: Kind,
    paging: &Paging,
    wanted: impl Fn(&Value) -> bool + Send,
) -> Result<Page, StoreError> {
    let mut found: Vec<Document> = Vec::new();
    let mut after = 0;
    loop {
        let chunk = store.list(kind, Span::after(after, CHUNK)).await?;
        let Some(last) = chunk.last() else { break };
        after = last.position;
        found.extend(chunk.into_iter().filter(|document| wanted(&document.body)));
    }
    Ok(page_of(found, paging))
}

/// One page of documents that have been found already, in order of insertion.
pub(super) fn page_of(found: Vec<Document>, paging: &Paging) -> Page {
    let total = found.len() as u64;
    let span = paging.span();
    let rows = found
        .into_iter()
        .filter(|document| document.position > span.after)
        .skip(usize::try_from(span.skip).unwrap_or(usize::MAX))
        .take(usize::try_from(span.limit).unwrap_or(usize::MAX))
        .map(|document| (document.position, document.body))
        .collect();
    Page { rows, total }
}
