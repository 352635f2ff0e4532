//! The HRIS of the stage: announces employees as BambooHR's webhooks do.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// One employee, as the HRIS knows them.
#[derive(Debug, Clone)]
pub struct Employee {
    /// Number in the HRIS.
    pub id: String,
    /// First and last name.
    pub name: (String, String),
    /// Department, which decides the role.
    pub department: String,
    /// Job level, which decides the role.
    pub level: String,
    /// Address of the new account.
    pub work_email: String,
    /// Address where the hire is reached before day one.
    pub home_email: String,
    /// First day.
    pub hire_date: String,
}

impl Employee {
    /// Somebody with addresses made from the name, at a company and at home.
    pub fn new(
        id: &str,
        name: (&str, &str),
        department: &str,
        level: &str,
        hire_date: &str,
    ) -> Self {
        let address = |domain: &str| format!("{}.{}@{domain}", name.0, name.1).to_lowercase();
        Self {
            id: id.into(),
            name: (name.0.into(), name.1.into()),
            department: department.into(),
            level: level.into(),
            work_email: address("corp.example.com"),
            home_email: address("home.example.org"),
            hire_date: hire_date.into(),
        }
    }

    /// The record as the HRIS's API answers it.
    pub fn record(&self) -> Value {
        json!({
            "id": self.id, "firstName": self.name.0, "lastName": self.name.1, "displayName": format!("{} {}", self.name.0, self.name.1),
            "workEmail": self.work_email, "homeEmail": self.home_email, "department": self.department,
            "jobLevel": self.level, "hireDate": self.hire_date,
        })
    }
}

/// A webhook delivery: body, timestamp and signature.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The bytes that were signed.
    pub body: String,
    /// Seconds since 1970, as text.
    pub timestamp: String,
    /// Hex of HMAC-SHA256 over body and timestamp.
    pub signature: String,
}

impl Delivery {
    /// The request that brings it to an autopilot.
    pub(super) fn request(
        &self,
        http: &reqwest::Client,
        autopilot: &str,
    ) -> reqwest::RequestBuilder {
        http.post(format!("{autopilot}/v1/hooks/bamboohr/employees"))
            .header("content-type", "application/json")
            .header("x-bamboohr-timestamp", &self.timestamp)
            .header("x-bamboohr-signature", &self.signature)
            .body(self.body.clone())
    }
}

/// Announces that these employees were created.
pub fn created(employees: &[&Employee], at: jiff::Timestamp, key: &str) -> Delivery {
    let employees: Vec<Value> = employees
        .iter()
        .map(|employee| {
            json!({
                "id": employee.id, "action": "Created", "timestamp": at.to_string(),
                "changedFields": ["firstName", "lastName", "workEmail", "department", "jobLevel", "hireDate"],
                "fields": {"firstName": {"value": employee.name.0}, "lastName": {"value": employee.name.1}},
            })
        })
        .collect();
    sign(json!({ "employees": employees }).to_string(), at, key)
}

/// Signs a body as of an instant.
pub fn sign(body: String, at: jiff::Timestamp, key: &str) -> Delivery {
    let timestamp = at.as_second().to_string();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    mac.update(timestamp.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Delivery { body, timestamp, signature }
}
