//! `callboard triggers …`

use callboard_console::wire::{FeedStatus, TriggerStatus, Triggers as All};

use crate::autopilot::Purpose;
use crate::cli::Triggers;
use crate::output::{BOLD, Output};
use crate::server::Server;

pub(super) async fn run(command: Triggers, output: &mut Output) -> anyhow::Result<()> {
    let Triggers::List { place } = command;
    let server = Server::find(&place, Purpose::Look).await?;
    let found = server.get::<All>(&["triggers"]).await;
    server.leave().await?;
    let found = found?;
    if output.json() {
        return output.document(&found);
    }
    let row = |trigger: &TriggerStatus| {
        vec![
            format!("{}/{}", trigger.app, trigger.trigger),
            trigger.webhook.clone(),
            trigger.starts.join(", "),
            trigger.last_event_at.map(|at| at.to_string()).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = found.triggers.iter().map(row).collect();
    output.table(&["trigger", "webhook", "starts", "last event"], &rows, "no triggers");
    for feed in found.triggers.iter().flat_map(|trigger| &trigger.feeds) {
        tell(feed, output);
    }
    for condition in &found.conditions {
        output.line(&format!(
            "{BOLD}{}{BOLD:#} begins with {}; gathering for {}",
            condition.workflow, condition.says, condition.keys
        ));
    }
    Ok(())
}

/// How a feed does, and what must not be overlooked.
fn tell(feed: &FeedStatus, output: &mut Output) {
    let FeedStatus { kind, tenant, links, .. } = feed;
    let state = match (feed.wanted, feed.lag_seconds) {
        (false, _) => "rests: nobody wants its events".to_owned(),
        (true, None) => "was not read yet".to_owned(),
        (true, Some(lag)) => format!("was read {lag} s ago, {} events so far", feed.events),
    };
    output.line(&format!("{BOLD}{kind}{BOLD:#} of {tenant} ({}) {state}", links.join(", ")));
    if let Some(trouble) = &feed.trouble {
        output.line(&format!("  trouble since {}: {}", trouble.since, trouble.why));
    }
    if let Some(gap) = &feed.gap {
        let text = |at: &Option<jiff::Timestamp>| at.map_or("?".into(), |at| at.to_string());
        let (after, until) = (text(&gap.after), text(&gap.until));
        output.line(&format!("  events from {after} to {until} may be lost: {}", gap.why));
    }
}
