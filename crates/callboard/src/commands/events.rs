//! `callboard events …`

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use callboard_console::wire::{DeliveredEvent, Delivery};
use serde_json::Value;

use crate::autopilot::Purpose;
use crate::cli::Events;
use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::server::Server;

pub(super) async fn run(command: Events, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Events::Post { file, place } => {
            let events = read(&file)?;
            let server = Server::find(&place, Purpose::Drive).await?;
            let delivery = server.post::<Delivery>(&["events"], &events).await;
            server.leave().await?;
            tell(&delivery?, output)
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the event from stdin")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    let (value, _) = callboard_flow::yaml::read(&text).map_err(|problem| {
        Failure::new(Code::Negative, problem.in_file(&file.display().to_string()).to_string())
    })?;
    Ok(value)
}

fn tell(delivery: &Delivery, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(delivery);
    }
    let row = |event: &DeliveredEvent| {
        let word = if event.duplicate { "known" } else { "new" };
        let runs = if event.runs.is_empty() { "none".to_owned() } else { event.runs.join(", ") };
        vec![event.event_type.clone(), event.subject.clone(), word.to_owned(), runs]
    };
    let rows: Vec<Vec<String>> = delivery.events.iter().map(row).collect();
    output.table(&["type", "subject", "", "runs started"], &rows, "no events");
    Ok(())
}
