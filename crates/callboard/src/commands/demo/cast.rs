//! Who is hired in the demo, and what the tenant has before it begins.

use anyhow::Context as _;
use http::Method;
use serde_json::json;

use crate::stage::{Employee, Stage};
use crate::world;

/// Roles of the company, as an administrator made them.
const ROLES: [&str; 4] = ["employee", "engineering", "sales", "team-lead"];

/// The employees of the play.
pub(super) struct Cast {
    /// New, in a department with a role of its own.
    pub(super) engineer: Employee,
    /// Has an account already.
    pub(super) known: Employee,
    /// In a department that the workflow does not know.
    pub(super) unknown_department: Employee,
}

impl Default for Cast {
    fn default() -> Self {
        Self {
            engineer: Employee::new(
                "101",
                ("Ada", "Lovelace"),
                "Engineering",
                "Lead",
                "2026-12-01",
            ),
            known: Employee::new("102", ("Grace", "Hopper"), "Sales", "Senior", "2026-12-07"),
            unknown_department: Employee::new(
                "103",
                ("Alan", "Turing"),
                "Codebreaking",
                "Senior",
                "2027-01-04",
            ),
        }
    }
}

impl Cast {
    /// Everybody.
    pub(super) fn all(&self) -> [&Employee; 3] {
        [&self.engineer, &self.known, &self.unknown_department]
    }

    /// The roles that somebody should have in the end.
    pub(super) fn roles(employee: &Employee) -> &'static [&'static str] {
        match employee.id.as_str() {
            "101" => &["employee", "engineering", "team-lead"],
            "102" => &["employee", "sales"],
            _ => &["employee"],
        }
    }

    /// Links, roles, the one account that is there before, and the records of the HRIS.
    pub(super) async fn prepare(&self, stage: &Stage) -> anyhow::Result<()> {
        stage.link().await?;
        stage.employ(&self.all()).await?;
        for name in ROLES {
            stage
                .management(Method::POST, "/roles", Some(&json!({ "name": name })))
                .await
                .context("cannot make a role")?;
        }
        let account = json!({
            "connection": "Username-Password-Authentication", "email": self.known.work_email, "email_verified": true,
            "password": format!("Ab1!{}", world::secret("")).get(..60), "app_metadata": {"plan": "contractor"},
        });
        stage
            .management(Method::POST, "/users", Some(&account))
            .await
            .context("cannot make the known account")?;
        Ok(())
    }
}
