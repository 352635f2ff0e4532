//! Roles of the tenant (organizations have their own).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{PER_PAGE, fixed};
use crate::{Listing, Paging};

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Example: `rol_PKBwUJhnyPwnGS3K`.
    pub id: String,
    /// Unique in the tenant.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// `GET /roles`: all roles, or those whose name contains `name` (whatever the case).
pub fn list(name: Option<&str>) -> Listing<Role> {
    let call = fixed("get_roles");
    let listing = Listing::new(call, "roles", Paging::Offset { per_page: PER_PAGE });
    match name {
        Some(name) => listing.with_query("name_filter", name),
        None => listing,
    }
}
