//! Prompts: the login experience, its texts by language, partials, and how each screen is rendered.

mod rendering;

use serde_json::{Value, json};

use super::generic::{
    Fields, Singleton,
    singleton::Verb::{Patch, Put, Read},
    singleton_behaviours,
};
use crate::pipeline::{Context, Table};

static SETTINGS: Singleton = Singleton {
    routes: &[(Read, "get_prompts", ""), (Patch, "patch_prompts", "Update prompts settings")],
    ..Singleton::new(
        "prompts",
        |_, _| json!({"universal_login_experience": "new", "identifier_first": false, "webauthn_platform_first_factor": false}),
    )
};

static MFA_PUSH: Singleton = Singleton {
    routes: &[
        (Read, "get_prompts_mfa_push", ""),
        (Patch, "patch_prompts_mfa_push", "Update the push prompt's settings"),
    ],
    ..Singleton::new("prompts_mfa_push", |_, _| json!({}))
};

/// One for each prompt and language.
static CUSTOM_TEXTS: Singleton = Singleton {
    arrange: drop_empty,
    routes: &[
        (Read, "get_custom-text_by_language", ""),
        (Put, "put_custom-text_by_language", "Set custom text for a specific prompt"),
    ],
    ..Singleton::new("prompt_custom_text", |_, _| json!({}))
};

/// One for each prompt.
static PARTIALS: Singleton = Singleton {
    arrange: drop_empty,
    routes: &[(Read, "get_partials", ""), (Put, "put_partials", "Set partials for a prompt")],
    ..Singleton::new("prompt_partials", |_, _| json!({}))
};

pub(super) fn behaviours(table: &mut Table) {
    for singleton in [&SETTINGS, &MFA_PUSH, &CUSTOM_TEXTS, &PARTIALS] {
        singleton_behaviours(table, singleton);
    }
    rendering::behaviours(table);
}

/// A screen for which nothing is said is not kept.
fn drop_empty(_: &Context, screens: &mut Fields) {
    screens.retain(|_, screen| !matches!(screen, Value::Object(texts) if texts.is_empty()));
}
