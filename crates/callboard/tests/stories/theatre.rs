//! A fresh stage for one test, and what every story asks of it.

use std::path::Path;

use callboard::stage::{Employee, Stage, created};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A stage and the folder that goes with it.
pub(crate) struct Theatre {
    pub(crate) stage: Stage,
    pub(crate) folder: TempDir,
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_callboard"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "webhooks are signed with the time of the machine that both ends share"
)]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

impl Theatre {
    /// Linked, with the roles of the company.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(binary(), folder.path()).await.unwrap();
        stage.link().await.unwrap();
        for name in ["employee", "engineering", "sales", "team-lead"] {
            stage.management(Method::POST, "/roles", Some(&json!({ "name": name }))).await.unwrap();
        }
        Self { stage, folder }
    }

    /// Announces one hire and gives the run that it started.
    pub(crate) async fn announce(&self, employee: &Employee) -> String {
        self.stage.employ(&[employee]).await.unwrap();
        let (status, delivery) = self
            .stage
            .deliver(&created(&[employee], now(), &self.stage.webhook_secret))
            .await
            .unwrap();
        assert_eq!(status, 202, "{delivery}");
        delivery["events"][0]["runs"][0].as_str().unwrap().to_owned()
    }

    /// How often the hire shows in each place, and with which roles.
    pub(crate) async fn traces(&self, employee: &Employee) -> Traces {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("email", &employee.work_email)
            .finish();
        let users = self
            .stage
            .management(Method::GET, &format!("/users-by-email?{query}"), None)
            .await
            .unwrap();
        let users = users.as_array().unwrap().clone();
        let mut roles = Vec::new();
        for user in &users {
            let id = user["user_id"].as_str().unwrap().replace('|', "%7C");
            let found = self
                .stage
                .management(Method::GET, &format!("/users/{id}/roles"), None)
                .await
                .unwrap();
            roles.extend(
                found
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|role| role["name"].as_str().unwrap().to_owned()),
            );
        }
        roles.sort_unstable();
        let rows = self.stage.rows("airtable", "records").await.unwrap();
        let messages = self.stage.rows("slack", "messages").await.unwrap();
        let mails = self.stage.rows("resend", "emails").await.unwrap();
        let speaks_of = |value: &&Value, text: &str| value.to_string().contains(text);
        Traces {
            users: users.len(),
            roles,
            rows: rows
                .iter()
                .filter(|row| row["fields"]["Employee"] == employee.id.as_str())
                .count(),
            messages: messages
                .iter()
                .filter(|message| speaks_of(message, &employee.name.1))
                .count(),
            mails: mails.iter().filter(|mail| speaks_of(mail, &employee.home_email)).count(),
        }
    }
}

/// What is left of a hire in the tenant and the other apps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    pub(crate) users: usize,
    pub(crate) roles: Vec<String>,
    pub(crate) rows: usize,
    pub(crate) messages: usize,
    pub(crate) mails: usize,
}

impl Traces {
    /// One of each, for an engineer without a special level.
    pub(crate) fn of_an_engineer() -> Self {
        Self {
            users: 1,
            roles: vec!["employee".into(), "engineering".into()],
            rows: 1,
            messages: 1,
            mails: 1,
        }
    }
}

pub(crate) fn engineer(id: &str, last_name: &str) -> Employee {
    Employee::new(id, ("Robin", last_name), "Engineering", "Senior", "2026-12-01")
}
