//! Experiments: which share of the logins sees which variation.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::set_status;
use crate::management::generic::{
    self, Family, Fields, IdForm, Occasion, Unique,
    Verb::{Create, Delete, List, Merge, Read},
    find,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};

static EXPERIMENTS: Family = Family {
    fresh: |_| json!({"status": "draft"}),
    arrange: |_, _: Occasion<'_>, experiment: &mut Fields| {
        let is_valid = faults(experiment).is_empty();
        experiment.insert("is_valid".into(), is_valid.into());
    },
    unique: &[Unique { field: "name", taken: "An experiment with this name already exists." }],
    routes: &[
        (Create, "create_experiment", "Create an experiment"),
        (Read, "get_experiment", ""),
        (List, "get_experiments", ""),
        (Merge, "update_experiment", "Update an experiment"),
        (Delete, "delete_experiment", "Delete an experiment"),
    ],
    ..Family::new("experiment", IdForm::Base58("exp_", 22), |_| {
        Inexistent::Other("experiment").into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &EXPERIMENTS);
    table.read("validate_experiment", validate);
    table.write(
        "update_experiment_status",
        "Update the status of an experiment",
        |context, request| set_status(&EXPERIMENTS, context, request),
    );
}

async fn validate(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&EXPERIMENTS, &context, &request).await?;
    let faults = faults(&generic::fields_of(found.body));
    Ok(Answer::ok(json!({"is_valid": faults.is_empty(), "errors": faults})))
}

/// Shares have to add up to all logins.
fn faults(experiment: &Fields) -> Vec<Value> {
    let allocations = experiment.get("allocations").and_then(Value::as_array);
    let by_share = experiment.get("allocation_strategy").is_some_and(|by| by == "percentage");
    let shares = allocations.into_iter().flatten();
    let sum: f64 = shares
        .filter_map(|one| one.get("percentage").or_else(|| one.get("weight"))?.as_f64())
        .sum();
    if by_share && (sum - 100.0).abs() > 0.01 {
        return vec![
            json!({"code": "invalid_allocations", "message": "Percentages have to add up to 100."}),
        ];
    }
    Vec::new()
}
