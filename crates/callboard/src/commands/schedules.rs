//! `callboard schedules …`

use callboard_console::wire::{
    Backfill, Backfilled, Instant, MadeUp, Occurrence, Schedule, ScheduleDetail, Schedules as All,
};
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Map, json};

use crate::autopilot::Purpose;
use crate::cli::Schedules;
use crate::exit::{Code, Failure};
use crate::output::{BOLD, DIM, DOUBT, Output};
use crate::server::Server;

pub(super) async fn run(command: Schedules, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Schedules::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let schedules = server.get::<All>(&["schedules"]).await;
            server.leave().await?;
            list(&schedules?, output)
        }
        Schedules::Show { workflow, last, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let detail = detail(&server, &workflow, 5, last).await;
            server.leave().await?;
            show(&detail?, output)
        }
        Schedules::Next { workflow, count, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let detail = detail(&server, &workflow, count, 0).await;
            server.leave().await?;
            next(&detail?, output)
        }
        Schedules::Pause { workflow, place } => {
            let server = Server::find_as_person(&place, Purpose::Look).await?;
            let paused = ask::<Schedule>(&server, &workflow, "pause").await;
            server.leave().await?;
            let note = format!("{workflow} begins nothing by the clock until it is resumed");
            changed(&paused?, &note, output)
        }
        Schedules::Resume { workflow, place } => {
            let server = Server::find_as_person(&place, Purpose::Look).await?;
            let resumed = ask::<Schedule>(&server, &workflow, "resume").await;
            server.leave().await?;
            let resumed = resumed?;
            let next = resumed.next_at.map(|at| format!("; next at {at}")).unwrap_or_default();
            changed(&resumed, &format!("{workflow} goes on{next}"), output)
        }
        Schedules::Run { workflow, place } => {
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            let occurrence = ask::<Occurrence>(&server, &workflow, "run").await;
            server.leave().await?;
            begun(&occurrence?, output)
        }
        Schedules::Backfill { workflow, from, until, place } => {
            let server = Server::find_as_person(&place, Purpose::Drive).await?;
            let made_up = backfill(&server, &workflow, &from, &until).await;
            server.leave().await?;
            backfilled(&made_up?, output)
        }
    }
}

async fn detail(
    server: &Server,
    workflow: &str,
    next: u32,
    last: u32,
) -> anyhow::Result<ScheduleDetail> {
    let query = [("next", next.to_string()), ("last", last.to_string())];
    server.query(&["schedules", workflow], &query).await
}

async fn ask<T: serde::de::DeserializeOwned>(
    server: &Server,
    workflow: &str,
    what: &str,
) -> anyhow::Result<T> {
    server.post(&["schedules", workflow, what], &Map::new()).await
}

async fn backfill(
    server: &Server,
    workflow: &str,
    from: &str,
    until: &str,
) -> anyhow::Result<Backfilled> {
    let zone = detail(server, workflow, 0, 0).await?.schedule.timezone;
    let zone = TimeZone::get(&zone)?;
    let window = Backfill {
        from: instant("--from", from, &zone, Edge::First)?,
        until: instant("--until", until, &zone, Edge::Last)?,
    };
    server.post(&["schedules", workflow, "backfill"], &window).await
}

/// Which end of a day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// An instant, or the beginning or end of a day in the schedule's own zone.
fn instant(flag: &str, text: &str, zone: &TimeZone, edge: Edge) -> anyhow::Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let at = if edge == Edge::First { time(0, 0, 0, 0) } else { time(23, 59, 59, 999_999_999) };
    let day = text.parse::<Date>().ok();
    let found = day.and_then(|day| zone.to_timestamp(day.to_datetime(at)).ok());
    found.ok_or_else(|| {
        let message = format!(
            "{flag} {text} is no instant; write 2026-03-01T06:00:00Z, or a day like 2026-03-01"
        );
        Failure::new(Code::Usage, message).into()
    })
}

fn list(schedules: &All, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(schedules);
    }
    let row = |schedule: &Schedule| {
        let next = match (&schedule.paused, schedule.next_at) {
            (Some(_), _) => "paused".to_owned(),
            (None, Some(at)) => at.to_string(),
            (None, None) => "when its run has ended".to_owned(),
        };
        let last = schedule.last.as_ref().map(|last| format!("{} {}", last.planned_at, last.state));
        vec![schedule.workflow.clone(), schedule.plan.clone(), next, last.unwrap_or_default()]
    };
    let rows: Vec<Vec<String>> = schedules.schedules.iter().map(row).collect();
    output.table(
        &["workflow", "plan", "next", "last"],
        &rows,
        "no schedule counts yet; `callboard up` begins those of the library (`schedule.cron`, `every`, `after`)",
    );
    Ok(())
}

