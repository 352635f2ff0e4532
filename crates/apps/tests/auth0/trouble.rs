use callboard_apps::{Failure, LinkCredentials};
use serde_json::json;

use crate::harness::{CLIENT_ID, Stage};

#[tokio::test]
async fn a_link_says_who_it_is_and_what_it_may() {
    let stage = Stage::new().await;
    let auth0 = stage.catalogue.app("auth0").unwrap();
    let tested = stage.executor.test(auth0, &stage.link()).await.unwrap();
    assert_eq!(tested.who, format!("{CLIENT_ID}@clients"));
    assert!(tested.scopes.iter().any(|scope| scope == "create:users"), "{:?}", tested.scopes);
    assert!(tested.expires_at.is_some());
    for action in &auth0.actions {
        let granted = |scope: &str| tested.scopes.iter().any(|known| known == scope);
        assert!(
            action.operations().iter().all(|operation| operation.permits(&granted)),
            "{}",
            action.id
        );
    }
}

#[tokio::test]
async fn a_changed_secret_is_a_matter_of_credentials_until_the_link_is_renewed() {
    let stage = Stage::new().await;
    let mut link = stage.link();
    link.credentials = LinkCredentials::ClientCredentials {
        client_id: CLIENT_ID.into(),
        client_secret: "old".into(),
    };
    let attempt = stage.attempt("auth0.roles.list", json!({}));
    let refused = stage.executor.perform(&link, &attempt).await.unwrap_err();
    let Failure::Credentials { why, remedy } = &refused.failure else { panic!("{refused:?}") };
    assert!(why.contains("secret is wrong") && remedy.contains("callboard link add"), "{refused}");
    let renewed = stage.executor.perform(&stage.link(), &attempt).await;
    assert!(renewed.is_ok(), "the same link with the right secret");
}

#[tokio::test]
async fn a_tenant_that_is_away_is_later() {
    let stage = Stage::new().await;
    let mut link = stage.link();
    link.base_url = "http://127.0.0.1:1".parse().unwrap();
    let create = json!({"connection": "db", "email": "a@b.example"});
    let attempt = stage.attempt("auth0.users.create", create);
    let failed = stage.executor.perform(&link, &attempt).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Later { .. }), "{failed:?}");
}

#[tokio::test]
async fn what_the_tenant_refuses_is_told_in_its_own_words() {
    let stage = Stage::new().await;
    for (action, arguments, status, title) in [
        ("auth0.users.get", json!({"user": "auth0|nobody"}), 404, "The user does not exist."),
        (
            "auth0.users.create",
            json!({"connection": "nowhere", "email": "a@b.example"}),
            400,
            "The connection does not exist",
        ),
    ] {
        let refused = stage.perform(action, arguments.clone()).await.unwrap_err();
        let Failure::Rejected { status: found, title: said, .. } = &refused.failure else {
            panic!("{refused:?}")
        };
        assert_eq!((*found, said.as_str()), (status, title), "{action} {arguments}");
    }
}
