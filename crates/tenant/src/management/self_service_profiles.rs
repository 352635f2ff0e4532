//! Self-service profiles: what a customer's administrator may set up alone, the texts of that, and tickets for it.

mod tickets;

use callboard_contract::Inexistent;
use serde_json::json;

use super::generic::{
    self, Family, IdForm, Singleton, Verb, singleton::Verb as Act, singleton_behaviours,
};
use crate::pipeline::Table;

static PROFILES: Family = Family {
    routes: &[
        (Verb::Create, "post_self-service-profiles", "Create a self-service profile"),
        (Verb::Read, "get_self-service-profiles_by_id", ""),
        (Verb::List, "get_self-service-profiles", ""),
        (Verb::Merge, "patch_self-service-profiles_by_id", "Update a self-service profile"),
        (Verb::Delete, "delete_self-service-profiles_by_id", "Delete a self-service profile"),
    ],
    ..Family::new("self_service_profile", IdForm::Prefixed("ssp_", 22), |id| {
        Inexistent::SelfServiceProfile(id).into()
    })
};

/// One for each profile, language and page.
static TEXTS: Singleton = Singleton {
    routes: &[
        (Act::Read, "get_self_service_profile_custom_text", ""),
        (
            Act::Put,
            "put_self_service_profile_custom_text",
            "Set custom text of a self-service profile",
        ),
    ],
    ..Singleton::new("self_service_profile_text", |_, _| json!({}))
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &PROFILES);
    singleton_behaviours(table, &TEXTS);
    tickets::behaviours(table);
}
