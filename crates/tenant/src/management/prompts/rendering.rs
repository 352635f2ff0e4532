//! Rendering of screens: by the service, or by pages of the tenant's own.

use serde_json::{Value, json};

use crate::management::generic::{
    self, Change, Fields, Listing, Singleton, fields_of,
    singleton::Verb::{Patch, Read},
    singleton_behaviours,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Kind, Span, Transaction};

const KIND: Kind = Kind("prompt_rendering");
/// There are fewer screens than this.
const MOST: u64 = 500;

/// One for each prompt and screen.
static RENDERING: Singleton = Singleton {
    echo: true,
    routes: &[
        (Read, "get_rendering", ""),
        (Patch, "patch_rendering", "Update rendering settings for a screen"),
    ],
    ..Singleton::new(KIND.0, |context, request| {
        standard(context, request.path("prompt"), request.path("screen"))
    })
};

pub(super) fn behaviours(table: &mut Table) {
    singleton_behaviours(table, &RENDERING);
    table.read("get_all_rendering", list);
    table.write("patch_bulk_rendering", "Update rendering settings for screens", update_many);
}

fn standard(context: &Context, prompt: &str, screen: &str) -> Value {
    json!({
        "tenant": context.origin.host(), "prompt": prompt, "screen": screen, "rendering_mode": "standard",
        "context_configuration": [], "default_head_tags_disabled": false, "head_tags": [], "use_page_template": false,
    })
}

/// The screens that somebody has changed.
async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().list(KIND, Span::page(0, MOST)).await?;
    let listing = Listing::of(generic::operation("get_all_rendering"));
    listing.answer(&request, found, &|screen| generic::without(screen, &["tenant"]))
}

async fn update_many(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut change = Transaction::new();
    for config in request.body["configs"].as_array().into_iter().flatten() {
        let (prompt, screen) = (
            config["prompt"].as_str().unwrap_or_default(),
            config["screen"].as_str().unwrap_or_default(),
        );
        let id = format!("{prompt}/{screen}");
        let stored: Option<Document> = context.store().get(KIND, &id).await?;
        let before = stored.map_or_else(|| standard(&context, prompt, screen), |found| found.body);
        let sent: Fields = fields_of(config.clone());
        let after = Change::Merge.apply(&fields_of(before), &sent);
        change = change.put(KIND, id, Value::Object(after), Vec::new());
    }
    let answer = Answer::ok(request.body);
    Ok(context.commit(change, answer).await?)
}
