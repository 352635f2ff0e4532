//! The apps of sales, finance, support and marketing against their stand-ins.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use callboard_apps::{Failure, LinkCredentials, Recovered, Reversal};
use callboard_sandbox::Cut;
use serde_json::{Value, json};
use support::Stage;

fn company() -> Value {
    let customers: Vec<Value> = (1..=120)
        .map(|number| json!({"id": format!("cus_{number:03}"), "object": "customer", "email": format!("c{number}@example.com"), "metadata": {"tier": "gold"}}))
        .collect();
    json!({
        "stripe": {
            "customers": customers,
            "subscriptions": [
                {"id": "sub_1", "object": "subscription", "customer": "cus_001", "status": "trialing", "created": 1_795_000_000},
                {"id": "sub_2", "object": "subscription", "customer": "cus_002", "status": "active", "created": 1_795_100_000},
                {"id": "sub_3", "object": "subscription", "customer": "cus_002", "status": "canceled", "created": 1_790_000_000},
            ],
            "invoices": [
                {"id": "in_1", "object": "invoice", "customer": "cus_001", "status": "open", "due_date": 1_794_000_000},
                {"id": "in_2", "object": "invoice", "customer": "cus_002", "status": "open", "due_date": 1_796_000_000},
                {"id": "in_3", "object": "invoice", "customer": "cus_002", "status": "paid", "due_date": 1_793_000_000},
            ],
        },
        "hubspot": {"contacts": [
            {"id": "51", "properties": {"email": "c1@example.com", "firstname": "Cleo", "hs_email_optout": "true", "plan": "trial"}},
            {"id": "52", "properties": {"email": "c2@example.com", "firstname": "Cyd", "hs_email_optout": "false"}},
        ]},
        "zendesk": {
            "users": [{"id": 900, "name": "Cleo", "email": "c1@example.com"}],
            "tickets": [
                {"id": 7, "subject": "Cannot log in", "description": "password lost", "status": "new", "requester_id": 900, "created_at": "2026-11-24T09:00:00Z"},
                {"id": 8, "subject": "Old story", "description": "", "status": "closed", "requester_id": 900, "created_at": "2026-11-01T09:00:00Z"},
            ],
        },
        "exa": {"pages": [
            {"url": "https://example.com/leaks", "title": "Leaked passwords", "text": "A list of leaked passwords appeared."},
            {"url": "https://example.com/cats", "title": "Cats", "text": "Cats sleep."},
        ]},
    })
}

async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.sandbox.seed(&company()).unwrap();
    stage
}

async fn output(stage: &Stage, action: &str, arguments: Value) -> Value {
    stage
        .perform(action, arguments)
        .await
        .unwrap_or_else(|error| panic!("{action}: {error}"))
        .output
}

