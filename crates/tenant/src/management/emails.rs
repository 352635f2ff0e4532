//! Who sends the tenant's mails, and what they say.

use callboard_contract::{ErrorBody, Inexistent};
use serde_json::json;

use super::generic::{
    self, Change, Family, IdForm, Singleton, Verb, singleton::Fresh, singleton::Verb as Act,
    singleton_behaviours,
};
use crate::pipeline::Table;

static PROVIDER: Singleton = Singleton {
    fresh: Fresh::Missing(|| Inexistent::EmailProvider.into()),
    patch: Change::Merge,
    exists: "The email provider already exists.",
    hidden: &[
        "credentials.api_key",
        "credentials.accessKeyId",
        "credentials.secretAccessKey",
        "credentials.smtp_pass",
        "credentials.connectionString",
        "credentials.clientSecret",
    ],
    routes: &[
        (Act::Create, "post_provider", "Configure the email provider"),
        (Act::Read, "get_provider", ""),
        (Act::Patch, "patch_provider", "Update the email provider"),
        (Act::Delete, "delete_provider", "Delete the email provider"),
    ],
    ..Singleton::new("email_provider", |_, _| json!({}))
};

static TEMPLATES: Family = Family {
    id_field: "template",
    path_id: "templateName",
    stamped: false,
    exists: |name| ErrorBody::new(409, format!("Template {name} already exists.")),
    routes: &[
        (Verb::Create, "post_email-templates", "Create an email template"),
        (Verb::Read, "get_email-templates_by_templateName", ""),
        (Verb::Merge, "patch_email-templates_by_templateName", "Patch an email template"),
        (Verb::Replace, "put_email-templates_by_templateName", "Update an email template"),
    ],
    ..Family::new("email_template", IdForm::Chosen, |_| Inexistent::EmailTemplate.into())
};

pub(super) fn behaviours(table: &mut Table) {
    singleton_behaviours(table, &PROVIDER);
    generic::behaviours(table, &TEMPLATES);
}
