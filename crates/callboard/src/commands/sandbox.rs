//! `callboard sandbox`

use std::sync::Arc;

use callboard_sandbox::{Options, Sandbox as Server};
use serde_json::json;

use crate::autopilot;
use crate::cli::Sandbox;
use crate::output::Output;
use crate::world;

pub(super) async fn run(arguments: Sandbox, output: &mut Output) -> anyhow::Result<()> {
    let listener = world::listen(arguments.listen).await?;
    let catalogue = Arc::new(autopilot::catalogue(arguments.apps.as_deref())?);
    let options = Options::new(world::clock());
    let shutdown = options.shutdown.clone();
    let sandbox = Server::start(listener, catalogue, options)?;
    output.json_line(&json!({"ready": true, "url": sandbox.url()}))?;
    world::stop().await;
    shutdown.cancel();
    sandbox.wait().await;
    Ok(())
}
