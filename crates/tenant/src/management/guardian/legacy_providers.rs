//! `DELETE /users/{id}/multifactor/{provider}`: providers from before Guardian, which stand in the profile.

use callboard_contract::Inexistent;
use serde_json::Value;

use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Transaction;

pub(super) fn behaviours(table: &mut Table) {
    table.write("delete_multifactor_by_provider", "Delete a User's Multi-factor Provider", delete);
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let provider = request.path("provider");
    let mut body = user.body;
    let enrolled =
        body["multifactor"].as_array_mut().filter(|all| all.iter().any(|one| one == provider));
    let Some(providers) = enrolled else {
        return Err(Inexistent::Other("multifactor provider").into());
    };
    providers.retain(|one| one != provider);
    body["updated_at"] = Value::from(context.timestamp());
    let keys = users::keys(&body);
    let change = Transaction::new().replace(users::KIND, user.id, user.version, body, keys);
    Ok(context.commit(change, Answer::no_content()).await?)
}
