//! `/jobs`

use serde_json::{Value, json};

use crate::harness::{Caller, TestTenant};

async fn database(admin: &Caller) -> Value {
    let found = admin.get("/connections?name=Username-Password-Authentication").await.expect(200);
    found[0]["id"].clone()
}

#[tokio::test]
async fn an_import_takes_good_rows_and_tells_of_bad_ones() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let connection = database(&admin).await;
    admin.create_user("there@example.com").await;
    let users = json!([
        {"email": "New@example.com", "name": "Newcomer", "app_metadata": {"plan": "a"}},
        {"email": "there@example.com"},
        {"name": "nobody"},
    ]);
    let form = [
        ("users", users.to_string()),
        ("connection_id", connection.as_str().unwrap().to_owned()),
        ("upsert", "false".into()),
    ];
    let job = admin.post_form("/jobs/users-imports", &form).await.expect(202);
    assert_eq!(job["status"], "pending");
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let job = admin.get(&path).await.expect(200);
    assert_eq!(job["summary"], json!({"failed": 2, "updated": 0, "inserted": 1, "total": 3}));
    let errors = admin.get(&format!("{path}/errors")).await.expect(200);
    let codes: Vec<_> =
        errors.as_array().unwrap().iter().map(|row| &row["errors"][0]["code"]).collect();
    assert_eq!(codes, ["DUPLICATED_USER", "OBJECT_REQUIRED"]);
    let found = admin.get("/users-by-email?email=new@example.com").await.expect(200);
    assert_eq!(found[0]["app_metadata"], json!({"plan": "a"}));
}

#[tokio::test]
async fn an_export_holds_the_fields_that_were_asked_for() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.create_user("ann@example.com").await;
    let body = json!({"format": "csv", "fields": [{"name": "email", "export_as": "mail"}]});
    let job = admin.post("/jobs/users-exports", body).await.expect(200);
    let job = admin.get(&format!("/jobs/{}", job["id"].as_str().unwrap())).await.expect(200);
    // mail\n"'ann@example.com"\n
    let expected = "data:text/csv;base64,bWFpbAoiJ2FubkBleGFtcGxlLmNvbSIK";
    assert_eq!(job["location"], expected);
}

#[tokio::test]
async fn a_job_without_failures_has_no_errors_to_show() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("ann@example.com").await;
    let body = json!({"user_id": user["user_id"]});
    let job = admin.post("/jobs/verification-email", body).await.expect(201);
    let path = format!("/jobs/{}/errors", job["id"].as_str().unwrap());
    admin.get(&path).await.expect(204);
    admin.get("/jobs/job_0000000000000000").await.expect(404);
}
