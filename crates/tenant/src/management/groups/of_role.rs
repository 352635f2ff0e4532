//! `/roles/{id}/groups`: the same relation as `/groups/{id}/roles`, from its other end.

use super::{GROUP_ROLE, KIND, get};
use crate::management::generic::{self, Listing};
use crate::management::roles;
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::{End, Transaction};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_role_groups", list);
    table.write("post_role_groups", "Assign groups to a role", assign);
    table.write("delete_role_groups", "Remove groups from a role", remove);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = roles::find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let mut rows = Vec::new();
    for one in context.store().related(GROUP_ROLE, End::To(&role.id), paging.span()).await? {
        if let Some(group) = context.store().get(KIND, &one.id).await? {
            rows.push((one.position, group.body));
        }
    }
    let total = rows.len() as u64;
    Ok(Listing::of(generic::operation("get_role_groups")).wrapped(&paging, rows, total))
}

async fn assign(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = roles::find(&context, request.id()).await?;
    let mut change = Transaction::new();
    for id in request.body_texts("groups") {
        let group = get(&context, &id).await?;
        change = change.relate(GROUP_ROLE, group.id, role.id.as_str());
    }
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn remove(context: Context, request: Request) -> Result<Answer, ApiError> {
    let role = roles::find(&context, request.id()).await?;
    let groups = request.body_texts("groups").into_iter();
    let change = groups.fold(Transaction::new(), |change, group| {
        change.unrelate(GROUP_ROLE, group, role.id.as_str())
    });
    Ok(context.commit(change, Answer::no_content()).await?)
}
