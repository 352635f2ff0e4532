//! The templates from which profiles are made. They are the service's own and cannot be changed.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Request, Table};

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_user_attribute_profile_templates", |_, _| async {
        Ok(Answer::ok(json!({"user_attribute_profile_templates": [user_attributes()]})))
    });
    table.read("get_user_attribute_profile_template", |_, request| async move {
        one(&request, user_attributes())
    });
    table.read("get_connection_profile_templates", |_, _| async {
        Ok(Answer::ok(json!({"connection_profile_templates": [enterprise()]})))
    });
    table.read("get_connection_profile_template", |_, request| async move {
        one(&request, enterprise())
    });
}

fn one(request: &Request, template: Value) -> Result<Answer, ApiError> {
    if template["id"] == *request.id() {
        return Ok(Answer::ok(template));
    }
    Err(Inexistent::Other("template").into())
}

/// Names, address and picture as enterprise identity providers send them.
fn user_attributes() -> Value {
    let attribute = |label: &str, claim: &str, saml: &str, scim: &str| {
        json!({
            "description": label, "label": label, "profile_required": claim == "email", "auth0_mapping": claim,
            "oidc_mapping": {"mapping": format!("${{context.tokenset.{claim}}}"), "display_name": claim},
            "saml_mapping": [format!("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/{saml}")],
            "scim_mapping": scim,
        })
    };
    json!({
        "id": "standard",
        "display_name": "Standard",
        "template": {
            "name": "standard",
            "user_id": {"oidc_mapping": "sub", "scim_mapping": "externalId", "saml_mapping": [
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
            ]},
            "user_attributes": {
                "email": attribute("Email", "email", "emailaddress", "emails[primary eq true].value"),
                "given_name": attribute("Given Name", "given_name", "givenname", "name.givenName"),
                "family_name": attribute("Family Name", "family_name", "surname", "name.familyName"),
            },
        },
    })
}

fn enterprise() -> Value {
    json!({
        "id": "enterprise",
        "display_name": "Enterprise",
        "template": {
            "name": "enterprise",
            "organization": {"show_as_button": "required", "assign_membership_on_login": "required"},
            "connection_name_prefix_template": "con-{org_name}-",
            "enabled_features": ["scim", "universal_logout"],
            "connection_config": {},
            "strategy_overrides": {},
        },
    })
}
