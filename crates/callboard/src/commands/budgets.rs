//! `callboard budgets`

use callboard_console::wire::{Budget, Budgets};

use crate::autopilot::Purpose;
use crate::cli;
use crate::output::Output;
use crate::server::Server;

/// How wide a gauge is drawn.
const WIDTH: u64 = 20;

pub(super) async fn run(arguments: cli::Budgets, output: &mut Output) -> anyhow::Result<()> {
    let server = Server::find(&arguments.place, Purpose::Look).await?;
    let budgets = server.get::<Budgets>(&["budgets"]).await;
    server.leave().await?;
    let budgets = budgets?;
    if output.json() {
        return output.document(&budgets);
    }
    let rows: Vec<Vec<String>> = budgets.budgets.iter().map(row).collect();
    output.table(
        &["tenant", "calls", "left", "", "reserve", "per second", "under way", "waiting"],
        &rows,
        "no tenant has told its rate limits yet",
    );
    Ok(())
}

fn row(budget: &Budget) -> Vec<String> {
    let waiting = budget.waiting;
    let waiting = [(waiting.urgent, "urgent"), (waiting.normal, "normal"), (waiting.bulk, "bulk")];
    let waiting: Vec<String> = waiting
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, priority)| format!("{count} {priority}"))
        .collect();
    let blocked = budget.blocked_until.map(|until| format!("refused until {until}"));
    vec![
        budget.tenant.clone(),
        budget.calls.join(", "),
        format!("{} of {}", budget.remaining, budget.limit),
        gauge(budget),
        budget.reserve.to_string(),
        format!("{:.1}", budget.per_second),
        budget.under_way.to_string(),
        waiting.into_iter().chain(blocked).collect::<Vec<_>>().join(", "),
    ]
}

/// What is left, and of that what is kept: `[####====......]`.
fn gauge(budget: &Budget) -> String {
    let limit = u64::from(budget.limit).max(1);
    let part = |calls: u32| (u64::from(calls) * WIDTH).div_ceil(limit).min(WIDTH);
    let (left, kept) = (part(budget.remaining), part(budget.reserve.min(budget.remaining)));
    let cell = |place| match place {
        place if place < kept => '=',
        place if place < left => '#',
        _ => '.',
    };
    format!("[{}]", (0..WIDTH).map(cell).collect::<String>())
}
