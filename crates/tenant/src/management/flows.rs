//! Flows and forms: kept as they are drawn, not run. So a flow has no executions but those that something else records.

mod vault;

use callboard_contract::Inexistent;
use serde_json::json;

use super::generic::{
    self, Family, Fields, IdForm, Occasion, Parent, Repeated,
    Verb::{Create, Delete, List, Merge, Read},
};
use crate::pipeline::{Context, Table};
use crate::store::Kind;

const FLOW: &str = "flow";

static FLOWS: Family = Family {
    summary: &["id", "name", "created_at", "updated_at", "executed_at"],
    repeated_delete: Repeated::NotFound,
    children: &[&EXECUTIONS],
    routes: &[
        (Create, "post_flows", "Create a flow"),
        (Read, "get_flows_by_id", ""),
        (List, "get_flows", ""),
        (Merge, "patch_flows_by_id", "Update a flow"),
        (Delete, "delete_flows_by_id", "Delete a flow"),
    ],
    ..Family::new(FLOW, IdForm::Prefixed("af_", 22), |_| Inexistent::Flow.into())
};

static EXECUTIONS: Family = Family {
    path_id: "execution_id",
    parent: Some(Parent {
        kind: Kind(FLOW),
        path_id: "flow_id",
        field: "flow_id",
        missing: |_| Inexistent::Flow.into(),
    }),
    hidden: &["flow_id"],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Read, "get_flows_executions_by_execution_id", ""),
        (List, "get_flows_executions", ""),
        (Delete, "delete_flows_executions_by_execution_id", "Delete a flow execution"),
    ],
    ..Family::new("flow_execution", IdForm::Prefixed("ex_", 22), |_| Inexistent::Execution.into())
};

static FORMS: Family = Family {
    arrange: end,
    summary: &["id", "name", "created_at", "updated_at", "embedded_at", "submitted_at"],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "create_form", "Create a form"),
        (Read, "get_form", ""),
        (List, "get_forms", ""),
        (Merge, "patch_form", "Update a form"),
        (Delete, "delete_form", "Delete a form"),
    ],
    ..Family::new("form", IdForm::Prefixed("ap_", 22), |_| Inexistent::Form.into())
};

pub(super) fn behaviours(table: &mut Table) {
    for family in [&FLOWS, &EXECUTIONS, &FORMS] {
        generic::behaviours(table, family);
    }
    vault::behaviours(table);
}

/// A form that says nothing of its end lets the login go on.
fn end(_: &Context, _: Occasion<'_>, form: &mut Fields) {
    form.entry("ending").or_insert_with(|| json!({"resume_flow": true}));
}
