//! How many people log in, counted from users and the log.

use std::collections::BTreeMap;

use callboard_contract::timestamps::to_wire;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::users;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Direction, LogSpan, Span};

/// Who has logged in within this many hours is active; days without limits reach as far back.
const WINDOW_HOURS: i64 = 30 * 24;
const CHUNK: u64 = 1_000;
/// Characters of the date in a time.
const DATE_LENGTH: usize = 10;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_active-users", active_users);
    table.read("get_daily", daily);
}

/// A bare number.
async fn active_users(context: Context, _request: Request) -> Result<Answer, ApiError> {
    let since = window_start(&context);
    let is_active =
        |user: &Value| user["last_login"].as_str().is_some_and(|login| *login >= *since);
    let (mut active, mut after) = (0, 0);
    loop {
        let chunk = context.store().list(users::KIND, Span::after(after, CHUNK)).await?;
        let Some(last) = chunk.last() else { return Ok(Answer::ok(active)) };
        after = last.position;
        active += chunk.iter().filter(|user| is_active(&user.body)).count();
    }
}

fn window_start(context: &Context) -> String {
    let start = context.now.saturating_sub(SignedDuration::from_hours(WINDOW_HOURS));
    to_wire(start.unwrap_or(jiff::Timestamp::MIN))
}

/// What happened on one day.
struct Day {
    logins: u64,
    signups: u64,
    leaked_passwords: u64,
    first: String,
    last: String,
}

/// Days on which nobody logged in or signed up are left out.
async fn daily(context: Context, request: Request) -> Result<Answer, ApiError> {
    let dashed =
        |text: &str| Some(format!("{}-{}-{}", text.get(..4)?, text.get(4..6)?, text.get(6..8)?));
    let from = request.query_text("from").and_then(dashed);
    let from = from.unwrap_or_else(|| window_start(&context).chars().take(DATE_LENGTH).collect());
    let to = request.query_text("to").and_then(dashed);
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    let mut past: Option<String> = None;
    loop {
        let span = LogSpan {
            direction: Direction::NewestFirst,
            past: past.as_deref(),
            user: None,
            limit: CHUNK,
        };
        let chunk = context.store().log_entries(span).await?;
        let Some(last) = chunk.last() else { break };
        past = Some(last.id.clone());
        let mut is_over = false;
        for entry in &chunk {
            let time = entry.body["date"].as_str().unwrap_or_default();
            let date: String = time.chars().take(DATE_LENGTH).collect();
            is_over = date < from;
            if !is_over && to.as_ref().is_none_or(|to| date <= *to) {
                count(&mut days, date, time, entry.body["type"].as_str().unwrap_or_default());
            }
        }
        if is_over {
            break;
        }
    }
    Ok(Answer::ok(days.into_iter().map(|(date, day)| day.shown(&date)).collect::<Vec<_>>()))
}

/// Entries come newest first.
fn count(days: &mut BTreeMap<String, Day>, date: String, time: &str, kind: &str) {
    if !matches!(kind, "s" | "ss" | "pwd_leak") {
        return;
    }
    let day = days.entry(date).or_insert_with(|| Day {
        logins: 0,
        signups: 0,
        leaked_passwords: 0,
        first: String::new(),
        last: time.to_owned(),
    });
    match kind {
        "s" => day.logins += 1,
        "ss" => day.signups += 1,
        _ => day.leaked_passwords += 1,
    }
    time.clone_into(&mut day.first);
}

impl Day {
    fn shown(&self, date: &str) -> Value {
        json!({
            "date": format!("{date}T00:00:00.000Z"),
            "created_at": self.first,
            "updated_at": self.last,
            "logins": self.logins,
            "signups": self.signups,
            "leaked_passwords": self.leaked_passwords,
        })
    }
}
