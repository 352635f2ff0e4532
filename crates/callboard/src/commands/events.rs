//! `callboard events …`

use callboard_console::wire::{DeliveredEvent, Delivery};

use crate::autopilot::Purpose;
use crate::cli::Events;
use crate::given;
use crate::output::Output;
use crate::server::Server;

pub(super) async fn run(command: Events, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Events::Post { file, place } => {
            let events = given::document(&file)?;
            let server = Server::find(&place, Purpose::Drive).await?;
            let delivery = server.post::<Delivery>(&["events"], &events).await;
            server.leave().await?;
            tell(&delivery?, output)
        }
    }
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
