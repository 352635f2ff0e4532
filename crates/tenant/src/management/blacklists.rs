//! Tokens of old kinds that are no longer to be believed.

use serde_json::Value;

use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Key, Kind, Span, Transaction};

const KIND: Kind = Kind("blacklisted_token");
const AUDIENCE: &str = "aud";
const MOST: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_blacklisted_tokens", list);
    table.write("post_blacklisted_token", "Blacklist a token", add);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let span = Span::page(0, MOST);
    let found = match request.query_text(AUDIENCE) {
        Some(audience) => context.store().matching(KIND, AUDIENCE, audience, span).await?,
        None => context.store().list(KIND, span).await?,
    };
    Ok(Answer::ok(found.into_iter().map(|token| token.body).collect::<Value>()))
}

async fn add(context: Context, mut request: Request) -> Result<Answer, ApiError> {
    if request.body.get(AUDIENCE).is_none() {
        request.body[AUDIENCE] = context.caller.client_id.as_str().into();
    }
    let token = request.body;
    let audience = token[AUDIENCE].as_str().unwrap_or_default().to_owned();
    let id = format!("{audience}/{}", token["jti"].as_str().unwrap_or_default());
    let change = Transaction::new().put(KIND, id, token, vec![Key::shared(AUDIENCE, audience)]);
    Ok(context.commit(change, Answer::no_content()).await?)
}
