//! `/branding/templates/universal-login`: the page around the login box.

use callboard_contract::{ErrorBody, Inexistent};
use http::StatusCode;
use serde_json::{Value, json};

use crate::management::custom_domains;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

const KIND: Kind = Kind("page_template");
const ID: &str = "universal-login";

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_universal-login", get);
    table.write("put_universal-login", "Set the New Universal Login template", put);
    table.write("delete_universal-login", "Delete the New Universal Login template", delete);
}

async fn get(context: Context, _: Request) -> Result<Answer, ApiError> {
    let found = context.store().get(KIND, ID).await?;
    found
        .map(|template| Answer::ok(json!({"body": template.body})))
        .ok_or_else(|| Inexistent::UniversalLoginTemplate.into())
}

/// The body is the page itself, or an object that holds it.
async fn put(context: Context, request: Request) -> Result<Answer, ApiError> {
    if custom_domains::none(&context).await? {
        let message =
            "This feature requires at least one custom domain to be configured for the tenant.";
        return Err(ErrorBody::new(403, message).with_code("operation_not_supported").into());
    }
    let page = match request.body {
        Value::Object(mut fields) => fields.shift_remove("template").unwrap_or_default(),
        page => page,
    };
    let text = page.as_str().unwrap_or_default();
    for tag in ["auth0:head", "auth0:widget"] {
        if !text.contains(tag) {
            let message = format!("Missing required tag in template: {{%- {tag} -%}}");
            return Err(ApiError::invalid_body(message));
        }
    }
    let answer = match context.store().get(KIND, ID).await? {
        None => Answer::with(StatusCode::CREATED, json!({})),
        Some(_) => Answer::no_content(),
    };
    let change = Transaction::new().put(KIND, ID, page, Vec::new());
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, _: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete(KIND, ID);
    Ok(context.commit(change, Answer::no_content()).await?)
}
