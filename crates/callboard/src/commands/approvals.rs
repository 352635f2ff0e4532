//! `callboard approvals …`

use callboard_console::wire::{Approval, ApprovalAnswer, Approvals as All};
use serde_json::Value;

use super::run::second;
use crate::autopilot::Purpose;
use crate::cli::Approvals;
use crate::output::{BAD, BOLD, DIM, GOOD, Output};
use crate::server::Server;

pub(super) async fn run(command: Approvals, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Approvals::List { all, limit, cursor, place } => {
            let mut query = vec![("all", all.to_string()), ("limit", limit.to_string())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let server = Server::find(&place, Purpose::Look).await?;
            let found = server.query::<All>(&["approvals"], &query).await;
            server.leave().await?;
            list(&found?, output)
        }
        Approvals::Show { id, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let found = server.get::<Approval>(&["approvals", &id]).await;
            server.leave().await?;
            show(&found?, output)
        }
        Approvals::Answer { id, verdict, reason, round, place } => {
            let answer = ApprovalAnswer { approve: verdict.approve, reason, round };
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            let answered = server.post::<Approval>(&["approvals", &id, "answer"], &answer).await;
            server.leave().await?;
            show(&answered?, output)
        }
    }
}

fn list(found: &All, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(found);
    }
    let row = |approval: &Approval| {
        vec![
            approval.id.clone(),
            approval.state.clone(),
            approval.workflow.clone(),
            second(approval.asked_at),
            approval.deadline.map(second).unwrap_or_default(),
            approval.question.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = found.approvals.iter().map(row).collect();
    let head = ["approval", "state", "workflow", "asked", "until", "question"];
    output.table(&head, &rows, "nobody is asked anything");
    output.more(found.next.as_deref(), "--cursor");
    Ok(())
}

fn show(approval: &Approval, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(approval);
    }
    let style = match approval.state.as_str() {
        "approved" => GOOD,
        "rejected" | "expired" => BAD,
        _ => BOLD,
    };
    output.line(&format!("{BOLD}{}{BOLD:#}", approval.question));
    output.line(&format!("{style}{}{style:#}  {}", approval.state, approval.url));
    output.line(&format!(
        "{DIM}asked {} by {} of {}{}{DIM:#}",
        second(approval.asked_at),
        approval.workflow,
        asked_of(approval),
        approval.deadline.map(|until| format!(", until {}", second(until))).unwrap_or_default(),
    ));
    for (name, value) in [("evidence", &approval.evidence), ("about", &approval.seen)] {
        if *value != Value::Null {
            output.line(&format!("{DIM}{name}{DIM:#} {}", serde_json::to_string_pretty(value)?));
        }
    }
    for given in &approval.answers {
        let word = if given.approve { "yes" } else { "no" };
        let reason = given.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        output.line(&format!("  {} said {word} at {}{reason}", given.by, second(given.at)));
    }
    Ok(())
}

fn asked_of(approval: &Approval) -> String {
    let groups = approval.from.groups.iter().map(|group| format!("group {group}"));
    let all: Vec<String> = approval.from.people.iter().cloned().chain(groups).collect();
    let mut text = if all.is_empty() { "every approver".to_owned() } else { all.join(", ") };
    if approval.four_eyes {
        text.push_str(" (not of who asked for the run)");
    }
    text
}
