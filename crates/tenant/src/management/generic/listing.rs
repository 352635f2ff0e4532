//! How a list is narrowed, paged and wrapped; the contract tells most of it.

use std::cmp::Ordering;

use callboard_contract::collections::{self, Envelope};
use callboard_contract::{Operation, Place, contract};
use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Context, Paging, Projection, Request};
use crate::store::{Document, Kind, Span, StoreError};

const CHUNK: u64 = 1_000;
/// Query parameters that do not stand for a member of the things.
const NOT_FILTERS: [&str; 11] = [
    "page",
    "per_page",
    "include_totals",
    "from",
    "take",
    "fields",
    "include_fields",
    "sort",
    "q",
    "hydrate",
    "search",
];

/// The form of a list's answers.
#[derive(Debug, Clone, Copy)]
pub(in crate::management) struct Listing {
    operation: Option<&'static Operation>,
    /// The key of the rows, where they are ever wrapped.
    key: Option<&'static str>,
    /// Whether an answer may be the rows and nothing else.
    bare: bool,
    /// Whether a wrapped answer counts.
    totals: bool,
    /// Whether a wrapped answer says where to go on.
    checkpoints: bool,
}

impl Listing {
    /// As the schemas of the operation's answer describe it.
    pub(in crate::management) fn of(operation: Option<&'static Operation>) -> Self {
        let mut listing =
            Self { operation, key: None, bare: false, totals: false, checkpoints: false };
        let schema = operation.and_then(|operation| operation.answer_schema(operation.success));
        for variant in schema.map(variants).unwrap_or_default() {
            if variant["type"] == "array" {
                listing.bare = true;
            }
            for (name, member) in variant["properties"].as_object().into_iter().flatten() {
                match name.as_str() {
                    "next" => listing.checkpoints = true,
                    "total" | "start" => listing.totals = true,
                    _ if resolved(member)["type"] == "array" && listing.key.is_none() => {
                        listing.key = Some(name);
                    }
                    _ => {}
                }
            }
        }
        listing
    }

    /// Answers a request with those of the documents that it asks for.
    pub(in crate::management) fn answer(
        &self,
        request: &Request,
        mut documents: Vec<Document>,
        show: &dyn Fn(Value) -> Value,
    ) -> Result<Answer, ApiError> {
        documents.retain(|document| self.wants(request, &document.body));
        if let Some((field, descending)) = request.query_text("sort").and_then(sort_of) {
            documents.sort_by(|one, other| {
                let order = compare(&one.body[field], &other.body[field]);
                if descending { order.reverse() } else { order }
            });
        }
        let paging = Paging::of(request)?;
        let total = documents.len() as u64;
        let span = if self.is_paged() { paging.span() } else { Span::page(0, u64::MAX) };
        let projection = Projection::of(request);
        let rows = documents
            .into_iter()
            .filter(|document| document.position > span.after)
            .skip(usize::try_from(span.skip).unwrap_or(usize::MAX))
            .take(usize::try_from(span.limit).unwrap_or(usize::MAX))
            .map(|document| (document.position, projection.apply(show(document.body))));
        Ok(self.wrapped(&paging, rows.collect(), total))
    }

    /// Answers one page that has been cut by `paging.span()`.
    pub(in crate::management) fn wrapped(
        &self,
        paging: &Paging,
        rows: Vec<(i64, Value)>,
        total: u64,
    ) -> Answer {
        let key = self.key.unwrap_or("items");
        if paging.checkpoint.is_some() && self.checkpoints {
            return paging.answer(key, rows, total, crate::pipeline::Envelope::CollectionFirst);
        }
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
        if self.bare && !(paging.include_totals && self.key.is_some()) {
            return Answer::ok(rows);
        }
        if !self.totals {
            return Answer::ok(json!({key: rows}));
        }
        let (start, limit) = (paging.start(), paging.per_page);
        match self.operation.and_then(Envelope::of) {
            Some(envelope) => {
                Answer::ok(envelope.wrap(collections::Page { start, limit, total, rows }))
            }
            None if self.bare => {
                Answer::ok(json!({key: rows, "start": start, "limit": limit, "total": total}))
            }
            None => Answer::ok(
                json!({key: rows, "total": total, "page": paging.page, "per_page": limit}),
            ),
        }
    }

    fn is_paged(&self) -> bool {
        self.query().any(|name| name == "page" || name == "take")
    }

    fn query(&self) -> impl Iterator<Item = &'static str> {
        let parameters =
            self.operation.into_iter().flat_map(|operation| operation.parameters_in(Place::Query));
        parameters.map(|parameter| parameter.name.as_str())
    }

    /// Whether the thing has what the query asks for. Only declared parameters count.
    fn wants(&self, request: &Request, thing: &Value) -> bool {
        self.query().filter(|name| !NOT_FILTERS.contains(name)).all(|name| {
            match (request.query.get(name), thing.get(name)) {
                (None, _) | (_, None) => true,
                (Some(wanted), Some(Value::Array(items))) => items.contains(wanted),
                (Some(Value::Array(wanted)), Some(value)) => wanted.contains(value),
                (Some(wanted), Some(value)) => wanted == value,
            }
        })
    }
}

/// The schemas that an answer may follow.
fn variants(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolved(schema);
    match schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        Some(variants) => variants.iter().map(resolved).collect(),
        None => vec![schema],
    }
}

fn resolved(schema: &'static Value) -> &'static Value {
    let name = schema.get("$ref").and_then(Value::as_str);
    name.and_then(|name| contract().schema(name)).unwrap_or(schema)
}

/// `name:-1` sorts by name, descending.
fn sort_of(text: &str) -> Option<(&str, bool)> {
    let (field, direction) = text.split_once(':')?;
    Some((field, direction == "-1"))
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => one.as_str().cmp(&other.as_str()),
    }
}

/// Every document of a kind, oldest first.
pub(in crate::management) async fn every(
    context: &Context,
    kind: Kind,
) -> Result<Vec<Document>, StoreError> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.position);
        let chunk = context.store().list(kind, Span::after(after, CHUNK)).await?;
        let ended = (chunk.len() as u64) < CHUNK;
        all.extend(chunk);
        if ended {
            return Ok(all);
        }
    }
}

/// Every document of a kind that has this shared key, oldest first.
pub(super) async fn with_key(
    context: &Context,
    kind: Kind,
    name: &'static str,
    value: &str,
) -> Result<Vec<Document>, StoreError> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.position);
        let chunk = context.store().matching(kind, name, value, Span::after(after, CHUNK)).await?;
        let ended = (chunk.len() as u64) < CHUNK;
        all.extend(chunk);
        if ended {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_list_follows_from_its_schemas() {
        for (id, key, bare, totals, checkpoints) in [
            ("get_log-streams", None, true, false, false),
            ("get_rules", Some("rules"), true, true, false),
            ("get_event-streams", Some("eventStreams"), false, false, true),
            ("get_organizations", Some("organizations"), true, true, true),
            ("get_actions", Some("actions"), false, true, false),
            ("get_branding_phone_providers", Some("providers"), false, false, false),
        ] {
            let listing = Listing::of(contract().operation(id));
            assert_eq!(
                (listing.key, listing.bare, listing.totals, listing.checkpoints),
                (key, bare, totals, checkpoints),
                "{id}"
            );
        }
    }
}
