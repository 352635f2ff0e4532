//! What must be true in the end, asked of the tenant and the stand-ins, never of the autopilot alone.

use http::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::users_by_email;
use crate::stage::{Answer, Employee, Stage, created};

/// One statement and whether it holds.
pub(super) struct Check {
    pub(super) statement: String,
    /// `Err` says what was found instead.
    pub(super) found: Result<(), String>,
}

impl Check {
    fn new(statement: impl Into<String>, found: Result<(), String>) -> Self {
        Self { statement: statement.into(), found }
    }

    fn equal(statement: impl Into<String>, found: &Value, wanted: &Value) -> Self {
        let found =
            if found == wanted { Ok(()) } else { Err(format!("found {found}, wanted {wanted}")) };
        Self::new(statement, found)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"statement": self.statement, "ok": self.found.is_ok(), "found": self.found.as_ref().err()})
    }
}

pub(super) async fn all(
    stage: &Stage,
    cast: &Cast,
    deliveries: &[Answer],
    runs: &[Value],
) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let statuses: Vec<&Value> = runs.iter().map(|run| &run["status"]).collect();
    checks.push(Check::equal(
        "three runs, all completed",
        &json!(statuses),
        &json!(["completed", "completed", "completed"]),
    ));
    checks.push(duplicate(deliveries));
    checks.push(forged(stage, cast).await?);
    for employee in cast.all() {
        checks.extend(account(stage, employee).await?);
    }
    checks.extend(tracker(stage).await?);
    checks.extend(messages(stage, cast).await?);
    checks.extend(invitations(stage, cast, runs).await?);
    Ok(checks)
}

fn duplicate(deliveries: &[Answer]) -> Check {
    let of = |(_, delivery): &Answer, name: &str| -> Vec<Value> {
        delivery["events"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| event[name].clone())
            .collect()
    };
    let again = &deliveries[1];
    let found = json!({"duplicate": of(again, "duplicate"), "same runs": of(again, "runs") == of(&deliveries[0], "runs")});
    let wanted = json!({"duplicate": [true, true], "same runs": true});
    Check::equal("the webhook that came twice was recognised and started nothing", &found, &wanted)
}

async fn forged(stage: &Stage, cast: &Cast) -> anyhow::Result<Check> {
    let now = (crate::world::clock())();
    let delivery = created(&[&cast.engineer], now, "somebody else's key");
    let (status, _) = stage.deliver(&delivery).await?;
    Ok(Check::equal("a webhook with a wrong signature is refused", &json!(status), &json!(401)))
}

async fn account(stage: &Stage, employee: &Employee) -> anyhow::Result<Vec<Check>> {
    let name = &employee.name.0;
    let users = users_by_email(stage, &employee.work_email).await?;
    let mut checks = vec![Check::equal(
        format!("{name} has exactly one account"),
        &json!(users.len()),
        &json!(1),
    )];
    let Some(user) = users.first() else { return Ok(checks) };
    let metadata = &user["app_metadata"];
    let found: Vec<&Value> = ["department", "job_level", "start_date", "employee_id"]
        .iter()
        .map(|key| &metadata[key])
        .collect();
    let wanted = json!([employee.department, employee.level, employee.hire_date, employee.id]);
    checks.push(Check::equal(
        format!("{name}'s app_metadata is what the HRIS says"),
        &json!(found),
        &wanted,
    ));
    let id = user["user_id"].as_str().unwrap_or_default().replace('|', "%7C");
    let roles = stage.management(Method::GET, &format!("/users/{id}/roles"), None).await?;
    let mut names: Vec<&str> =
        roles.as_array().into_iter().flatten().filter_map(|role| role["name"].as_str()).collect();
    names.sort_unstable();
    checks.push(Check::equal(
        format!("{name}'s roles follow from department and level"),
        &json!(names),
        &json!(Cast::roles(employee)),
    ));
    Ok(checks)
}

async fn tracker(stage: &Stage) -> anyhow::Result<Vec<Check>> {
    let rows = stage.rows("airtable", "records").await?;
    let mut found: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row["fields"]["Employee"].as_str().unwrap_or("?"),
                row["fields"]["Identity"].as_str().unwrap_or("?")
            )
        })
        .collect();
    found.sort_unstable();
    let wanted = json!(["101 created", "102 adopted", "103 created"]);
    let with_user = rows
        .iter()
        .all(|row| row["fields"]["User"].as_str().is_some_and(|user| user.starts_with("auth0|")));
    Ok(vec![
        Check::equal(
            "the tracker has one row each and says who was adopted",
            &json!(found),
            &wanted,
        ),
        Check::equal("every row names the user_id", &json!(with_user), &json!(true)),
    ])
}

async fn messages(stage: &Stage, cast: &Cast) -> anyhow::Result<Vec<Check>> {
    let messages = stage.rows("slack", "messages").await?;
    let channels = stage.rows("slack", "channels").await?;
    let it_ops =
        channels.iter().find(|channel| channel["name"] == "it-ops").map(|channel| &channel["id"]);
    let count = |employee: &Employee| {
        let about = |message: &&Value| {
            message["text"].as_str().is_some_and(|text| text.contains(&employee.name.1))
        };
        messages.iter().filter(|message| Some(&message["channel"]) == it_ops).filter(about).count()
    };
    let found: Vec<usize> = cast.all().into_iter().map(count).collect();
    Ok(vec![Check::equal("#it-ops heard of each hire once", &json!(found), &json!([1, 1, 1]))])
}

/// The link to set a password is in the mail to the private address, and nowhere in the history of the runs.
async fn invitations(stage: &Stage, cast: &Cast, runs: &[Value]) -> anyhow::Result<Vec<Check>> {
    let mails = stage.rows("resend", "emails").await?;
    let to: Vec<String> = mails.iter().map(|mail| addresses(&mail["to"])).collect();
    let wanted = json!([cast.engineer.home_email, cast.unknown_department.home_email]);
    let mut sorted = to.clone();
    sorted.sort_unstable();
    let mut checks = vec![Check::equal(
        "new hires, not the adopted one, were invited privately",
        &json!(sorted),
        &wanted,
    )];
    let tickets: Vec<String> =
        mails.iter().filter_map(|mail| ticket(mail["text"].as_str()?)).collect();
    let mut history = serde_json::to_string(runs)?;
    for run in runs {
        let path = format!("/v1/runs/{}/journal", run["id"].as_str().unwrap_or_default());
        history.push_str(&stage.expect(Method::GET, &path, None).await?.to_string());
    }
    let leaked = tickets.iter().filter(|ticket| history.contains(ticket.as_str())).count();
    checks.push(Check::equal(
        "each mail holds a ticket; no history does",
        &json!([tickets.len(), leaked]),
        &json!([2, 0]),
    ));
    Ok(checks)
}

fn addresses(to: &Value) -> String {
    match to {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// The secret part of the link in a mail.
fn ticket(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("ticket=")?;
    let secret: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (secret.len() >= 20).then_some(secret)
}
