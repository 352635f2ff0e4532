//! `/actions/executions`: nothing runs, so there are none.

use callboard_contract::Inexistent;

use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Kind;

const KIND: Kind = Kind("action_execution");

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_execution", get);
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = context.store().get(KIND, request.id()).await?;
    found.map(|execution| Answer::ok(execution.body)).ok_or_else(|| Inexistent::Execution.into())
}
