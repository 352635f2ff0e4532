//! Network access lists: who may reach the tenant from where. They are kept; the tenant on the desk lets everybody in.

use callboard_contract::Inexistent;
use serde_json::json;

use super::generic::{
    self, Family, IdForm, Repeated,
    Verb::{Create, Delete, List, Merge, Replace},
    find,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};

static NETWORK_ACLS: Family = Family {
    repeated_delete: Repeated::NotFound,
    farewell: || json!({"code": 204, "object": ""}),
    routes: &[
        (Create, "post_network-acls", "Create a Network ACL"),
        (List, "get_network-acls", ""),
        (Merge, "patch_network-acls_by_id", "Update a Network ACL"),
        (Replace, "put_network-acls_by_id", "Replace a Network ACL"),
        (Delete, "delete_network-acls_by_id", "Delete a Network ACL"),
    ],
    ..Family::new("network_acl", IdForm::Prefixed("acl_", 22), |_| Inexistent::NetworkAcl.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &NETWORK_ACLS);
    table.read("get_network-acls_by_id", get);
}

/// Only this answer also says whose the list is.
async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut found = find(&NETWORK_ACLS, &context, &request).await?.body;
    found["tenant_id"] = context.origin.host().into();
    Ok(Answer::ok(found))
}
