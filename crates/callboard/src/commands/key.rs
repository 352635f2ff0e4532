//! `callboard key …`

use callboard_console::wire::{Key as Shown, KeyRequest, Keys as All, NewKey};
use serde_json::json;

use crate::autopilot::Purpose;
use crate::cli::Keys;
use crate::output::{BOLD, Output};
use crate::server::Server;

pub(super) async fn run(command: Keys, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Keys::Add { name, person, role, groups, place } => {
            let groups = groups.into_iter().collect();
            let request = KeyRequest { name, person, groups, role };
            let server = Server::find(&place, Purpose::Look).await?;
            let made = server.post::<NewKey>(&["keys"], &request).await;
            server.leave().await?;
            let made = made?;
            if output.json() {
                return output.document(&made);
            }
            output.line(&made.key);
            output.note(&format!(
                "the key {BOLD}{}{BOLD:#} is shown this once; its holder sets CALLBOARD_API_KEY to it",
                made.name
            ));
            Ok(())
        }
        Keys::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let keys = server.get::<All>(&["keys"]).await;
            server.leave().await?;
            let keys = keys?;
            if output.json() {
                return output.document(&keys);
            }
            let row = |key: &Shown| {
                let groups: Vec<&str> = key.groups.iter().map(String::as_str).collect();
                vec![key.name.clone(), key.person.clone(), key.role.clone(), groups.join(", ")]
            };
            let rows: Vec<Vec<String>> = keys.keys.iter().map(row).collect();
            output.table(&["key", "person", "role", "groups"], &rows, "no keys");
            Ok(())
        }
        Keys::Revoke { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let revoked = server.delete(&["keys", &name]).await;
            server.leave().await?;
            revoked?;
            if output.json() {
                return output.document(&json!({ "revoked": name }));
            }
            output.note(&format!("the key {name} counts no longer"));
            Ok(())
        }
    }
}
