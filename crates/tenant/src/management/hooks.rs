//! Hooks, the predecessors of Actions, and their secrets.

mod secrets;

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::generic::{
    self, Family, IdForm, Repeated,
    Verb::{Create, Delete, List, Merge, Read},
};
use crate::pipeline::Table;

/// The member in which a hook keeps its secrets.
const SECRETS: &str = "secrets";

static HOOKS: Family = Family {
    fresh: |_| json!({"dependencies": {}, "enabled": false}),
    arrange: |_, _, hook| {
        let name = hook.get("name").and_then(Value::as_str).map(in_kebab_case);
        hook.insert("name".into(), name.into());
    },
    hidden: &[SECRETS],
    stamped: false,
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "post_hooks", "Create a Hook"),
        (Read, "get_hooks_by_id", ""),
        (List, "get_hooks", ""),
        (Merge, "patch_hooks_by_id", "Update a Hook"),
        (Delete, "delete_hooks_by_id", "Delete a Hook"),
    ],
    ..Family::new("hook", IdForm::Ulid, |_| Inexistent::Hook.into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &HOOKS);
    secrets::behaviours(table);
}

/// Words and numbers of a name, in small letters, joined by hyphens.
fn in_kebab_case(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    let mut before: Option<char> = None;
    for character in name.chars() {
        let is_word = character.is_alphanumeric();
        let begins = before.is_none_or(|before| {
            !before.is_alphanumeric()
                || before.is_numeric() != character.is_numeric()
                || (before.is_lowercase() && character.is_uppercase())
        });
        if is_word && begins && !result.is_empty() {
            result.push('-');
        }
        if is_word {
            result.extend(character.to_lowercase());
        }
        before = Some(character);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_kebab_case() {
        for (name, stored) in [
            ("my-hook", "my-hook"),
            ("hook7", "hook-7"),
            ("My first Hook", "my-first-hook"),
            ("sendMail", "send-mail"),
        ] {
            assert_eq!(in_kebab_case(name), stored);
        }
    }
}
