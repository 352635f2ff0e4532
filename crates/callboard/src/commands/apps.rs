//! `callboard apps …`

use callboard_console::wire::{App, Apps as All};

use crate::autopilot::Purpose;
use crate::cli::Apps;
use crate::output::Output;
use crate::server::Server;

pub(super) async fn run(command: Apps, output: &mut Output) -> anyhow::Result<()> {
    let Apps::List { place } = command;
    let server = Server::find(&place, Purpose::Look).await?;
    let found = server.get::<All>(&["apps"]).await;
    server.leave().await?;
    let found = found?;
    if output.json() {
        return output.document(&found);
    }
    let row = |app: &App| {
        let settings = app.settings["properties"].as_object();
        let settings: Vec<&str> =
            settings.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let secrets: Vec<&str> = app.secrets.iter().map(|secret| secret.name.as_str()).collect();
        let title = app.title.clone();
        vec![
            app.name.clone(),
            settings.join(", "),
            secrets.join(", "),
            app.triggers.join(", "),
            title,
        ]
    };
    let rows: Vec<Vec<String>> = found.apps.iter().map(row).collect();
    output.table(&["app", "settings", "secrets", "webhooks", "title"], &rows, "no apps");
    Ok(())
}
