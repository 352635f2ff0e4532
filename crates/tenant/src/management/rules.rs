//! Rules and their settings, which the API still keeps although new tenants do without them.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::json;

use super::generic::{
    self, Family, Fields, IdForm, Occasion, Unique,
    Verb::{Create, Delete, List, Merge, Put, Read},
};
use crate::pipeline::{Context, Table};

static RULES: Family = Family {
    fresh: |_| json!({"enabled": true, "stage": "login_success"}),
    arrange: place,
    stamped: false,
    unique: &[Unique { field: "name", taken: "A rule with the same name already exists" }],
    routes: &[
        (Create, "post_rules", "Create a Rule"),
        (Read, "get_rules_by_id", ""),
        (List, "get_rules", ""),
        (Merge, "patch_rules_by_id", "Update a Rule"),
        (Delete, "delete_rules_by_id", "Delete a Rule"),
    ],
    ..Family::new("rule", IdForm::Prefixed("rul_", 16), |_| Inexistent::Rule.into())
};

static SETTINGS: Family = Family {
    id_field: "key",
    path_id: "key",
    stamped: false,
    summary: &["key"],
    routes: &[
        (List, "get_rules-configs", ""),
        (Put, "put_rules-configs_by_key", "Set a Rules Config"),
        (Delete, "delete_rules-configs_by_key", "Delete a Rules Config"),
    ],
    ..Family::new("rules_config", IdForm::Chosen, |_| ErrorBody::no_route())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &RULES);
    generic::behaviours(table, &SETTINGS);
}

/// A new rule runs after the others.
fn place(_: &Context, occasion: Occasion<'_>, rule: &mut Fields) {
    if let Occasion::Creation { others } = occasion {
        rule.entry("order").or_insert_with(|| (others + 1).into());
    }
}
