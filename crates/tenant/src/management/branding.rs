//! How the tenant's pages look: colours and logo, themes, the page template, and messages to telephones.

mod page_template;
mod phone;

use callboard_contract::Inexistent;
use serde_json::json;

use super::generic::{
    self, Family, IdForm, Repeated, Singleton, Verb, listed, singleton::Verb as Act,
    singleton_behaviours,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};

static BRANDING: Singleton = Singleton {
    routes: &[
        (Act::Read, "get_branding", ""),
        (Act::Patch, "patch_branding", "Update branding settings"),
    ],
    ..Singleton::new("branding", |_, _| json!({}))
};

static THEMES: Family = Family {
    id_field: "themeId",
    path_id: "themeId",
    stamped: false,
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Verb::Create, "post_branding_theme", "Create a branding theme"),
        (Verb::Merge, "patch_branding_theme", "Update a branding theme"),
        (Verb::Read, "get_branding_theme", ""),
    ],
    ..Family::new("branding_theme", IdForm::Prefixed("", 32), |_| {
        Inexistent::Theme("retrieving").into()
    })
};

/// The same themes; a deletion has words of its own.
static THEMES_TO_DELETE: Family = Family {
    path_id: "themeId",
    repeated_delete: Repeated::NotFound,
    routes: &[(Verb::Delete, "delete_branding_theme", "Delete a branding theme")],
    ..Family::new("branding_theme", IdForm::Prefixed("", 32), |_| {
        Inexistent::Theme("deleting").into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    singleton_behaviours(table, &BRANDING);
    generic::behaviours(table, &THEMES);
    generic::behaviours(table, &THEMES_TO_DELETE);
    table.read("get_default_branding_theme", default_theme);
    page_template::behaviours(table);
    phone::behaviours(table);
}

/// The oldest theme is the default one.
async fn default_theme(context: Context, request: Request) -> Result<Answer, ApiError> {
    let oldest = listed(&THEMES, &context, &request).await?.into_iter().next();
    oldest
        .map(|theme| Answer::ok(THEMES.shown(theme.body)))
        .ok_or_else(|| Inexistent::Theme("retrieving").into())
}
