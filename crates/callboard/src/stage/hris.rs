//! The HRIS of the stage: announces employees as BambooHR's webhooks do.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// One employee, as the HRIS knows them.
#[derive(Debug, Clone)]
pub struct Employee {
    /// Number in the HRIS.
    pub id: &'static str,
    /// First and last name.
    pub name: (&'static str, &'static str),
    /// Department, which decides the role.
    pub department: &'static str,
    /// Job level, which decides the role.
    pub level: &'static str,
    /// Address of the new account.
    pub work_email: String,
    /// Address where the hire is reached before day one.
    pub home_email: String,
    /// First day.
    pub hire_date: &'static str,
}

impl Employee {
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
