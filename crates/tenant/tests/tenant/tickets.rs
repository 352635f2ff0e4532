//! `/tickets`, and the pages that tickets open.

use callboard_tenant::RateLimits;
use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::harness::{CLIENT_ID, Caller, PASSWORD, TestTenant, encoded};

const DATABASE: &str = "Username-Password-Authentication";
const NEW_PASSWORD: &str = "Another-Horse-2";

/// What a browser got.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Seen {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, html: response.text().await.unwrap() }
    }

    #[track_caller]
    fn shows(&self, status: u16, heading: &str) {
        assert_eq!(self.status, status, "{}", self.html);
        assert!(self.html.contains(&format!("<h1>{heading}</h1>")), "{}", self.html);
    }
}

async fn open(link: &str) -> Seen {
    Seen::of(reqwest::Client::new().get(link)).await
}

/// Sends the form that a link opens, as a browser does.
async fn send(link: &str, fields: &[(&str, &str)]) -> Seen {
    let (page, code) = link.split_once("?ticket=").unwrap();
    let mut form = vec![("ticket", code.trim_end_matches('#'))];
    form.extend(fields);
    Seen::of(reqwest::Client::new().post(page).form(&form)).await
}

async fn choose(link: &str, password: &str) -> Seen {
    send(link, &[("password-reset", password), ("re-enter-password", password)]).await
}

const UNUSABLE: &str = "This link does not work any more";

async fn password_ticket(admin: &Caller, body: Value) -> String {
    let made = admin.post("/tickets/password-change", body).await.expect(201);
    made["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_is_a_link_below_the_tenants_origin() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let body = json!({"user_id": user["user_id"], "ttl_sec": 0});
    for (operation, page) in
        [("password-change", "reset-password"), ("email-verification", "email-verification")]
    {
        let made = admin.post(&format!("/tickets/{operation}"), body.clone()).await.expect(201);
        let link = made["ticket"].as_str().unwrap();
        let code = link
            .strip_prefix(&format!("{}/u/{page}?ticket=", tenant.url))
            .and_then(|rest| rest.strip_suffix('#'))
            .unwrap_or_else(|| panic!("{link}"));
        assert_eq!(code.len(), 32, "{link}");
        assert!(code.chars().all(|character| character.is_ascii_alphanumeric()), "{link}");
    }
}

#[tokio::test]
async fn the_log_does_not_show_the_ticket() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let link = password_ticket(&admin, json!({"user_id": user["user_id"]})).await;
    let logs = admin.get("/logs?q=type:sapi").await.expect(200);
    let entry = logs
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["description"] == "Create a password change ticket")
        .unwrap();
    assert_eq!(entry["details"]["response"]["body"], json!({"ticket": "*****"}));
    let (_, code) = link.split_once("ticket=").unwrap();
    assert!(!logs.to_string().contains(code));
}

#[tokio::test]
async fn fields_that_do_not_go_together_are_refused() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let id = &user["user_id"];
    let local_id = &user["identities"][0]["user_id"];
    let connection = connection_id(&admin).await;
    let (url, unknown_client) = ("https://example.com/done", "unknownclient0000000000000000000");
    for (operation, body, status, code) in [
        ("password-change", json!({}), 400, "invalid_body"),
        ("password-change", json!({"email": "jane@example.com"}), 400, "invalid_body"),
        ("password-change", json!({"connection_id": connection}), 400, "invalid_body"),
        (
            "password-change",
            json!({"user_id": id, "email": "jane@example.com"}),
            400,
            "invalid_body",
        ),
        ("password-change", json!({"user_id": id, "ttl_sec": i64::MAX}), 400, "invalid_body"),
        (
            "password-change",
            json!({"user_id": id, "result_url": "javascript:1"}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "result_url": url, "client_id": unknown_client}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "client_id": unknown_client}),
            400,
            "inexistent_client",
        ),
        (
            "password-change",
            json!({"user_id": id, "organization_id": "org_0000000000000000"}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"email": "jane@example.com", "connection_id": "con_0000000000000000"}),
            400,
            "inexistent_connection",
        ),
        (
            "password-change",
            json!({"email": "joe@example.com", "connection_id": connection}),
            404,
            "inexistent_user",
        ),
        ("password-change", json!({"user_id": "auth0|nobody"}), 404, "inexistent_user"),
        (
            "password-change",
            json!({"user_id": id, "identity": {"provider": "auth0", "user_id": "other"}}),
            400,
            "invalid_body",
        ),
        (
            "password-change",
            json!({"user_id": id, "identity": {
                "provider": "auth0", "user_id": local_id, "connection_id": "con_0000000000000000",
            }}),
            400,
            "invalid_body",
        ),
        ("email-verification", json!({}), 400, "invalid_body"),
        ("email-verification", json!({"user_id": "auth0|nobody"}), 404, "inexistent_user"),
        (
            "email-verification",
            json!({"user_id": id, "result_url": url, "organization_id": "org_0000000000000000"}),
            400,
            "invalid_body",
        ),
    ] {
        let answered = admin.post(&format!("/tickets/{operation}"), body.clone()).await;
        assert_eq!(answered.status, status, "{operation} {body}: {}", answered.body);
        assert_eq!(answered.body["errorCode"], code, "{operation} {body}: {}", answered.body);
    }
    let exact = json!({"user_id": id, "identity": {
        "provider": "auth0", "user_id": local_id, "connection_id": connection,
    }});
    password_ticket(&admin, exact).await;
    password_ticket(&admin, json!({"email": "Jane@example.com", "connection_id": connection}))
        .await;
}