fn show(detail: &ScheduleDetail, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(detail);
    }
    let schedule = &detail.schedule;
    let title = schedule.title.as_ref().map(|title| format!(" — {title}")).unwrap_or_default();
    output.line(&format!("{BOLD}{}{BOLD:#}{title}", schedule.workflow));
    output.line(&format!("{DIM}plan{DIM:#}     {}", schedule.plan));
    if let Some(paused) = &schedule.paused {
        let (at, by) = (paused.at, &paused.by);
        output.line(&format!("{DOUBT}paused{DOUBT:#}   since {at} by {by}"));
    }
    for (index, instant) in detail.next.iter().enumerate() {
        let word = if index == 0 { "next" } else { "" };
        output.line(&format!("{DIM}{word:<8}{DIM:#} {}", spelled(&instant.local)));
    }
    for run in &schedule.running {
        output.line(&format!("{DIM}running{DIM:#}  {run}"));
    }
    if schedule.queued > 0 {
        output.line(&format!("{DIM}queued{DIM:#}   {}", schedule.queued));
    }
    output.line("");
    let rows: Vec<Vec<String>> = detail.occurrences.iter().map(occurrence).collect();
    output.table(&["planned", "", "run", "why"], &rows, "it has not begun by the clock yet");
    Ok(())
}

/// Planned (the first of many), state, run, why there is none.
fn occurrence(occurrence: &Occurrence) -> Vec<String> {
    let many = match (occurrence.last_at, occurrence.count) {
        (Some(_), Some(count)) if count > 1 => format!(" and {} more", count - 1),
        (Some(_), None) => " and more".to_owned(),
        _ => String::new(),
    };
    vec![
        format!("{}{many}", occurrence.planned_at),
        occurrence.state.clone(),
        occurrence.run.clone().unwrap_or_default(),
        occurrence.why.clone().unwrap_or_default(),
    ]
}

fn next(detail: &ScheduleDetail, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(&json!({ "next": detail.next }));
    }
    let row = |instant: &Instant| vec![spelled(&instant.local), instant.at.to_string()];
    let rows: Vec<Vec<String>> = detail.next.iter().map(row).collect();
    let nothing = match &detail.schedule.paused {
        Some(_) => "it is paused: callboard schedules resume NAME",
        None => "the next is planned when its run has ended",
    };
    output.table(&["local time", "utc"], &rows, nothing);
    Ok(())
}

/// `Sun 2026-03-29 03:00:00 +02:00`
fn spelled(local: &Zoned) -> String {
    local.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
}

fn changed(schedule: &Schedule, note: &str, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(schedule);
    }
    output.line(note);
    Ok(())
}

fn begun(occurrence: &Occurrence, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(occurrence);
    }
    match &occurrence.run {
        Some(run) => {
            output.line(run);
            output.note(&format!("watch it: callboard run watch {run}"));
        }
        None => output.line(occurrence.why.as_ref().unwrap_or(&occurrence.state)),
    }
    Ok(())
}

fn backfilled(made_up: &Backfilled, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(made_up);
    }
    let row = |made_up: &MadeUp| {
        let word = if made_up.earlier { "had begun before" } else { "begins" };
        let run = made_up.run.clone().unwrap_or_default();
        vec![made_up.planned_at.to_string(), word.to_owned(), run]
    };
    let rows: Vec<Vec<String>> = made_up.occurrences.iter().map(row).collect();
    output.table(&["planned", "", "run"], &rows, "nothing was planned in that window");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_meant_with_all_its_hours_in_the_schedules_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, edge, wanted) in [
            ("2026-03-29", Edge::First, "2026-03-28T23:00:00Z"),
            ("2026-03-29", Edge::Last, "2026-03-29T21:59:59.999999999Z"),
            ("2026-03-29T01:00:00Z", Edge::Last, "2026-03-29T01:00:00Z"),
            ("2026-03-29T03:00:00+02:00", Edge::First, "2026-03-29T01:00:00Z"),
        ] {
            let found = instant("--from", text, &berlin, edge).unwrap();
            assert_eq!(found, wanted.parse().unwrap(), "{text}");
        }
        let error = instant("--from", "yesterday", &berlin, Edge::First).unwrap_err();
        assert!(error.to_string().contains("--from yesterday is no instant"), "{error}");
    }
}