#[tokio::test]
async fn lists_of_stripe_are_read_to_their_end() {
    let stage = stage().await;
    let all = output(&stage, "stripe.customers.list", json!({})).await;
    assert_eq!((all["customers"].as_array().unwrap().len(), &all["complete"]), (120, &json!(true)));
    let ids = |list: &Value, name: &str| -> Vec<String> {
        list[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let one = output(&stage, "stripe.customers.list", json!({"email": "c7@example.com"})).await;
    assert_eq!(ids(&one, "customers"), ["cus_007"]);
    for (arguments, expected) in [
        (json!({}), vec!["sub_1", "sub_2"]),
        (json!({"status": "all"}), vec!["sub_1", "sub_2", "sub_3"]),
        (json!({"status": "trialing"}), vec!["sub_1"]),
        (json!({"customer": "cus_002", "created_after": 1_795_000_000}), vec!["sub_2"]),
    ] {
        let found = output(&stage, "stripe.subscriptions.list", arguments.clone()).await;
        assert_eq!(ids(&found, "subscriptions"), expected, "{arguments}");
    }
    let overdue = output(
        &stage,
        "stripe.invoices.list",
        json!({"status": "open", "due_before": 1_795_000_000}),
    )
    .await;
    assert_eq!(ids(&overdue, "invoices"), ["in_1"]);
    let subscription =
        output(&stage, "stripe.subscriptions.get", json!({"subscription": "sub_1"})).await;
    assert_eq!(subscription["customer"]["email"], "c1@example.com");
}

#[tokio::test]
async fn metadata_of_a_customer_is_set_and_set_back() {
    let stage = stage().await;
    let arguments =
        json!({"customer": "cus_001", "metadata": {"tier": "silver", "converted": "2026-11-24"}});
    let mut attempt = stage.attempt("stripe.customers.tag", arguments);
    let link = stage.link("stripe");
    attempt.before = stage.executor.before(&link, &attempt).await.unwrap();
    let done = stage.executor.perform(&link, &attempt).await.unwrap().output;
    assert_eq!(done["metadata"], json!({"tier": "silver", "converted": "2026-11-24"}));
    let reversal =
        attempt.action.reversal(&attempt.arguments, &done, attempt.before.as_ref()).unwrap();
    let Reversal::Call { action, arguments } = reversal else { panic!("it can be set back") };
    output(&stage, &action, arguments).await;
    let customer = output(&stage, "stripe.customers.get", json!({"customer": "cus_001"})).await;
    assert_eq!(customer["metadata"], json!({"tier": "gold"}));
}

#[tokio::test]
async fn contacts_are_found_changed_and_erased() {
    let stage = stage().await;
    let found =
        output(&stage, "hubspot.contacts.find", json!({"where": {"hs_email_optout": true}})).await;
    assert_eq!(
        (found["contacts"][0]["id"].as_str(), &found["complete"]),
        (Some("51"), &json!(true))
    );
    output(
        &stage,
        "hubspot.contacts.update",
        json!({"email": "c1@example.com", "properties": {"plan": "pro"}}),
    )
    .await;
    let contact = output(&stage, "hubspot.contacts.get", json!({"email": "c1@example.com"})).await;
    assert_eq!(contact["contact"]["properties"]["plan"], "pro");
    for _ in 0..2 {
        output(&stage, "hubspot.contacts.erase", json!({"email": "c1@example.com"})).await;
    }
    let gone = output(&stage, "hubspot.contacts.get", json!({"email": "c1@example.com"})).await;
    assert_eq!(gone, json!({"contact": null}));
    let refused = stage
        .perform(
            "hubspot.contacts.update",
            json!({"email": "c1@example.com", "properties": {"plan": "pro"}}),
        )
        .await;
    assert_eq!(refused.unwrap_err().to_string(), "Object not found. (HTTP 404)");
}

#[tokio::test]
async fn a_task_or_note_whose_answer_was_lost_is_found_again() {
    let stage = stage().await;
    let task = json!({"subject": "Call Cleo", "due_at": "2026-11-25T09:00:00Z", "contact": "51"});
    let note = json!({"ticket": 7, "text": "Last login: yesterday", "tags": ["identity"]});
    for (app, action, arguments, rows) in
        [("hubspot", "tasks.create", task, "tasks"), ("zendesk", "tickets.note", note, "audits")]
    {
        stage.cut(app, if app == "zendesk" { "tickets.update" } else { action }, Cut::After);
        let attempt = stage.attempt(&format!("{app}.{action}"), arguments);
        let lost = stage.executor.perform(&stage.link(app), &attempt).await.unwrap_err();
        assert!(matches!(lost.failure, Failure::Unsure { .. }), "{app}: {lost:?}");
        let found = stage.recover(&attempt).await.unwrap();
        assert!(matches!(found, Recovered::Happened(_)), "{app}: {found:?}");
        assert_eq!(stage.sandbox.rows(app, rows).len(), 1, "{app}");
    }
    let never = stage.attempt("zendesk.tickets.answer", json!({"ticket": 7, "text": "Hello"}));
    assert!(matches!(stage.recover(&never).await.unwrap(), Recovered::DidNot));
}

#[tokio::test]
async fn tickets_are_found_as_zendesk_searches() {
    let stage = stage().await;
    for (query, expected) in [
        ("status<solved requester:c1@example.com", vec![7]),
        ("password", vec![7]),
        ("requester:c1@example.com", vec![8, 7]),
        ("requester:nobody@example.com", vec![]),
    ] {
        let found = output(&stage, "zendesk.tickets.search", json!({"query": query})).await;
        let ids: Vec<i64> = found["tickets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect();
        assert_eq!(ids, expected, "{query}");
    }
    let ticket = output(&stage, "zendesk.tickets.get", json!({"ticket": "7"})).await;
    assert_eq!(ticket["requester"]["email"], "c1@example.com");
    let closed = stage.perform("zendesk.tickets.note", json!({"ticket": 8, "text": "x"})).await;
    assert_eq!(closed.unwrap_err().to_string(), "Record validation errors (HTTP 422)");
    let busy = stage.perform("zendesk.users.erase", json!({"user": 900})).await;
    assert!(busy.unwrap_err().to_string().contains("not closed"));
    output(
        &stage,
        "zendesk.tickets.answer",
        json!({"ticket": 7, "text": "Done", "status": "solved"}),
    )
    .await;
    output(&stage, "zendesk.users.erase", json!({"user": 900})).await;
    let gone = output(&stage, "zendesk.users.find", json!({"email": "c1@example.com"})).await;
    assert_eq!(gone, json!({"user": null}));
}

#[tokio::test]
async fn the_web_is_searched() {
    let stage = stage().await;
    let found = output(&stage, "exa.web.search", json!({"query": "leaked passwords"})).await;
    assert_eq!(found["results"][0]["url"], "https://example.com/leaks");
    assert_eq!(found["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn links_are_tested_and_a_wrong_secret_names_its_remedy() {
    let stage = stage().await;
    for (app, who, remedy) in [
        ("stripe", "a key that reads customers", "make a new restricted key"),
        ("hubspot", "portal 1234567", "make a new token in HubSpot"),
        ("zendesk", "Callboard (agent)", "make a new API token in Zendesk"),
    ] {
        let mut link = stage.link(app);
        let tested = stage.executor.test(stage.catalogue.app(app).unwrap(), &link).await.unwrap();
        assert_eq!(tested.who, who, "{app}");
        link.credentials = LinkCredentials::Secret("wrong".into());
        let refused =
            stage.executor.test(stage.catalogue.app(app).unwrap(), &link).await.unwrap_err();
        let Failure::Credentials { remedy: found, .. } = &refused.failure else {
            panic!("{app}: {refused:?}")
        };
        assert!(found.starts_with(remedy), "{app}: {found}");
    }
}