async fn connection_id(admin: &Caller) -> String {
    let logs = admin.get("/logs?q=type:ss").await.expect(200);
    logs[0]["connection_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_holder_of_a_ticket_sets_the_password_once() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let id = user["user_id"].as_str().unwrap();
    let link = password_ticket(
        &admin,
        json!({
            "user_id": id, "mark_email_as_verified": true, "includeEmailInRedirect": true,
            "result_url": "https://example.com/done?a=1",
        }),
    )
    .await;
    let page = open(&link).await;
    page.shows(200, "Choose a new password");
    assert!(page.html.contains("at least 8 characters"), "{}", page.html);
    assert!(!page.html.contains("<script"), "{}", page.html);
    let done = choose(&link, NEW_PASSWORD).await;
    done.shows(200, "Your password has been changed");
    let onwards = "href=\"https://example.com/done?a=1&#38;email=jane%40example.com\"";
    assert!(done.html.contains(onwards), "{}", done.html);
    tenant.log_in("jane@example.com", NEW_PASSWORD).await.expect(200);
    tenant.log_in("jane@example.com", PASSWORD).await.expect(403);
    let user = admin.get(&format!("/users/{}", encoded(id))).await.expect(200);
    assert_eq!(user["email_verified"], true);
    assert_eq!(user["last_password_reset"], "2026-03-02T08:00:00.000Z");
    let logs = admin.get("/logs?q=type:scp").await.expect(200);
    assert_eq!((logs.as_array().unwrap().len(), &logs[0]["user_id"]), (1, &json!(id)));
    open(&link).await.shows(400, UNUSABLE);
    choose(&link, PASSWORD).await.shows(400, UNUSABLE);
    tenant.log_in("jane@example.com", NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_refused_password_leaves_the_ticket_usable_and_is_explained() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let link = password_ticket(&admin, json!({"user_id": user["user_id"]})).await;
    let long = "aB1!".repeat(19);
    for (password, again, problem) in [
        ("", "", "Enter a new password."),
        (NEW_PASSWORD, "something else", "The two passwords are not the same."),
        ("weak", "weak", "The password does not keep all of the rules below."),
        (&long, &long, "The password is longer than 72 characters."),
    ] {
        let fields = [("password-reset", password), ("re-enter-password", again)];
        let page = send(&link, &fields).await;
        page.shows(400, "Choose a new password");
        assert!(
            page.html.contains(&format!("role=\"alert\" id=\"problem\">{problem}")),
            "{}",
            page.html
        );
    }
    tenant.log_in("jane@example.com", PASSWORD).await.expect(200);
    choose(&link, NEW_PASSWORD).await.shows(200, "Your password has been changed");
}

#[tokio::test]
async fn of_two_who_use_a_ticket_at_once_one_succeeds() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let link = password_ticket(&admin, json!({"user_id": user["user_id"]})).await;
    let (one, other) =
        tokio::join!(choose(&link, "First-Horse-1"), choose(&link, "Second-Horse-2"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(admin.get("/logs?q=type:scp").await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_learns_why_a_link_does_not_work() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let id = user["user_id"].as_str().unwrap();
    let replaced = password_ticket(&admin, json!({"user_id": id})).await;
    let expired = password_ticket(&admin, json!({"user_id": id, "ttl_sec": 60})).await;
    let unknown = format!("{}/u/reset-password?ticket={}#", tenant.url, "x".repeat(32));
    let without = format!("{}/u/reset-password?ticket=#", tenant.url);
    let other_page = replaced.replace("reset-password", "email-verification");
    tenant.advance(SignedDuration::from_secs(60));
    let mut pages = Vec::new();
    for link in [&replaced, &expired, &unknown, &without, &other_page] {
        let page = open(link).await;
        page.shows(400, UNUSABLE);
        pages.push(page.html);
        let page = choose(link, NEW_PASSWORD).await;
        page.shows(400, UNUSABLE);
        pages.push(page.html);
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
    let of_nobody = password_ticket(&admin, json!({"user_id": id})).await;
    admin.delete(&format!("/users/{}", encoded(id))).await.expect(204);
    open(&of_nobody).await.shows(400, UNUSABLE);
    let body = json!({
        "connection": DATABASE, "email": "joe@example.com", "password": PASSWORD,
        "user_id": id.strip_prefix("auth0|").unwrap(),
    });
    tenant.advance(SignedDuration::from_secs(1));
    assert_eq!(admin.post("/users", body).await.expect(201)["user_id"], id);
    open(&of_nobody).await.shows(400, UNUSABLE);
}

#[tokio::test]
async fn a_page_runs_nothing_and_leaves_no_trace() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let link = password_ticket(&admin, json!({"user_id": user["user_id"]})).await;
    let page = open(&link).await;
    let header = |name: &str| page.headers[name].to_str().unwrap();
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(
        (header("cache-control"), header("referrer-policy"), header("content-type")),
        ("no-store", "no-referrer", "text/html; charset=utf-8")
    );
    let crafted = format!("{}/u/reset-password?ticket=%22%3E%3Cb%3E", tenant.url);
    assert!(!open(&crafted).await.html.contains("<b>"));
}

#[tokio::test]
async fn an_address_is_verified_by_the_button_and_not_by_the_link() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let user = admin.create_user("jane@example.com").await;
    let id = user["user_id"].as_str().unwrap();
    let path = format!("/users/{}", encoded(id));
    let ticket = || async {
        let made = admin.post("/tickets/email-verification", json!({"user_id": id})).await;
        made.expect(201)["ticket"].as_str().unwrap().to_owned()
    };
    let link = ticket().await;
    let page = open(&link).await;
    page.shows(200, "Confirm your e-mail address");
    assert!(page.html.contains("jane@example.com"), "{}", page.html);
    assert_eq!(admin.get(&path).await.expect(200)["email_verified"], false);
    send(&link, &[]).await.shows(200, "Your e-mail address is confirmed");
    assert_eq!(admin.get(&path).await.expect(200)["email_verified"], true);
    assert_eq!(admin.get("/logs?q=type:sv").await.expect(200)[0]["user_id"], id);
    send(&link, &[]).await.shows(400, UNUSABLE);
    let stale = ticket().await;
    admin.patch(&path, json!({"email": "jane@example.org"})).await.expect(200);
    send(&stale, &[]).await.shows(400, UNUSABLE);
    assert_eq!(admin.get(&path).await.expect(200)["email_verified"], false);
}

/// Messages in the outbox; the only way to them is the file, until the tenant shows them.
fn outbox(folder: &std::path::Path) -> Vec<Value> {
    let database = rusqlite::Connection::open(folder.join("test.sqlite")).unwrap();
    let mut statement = database
        .prepare("SELECT body FROM document WHERE kind = 'outbox' ORDER BY position")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn who_forgot_the_password_gets_a_link_by_mail_and_strangers_learn_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = callboard_tenant::Data::Folder(folder.path().into());
    let tenant = TestTenant::open(data, RateLimits::Off).await;
    let admin = tenant.admin();
    admin.create_user("jane@example.com").await;
    let ask = |body: Value| {
        let anonymous = tenant.anonymous();
        async move { anonymous.send(Method::POST, "/dbconnections/change_password", Some(body)).await }
    };
    let of = |email: &str| json!({"client_id": CLIENT_ID, "connection": DATABASE, "email": email});
    let (known, unknown) = (ask(of("jane@example.com")).await, ask(of("joe@example.com")).await);
    for answered in [&known, &unknown] {
        assert_eq!(answered.status, 200);
        assert_eq!(answered.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answered.body, "We've just sent you an email to reset your password.");
    }
    let first = outbox(folder.path());
    assert_eq!((first.len(), &first[0]["to"]), (1, &json!("jane@example.com")));
    ask(of("Jane@example.com")).await.expect(200);
    let messages = outbox(folder.path());
    assert_eq!(messages.len(), 1);
    let link = |message: &Value| format!("{}{}", tenant.url, message["link"].as_str().unwrap());
    open(&link(&first[0])).await.shows(400, UNUSABLE);
    choose(&link(&messages[0]), NEW_PASSWORD).await.shows(200, "Your password has been changed");
    tenant.log_in("jane@example.com", NEW_PASSWORD).await.expect(200);
    let logs = admin.get("/logs?q=type:(scpr OR fcpr)").await.expect(200);
    assert_eq!(logs.as_array().unwrap().len(), 3, "{logs}");
    for (body, code) in [
        (json!({"connection": DATABASE}), "invalid_request"),
        (json!({"email": "jane@example.com"}), "invalid_request"),
        (json!({"email": "jane@example.com", "connection": "other"}), "inexistent_connection"),
        (
            json!({"email": "jane@example.com", "connection": DATABASE, "client_id": "other"}),
            "inexistent_client",
        ),
    ] {
        let answered = ask(body.clone()).await;
        assert_eq!(
            (answered.status.as_u16(), &answered.body["code"]),
            (400, &json!(code)),
            "{body}"
        );
    }
}
