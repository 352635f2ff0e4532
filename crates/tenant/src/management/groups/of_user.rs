//! The groups of a user, and those that give the user a role.

use super::{GROUP_ROLE, KIND, MEMBER};
use crate::management::generic::{self, Listing};
use crate::management::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, End, Span, StoreError};

const MOST: u64 = 1_000;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user_groups", list);
    table.read("get_user_role_source_groups", giving_role);
}

/// The user's groups, each at its place in the order of joining.
async fn groups_of(context: &Context, user: &str) -> Result<Vec<Document>, StoreError> {
    let mut found = Vec::new();
    for one in context.store().related(MEMBER, End::To(user), Span::page(0, MOST)).await? {
        if let Some(group) = context.store().get(KIND, &one.id).await? {
            found.push(Document { position: one.position, ..group });
        }
    }
    Ok(found)
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let groups = groups_of(&context, &user.id).await?;
    Listing::of(generic::operation("get_user_groups")).answer(&request, groups, &|group| group)
}

async fn giving_role(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = users::find(&context, request.id()).await?;
    let role = request.query_text("role_id").unwrap_or_default();
    let all = Span::page(0, MOST);
    let giving = context.store().related(GROUP_ROLE, End::To(role), all).await?;
    let mut groups = groups_of(&context, &user.id).await?;
    groups.retain(|group| giving.iter().any(|one| one.id == group.id));
    let listing = Listing::of(generic::operation("get_user_role_source_groups"));
    listing.answer(&request, groups, &|group| group)
}
