//! `GET /users`: all of them, or those that a query finds.

use std::cmp::Ordering;

use serde_json::Value;

use super::{BY_EMAIL, BY_FOLDED_EMAIL, KIND};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request};
use crate::search::{Dialect, Query};
use crate::store::{Document, Span, StoreError};

/// Users read at a time while a query looks at all of them.
const CHUNK: u64 = 500;

pub(super) async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    if paging.is_past_wall() {
        let message = "You can only page through the first 1000 records. See \
                       https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation";
        return Err(ApiError::bad_request("invalid_paging", message));
    }
    let query = Query::parse(request.query_text("q").unwrap_or_default(), Dialect::Users)?;
    let sort = request.query_text("sort").map(Sort::parse).transpose()?;
    let (rows, total) = if query.is_everything() && sort.is_none() {
        let store = context.store();
        (store.list(KIND, paging.span()).await?, store.count(KIND).await?)
    } else {
        found_page(&context, &query, sort.as_ref(), &paging).await?
    };
    let rows = Projection::of(&request).apply_all(rows.into_iter().map(|user| user.body));
    Ok(paging.offset_answer("users", rows, total, Envelope::WithLength))
}

async fn found_page(
    context: &Context,
    query: &Query,
    sort: Option<&Sort>,
    paging: &Paging,
) -> Result<(Vec<Document>, u64), StoreError> {
    let mut found = candidates(context, query).await?;
    if let Some(sort) = sort {
        found.sort_by(|one, other| sort.compare(&one.body, &other.body));
    }
    let total = found.len() as u64;
    let span = paging.span();
    let skip = usize::try_from(span.skip).unwrap_or(usize::MAX);
    let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
    Ok((found.into_iter().skip(skip).take(limit).collect(), total))
}

/// The users that match: by a key where the query names one, else by looking at all.
async fn candidates(context: &Context, query: &Query) -> Result<Vec<Document>, StoreError> {
    let store = context.store();
    if let Some(id) = query.exact("user_id") {
        let found = store.get(KIND, id).await?;
        return Ok(found.into_iter().filter(|user| query.matches(&user.body)).collect());
    }
    if let Some(email) = query.exact("email") {
        let folded = email.to_lowercase();
        let all = Span::page(0, u64::from(u32::MAX));
        let mut found = store.matching(KIND, BY_EMAIL, &folded, all).await?;
        found.extend(store.matching(KIND, BY_FOLDED_EMAIL, &folded, all).await?);
        found.retain(|user| query.matches(&user.body));
        return Ok(found);
    }
    let mut found = Vec::new();
    let mut position = 0;
    loop {
        let chunk = store.list(KIND, Span::after(position, CHUNK)).await?;
        let Some(last) = chunk.last() else { return Ok(found) };
        position = last.position;
        found.extend(chunk.into_iter().filter(|user| query.matches(&user.body)));
        // Others want this thread too.
        tokio::task::yield_now().await;
    }
}

/// `field:1` or `field:-1`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sort {
    field: String,
    descending: bool,
}

impl Sort {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let parsed = text.rsplit_once(':').and_then(|(field, order)| match order {
            "1" => Some(Self { field: field.to_owned(), descending: false }),
            "-1" => Some(Self { field: field.to_owned(), descending: true }),
            _ => None,
        });
        parsed.ok_or_else(|| {
            ApiError::bad_request(
                "invalid_query_string",
                format!("'{text}' is no field with :1 or :-1"),
            )
        })
    }

    /// What lacks the field comes last in either direction.
    fn compare(&self, one: &Value, other: &Value) -> Ordering {
        let value = |user: &Value| {
            self.field.split('.').try_fold(user, |value, segment| value.get(segment)).cloned()
        };
        match (value(one), value(other)) {
            (Some(one), Some(other)) => {
                let order = compare_values(&one, &other);
                if self.descending { order.reverse() } else { order }
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

fn compare_values(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        _ => one.to_string().cmp(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn users_are_sorted_by_a_field_and_those_without_it_come_last() {
        let users = [json!({"n": 2}), json!({}), json!({"n": 10}), json!({"n": 1})];
        for (sort, expected) in
            [("n:1", [json!(1), json!(2), json!(10)]), ("n:-1", [json!(10), json!(2), json!(1)])]
        {
            let sort = Sort::parse(sort).unwrap();
            let mut sorted = users.clone();
            sorted.sort_by(|one, other| sort.compare(one, other));
            assert_eq!([&sorted[0]["n"], &sorted[1]["n"], &sorted[2]["n"]], expected.each_ref());
            assert_eq!(sorted[3], json!({}));
        }
        assert!(Sort::parse("n").is_err());
    }
}
