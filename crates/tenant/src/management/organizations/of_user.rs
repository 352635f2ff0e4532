//! `/users/{id}/organizations`

use super::{KIND, MEMBER};
use crate::management::generic::{self, Listing};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Paging, Request, Table};
use crate::store::End;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user_organizations", list);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let paging = Paging::of(&request)?;
    let end = End::To(&user.id);
    let total = context.store().count_related(MEMBER, end).await?;
    let mut rows = Vec::new();
    for one in context.store().related(MEMBER, end, paging.span()).await? {
        if let Some(organization) = context.store().get(KIND, &one.id).await? {
            rows.push((one.position, organization.body));
        }
    }
    Ok(Listing::of(generic::operation("get_user_organizations")).wrapped(&paging, rows, total))
}
