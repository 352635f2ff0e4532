//! Feature flags with their variations, segments, and experiments upon them.

mod experiments;

use callboard_contract::Inexistent;
use serde_json::json;

use super::generic::{
    self, Family, IdForm, Parent, Repeated, Unique,
    Verb::{Create, Delete, List, Merge, Read},
    find,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Kind, Transaction};

const FLAG: &str = "feature_flag";

static FLAGS: Family = Family {
    fresh: |_| json!({"type": "self", "status": "draft"}),
    unique: &[Unique { field: "name", taken: "A feature flag with this name already exists." }],
    children: &[&VARIATIONS],
    routes: &[
        (Create, "create_feature_flag", "Create a feature flag"),
        (Read, "get_feature_flag", ""),
        (List, "get_feature_flags", ""),
        (Merge, "update_feature_flag", "Update a feature flag"),
        (Delete, "delete_feature_flag", "Delete a feature flag"),
    ],
    ..Family::new(FLAG, IdForm::Base58("flg_", 22), |_| Inexistent::Other("feature flag").into())
};

static VARIATIONS: Family = Family {
    path_id: "vid",
    parent: Some(Parent {
        kind: Kind(FLAG),
        path_id: "id",
        field: "feature_flag_id",
        missing: |_| Inexistent::Other("feature flag").into(),
    }),
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "create_variation", "Create a variation"),
        (Read, "get_variation", ""),
        (List, "get_variations", ""),
        (Merge, "update_variation", "Update a variation"),
        (Delete, "delete_variation", "Delete a variation"),
    ],
    ..Family::new("variation", IdForm::Base58("var_", 22), |_| {
        Inexistent::Other("variation").into()
    })
};

static SEGMENTS: Family = Family {
    fresh: |_| json!({"type": "self"}),
    unique: &[Unique { field: "name", taken: "A segment with this name already exists." }],
    routes: &[
        (Create, "create_segment", "Create a segment"),
        (Read, "get_segment", ""),
        (List, "get_segments", ""),
        (Merge, "update_segment", "Update a segment"),
        (Delete, "delete_segment", "Delete a segment"),
    ],
    ..Family::new("segment", IdForm::Base58("seg_", 22), |_| Inexistent::Other("segment").into())
};

pub(super) fn behaviours(table: &mut Table) {
    for family in [&FLAGS, &VARIATIONS, &SEGMENTS] {
        generic::behaviours(table, family);
    }
    experiments::behaviours(table);
    table.write(
        "update_feature_flag_status",
        "Update the status of a feature flag",
        |context, request| set_status(&FLAGS, context, request),
    );
}

/// `POST …/status`
async fn set_status(
    family: &'static Family,
    context: Context,
    request: Request,
) -> Result<Answer, ApiError> {
    let found = find(family, &context, &request).await?;
    let mut thing = found.body;
    let status = request.body["status"].clone();
    match status.as_str() {
        Some("active") if thing.get("started_at").is_none() && family.kind != FLAGS.kind => {
            thing["started_at"] = context.timestamp().into();
        }
        Some("completed") => thing["ended_at"] = context.timestamp().into(),
        _ => {}
    }
    thing["status"] = status;
    thing["updated_at"] = context.timestamp().into();
    let keys = family.keys(&thing);
    let answer = Answer::ok(thing.clone());
    let change = Transaction::new().replace(family.kind, found.id, found.version, thing, keys);
    Ok(context.commit(change, answer).await?)
}
