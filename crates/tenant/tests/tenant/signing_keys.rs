//! `/keys/signing`: rotation and revocation change what is signed, published and believed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestTenant;

async fn published(tenant: &TestTenant) -> Vec<String> {
    let keys = tenant.anonymous().send(Method::GET, "/.well-known/jwks.json", None).await.body;
    let keys = keys["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rotated_key_is_believed_until_it_is_revoked() {
    let tenant = TestTenant::start().await;
    let old = tenant.admin();
    let keys = old.get("/keys/signing").await.expect(200);
    assert_eq!((&keys[0]["current"], &keys[1]["next"]), (&json!(true), &json!(true)), "{keys}");
    let (first, second) = (keys[0]["kid"].clone(), keys[1]["kid"].clone());

    let rotated = old.post("/keys/signing/rotate", Value::Null).await.expect(201);
    assert_eq!(rotated["kid"], second);
    assert_eq!(published(&tenant).await.len(), 3);
    old.get("/roles").await.expect(200);
    let new = tenant.with_scopes("read:roles update:signing_keys create:signing_keys").await;
    new.get("/roles").await.expect(200);

    let path = format!("/keys/signing/{}/revoke", first.as_str().unwrap());
    new.put(&path, Value::Null).await.expect(200);
    assert_eq!(old.get("/roles").await.status, 401);
    new.get("/roles").await.expect(200);
    assert!(!published(&tenant).await.iter().any(|kid| first == **kid));
}

#[tokio::test]
async fn the_current_key_cannot_be_revoked() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let keys = admin.get("/keys/signing").await.expect(200);
    let path = format!("/keys/signing/{}/revoke", keys[0]["kid"].as_str().unwrap());
    admin.put(&path, Value::Null).await.expect(400);
    admin.get("/keys/signing/unknown").await.expect(404);
}
