//! Profiles that prepare something else: token exchange, user attributes, connections; and rate limit policies and
//! templates for verifiable credentials, which are kept the same way.

mod templates;

use callboard_contract::Inexistent;

use super::generic::{
    self, Family, IdForm, Repeated, Unique,
    Verb::{Create, Delete, List, Merge, Read},
};
use crate::pipeline::Table;

static TOKEN_EXCHANGE: Family = Family {
    unique: &[Unique {
        field: "subject_token_type",
        taken: "A token exchange profile with this subject_token_type already exists.",
    }],
    routes: &[
        (Create, "post_token-exchange-profiles", "Create a Token Exchange Profile"),
        (Read, "get_token-exchange-profiles_by_id", ""),
        (List, "get_token-exchange-profiles", ""),
        (Merge, "patch_token-exchange-profiles_by_id", "Update a Token Exchange Profile"),
        (Delete, "delete_token-exchange-profiles_by_id", "Delete a Token Exchange Profile"),
    ],
    ..Family::new("token_exchange_profile", IdForm::Prefixed("tep_", 16), |_| {
        Inexistent::TokenExchangeProfile.into()
    })
};

static USER_ATTRIBUTES: Family = Family {
    stamped: false,
    unique: &[Unique {
        field: "name",
        taken: "A user attribute profile with this name already exists.",
    }],
    routes: &[
        (Create, "post_user-attribute-profiles", "Create a User Attribute Profile"),
        (Read, "get_user-attribute-profiles_by_id", ""),
        (List, "get_user-attribute-profiles", ""),
        (Merge, "patch_user-attribute-profiles_by_id", "Update a User Attribute Profile"),
        (Delete, "delete_user-attribute-profiles_by_id", "Delete a User Attribute Profile"),
    ],
    ..Family::new("user_attribute_profile", IdForm::Prefixed("uap_", 22), |_| {
        Inexistent::UserAttributeProfile.into()
    })
};

static CONNECTIONS: Family = Family {
    stamped: false,
    routes: &[
        (Create, "post_connection-profiles", "Create a Connection Profile"),
        (Read, "get_connection-profiles_by_id", ""),
        (List, "get_connection-profiles", ""),
        (Merge, "patch_connection-profiles_by_id", "Update a Connection Profile"),
        (Delete, "delete_connection-profiles_by_id", "Delete a Connection Profile"),
    ],
    ..Family::new("connection_profile", IdForm::Prefixed("cop_", 22), |_| {
        Inexistent::Other("connection profile").into()
    })
};

static RATE_LIMIT_POLICIES: Family = Family {
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "post_rate-limit-policies", "Create a Rate Limit Policy"),
        (Read, "get_rate-limit-policies_by_id", ""),
        (List, "get_rate-limit-policies", ""),
        (Merge, "patch_rate-limit-policies_by_id", "Update a Rate Limit Policy"),
        (Delete, "delete_rate-limit-policies_by_id", "Delete a Rate Limit Policy"),
    ],
    ..Family::new("rate_limit_policy", IdForm::Prefixed("rlp_", 22), |_| {
        Inexistent::Other("rate limit policy").into()
    })
};

static CREDENTIAL_TEMPLATES: Family = Family {
    routes: &[
        (Create, "post_vc_templates", "Create a Verifiable Credential Template"),
        (Read, "get_vc_templates_by_id", ""),
        (List, "get_vc_templates", ""),
        (Merge, "patch_vc_templates_by_id", "Update a Verifiable Credential Template"),
        (Delete, "delete_vc_templates_by_id", "Delete a Verifiable Credential Template"),
    ],
    ..Family::new("credential_template", IdForm::Prefixed("vct_", 22), |_| {
        Inexistent::Other("template").into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    for family in [
        &TOKEN_EXCHANGE,
        &USER_ATTRIBUTES,
        &CONNECTIONS,
        &RATE_LIMIT_POLICIES,
        &CREDENTIAL_TEMPLATES,
    ] {
        generic::behaviours(table, family);
    }
    templates::behaviours(table);
}
