//! `/flows/vault/connections`: credentials that flows use. They are kept, never shown, and recognised by a fingerprint.

use callboard_contract::Inexistent;
use serde_json::{Value, json};

use crate::management::generic::{
    self, Family, Fields, IdForm, Occasion, Repeated,
    Verb::{Create, Delete, List, Merge, Read},
};
use crate::pipeline::{Context, Table};

static CONNECTIONS: Family = Family {
    fresh: |context| json!({"ready": false, "fingerprint": context.tenant.random().hex(32)}),
    arrange,
    hidden: &["setup"],
    repeated_delete: Repeated::NotFound,
    routes: &[
        (Create, "post_flows_vault_connections", "Create a Flows Vault connection"),
        (Read, "get_flows_vault_connections_by_id", ""),
        (List, "get_flows_vault_connections", ""),
        (Merge, "patch_flows_vault_connections_by_id", "Update a Flows Vault connection"),
        (Delete, "delete_flows_vault_connections_by_id", "Delete a Flows Vault connection"),
    ],
    ..Family::new("vault_connection", IdForm::Prefixed("ac_", 22), |_| {
        Inexistent::VaultConnection.into()
    })
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &CONNECTIONS);
}

/// A connection is ready once it has its credentials; the account's name shows their first and last characters.
fn arrange(context: &Context, occasion: Occasion<'_>, connection: &mut Fields) {
    let is_sent = match occasion {
        Occasion::Creation { .. } => true,
        Occasion::Change { sent, .. } => sent.contains_key("setup"),
    };
    let Some(setup) = connection.get("setup").filter(|_| is_sent) else { return };
    let account = account_name(setup);
    connection.insert("ready".into(), true.into());
    connection.insert("fingerprint".into(), context.tenant.random().hex(32).into());
    if let Some(account) = account {
        connection.insert("account_name".into(), account.into());
    }
}

fn account_name(setup: &Value) -> Option<String> {
    let (label, secret) = match setup["type"].as_str()? {
        "BEARER" => ("Bearer", setup["token"].as_str()?),
        "API_KEY" => ("API key", setup["api_key"].as_str().or_else(|| setup["value"].as_str())?),
        _ => return None,
    };
    let characters: Vec<char> = secret.chars().collect();
    let shown = characters.len().min(3);
    let first: String = characters.iter().take(shown).collect();
    let last: String = characters.iter().skip(characters.len() - shown).collect();
    Some(format!("{label} {first}***{last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_shows_no_more_than_the_ends_of_its_secret() {
        for (setup, name) in [
            (json!({"type": "BEARER", "token": "my-token"}), Some("Bearer my-***ken")),
            (json!({"type": "OAUTH_CODE", "code": "x"}), None),
        ] {
            assert_eq!(account_name(&setup).as_deref(), name, "{setup}");
        }
    }
}
