//! Applications over HTTP.

use serde_json::json;

use crate::harness::{CLIENT_ID, TestTenant};

#[tokio::test]
async fn a_new_client_gets_defaults_and_a_secret() {
    let tenant = TestTenant::start().await;
    let client = tenant.admin().post("/clients", json!({"name": "App"})).await.expect(201);
    assert_eq!(client["client_id"].as_str().unwrap().len(), 32);
    assert_eq!(client["client_secret"].as_str().unwrap().len(), 64);
    assert_eq!(client["grant_types"].as_array().unwrap().len(), 4);
    assert!(
        client["signing_keys"][0]["cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE")
    );
    let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
    assert_eq!(tenant.admin().get(&path).await.expect(200), client);
}

#[tokio::test]
async fn what_a_caller_sees_of_a_client_depends_on_its_scopes() {
    let tenant = TestTenant::start().await;
    let path = format!("/clients/{CLIENT_ID}");
    for (scopes, has_settings, has_secret) in [
        ("read:clients", true, false),
        ("read:clients read:client_keys", true, true),
        ("read:client_summary", false, false),
    ] {
        let seen = tenant.with_scopes(scopes).await.get(&path).await.expect(200);
        assert_eq!(seen["name"], "Callboard", "{scopes}");
        assert_eq!(seen.get("grant_types").is_some(), has_settings, "{scopes}");
        assert_eq!(seen.get("client_secret").is_some(), has_secret, "{scopes}");
    }
    let refused = tenant.with_scopes("read:users").await.get(&path).await.expect(403);
    assert_eq!(
        refused["message"],
        "Insufficient scope, expected any of: read:clients, read:client_keys, read:client_credentials, read:client_summary"
    );
}

#[tokio::test]
async fn lists_are_filtered_and_the_global_client_is_one_of_them() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.post("/clients", json!({"name": "Page", "app_type": "spa"})).await.expect(201);
    for (query, total) in [
        ("", 3),
        ("&is_global=true", 1),
        ("&is_global=false", 2),
        ("&app_type=spa,native", 1),
        ("&is_first_party=false", 0),
        ("&q=client_grant.allow_any_organization%3Atrue", 0),
    ] {
        let listed = admin.get(&format!("/clients?include_totals=true{query}")).await.expect(200);
        assert_eq!(listed["total"], total, "{query}");
        assert_eq!(listed["clients"].as_array().unwrap().len(), total, "{query}");
    }
    let first = admin.get("/clients?take=2&fields=client_id").await.expect(200);
    let from = first["next"].as_str().unwrap();
    let rest = admin.get(&format!("/clients?take=2&from={from}")).await.expect(200);
    assert_eq!(
        (first["clients"].as_array().unwrap().len(), rest["clients"].as_array().unwrap().len()),
        (2, 1)
    );
    assert_eq!(rest.get("next"), None);
    admin.get("/clients?q=name%3Ax").await.expect(400);
}

#[tokio::test]
async fn a_rotated_secret_replaces_the_old_one_and_the_log_does_not_know_either() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let client = admin.post("/clients", json!({"name": "App"})).await.expect(201);
    let id = client["client_id"].as_str().unwrap();
    let rotated = admin.post(&format!("/clients/{id}/rotate-secret"), json!({})).await.expect(200);
    assert_ne!(rotated["client_secret"], client["client_secret"]);
    let log = admin.get("/logs?q=type%3Asapi").await.expect(200);
    assert_eq!(log[0]["description"], "Rotate a client secret");
    assert_eq!(log[0]["details"]["response"]["body"]["client_secret"], "*****");
    assert!(!log.to_string().contains(client["client_secret"].as_str().unwrap()));
}

#[tokio::test]
async fn a_deleted_client_takes_its_grants_along_and_can_be_deleted_again() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    admin.post("/resource-servers", json!({"identifier": "https://api"})).await.expect(201);
    let client = admin.post("/clients", json!({"name": "App"})).await.expect(201);
    let id = client["client_id"].as_str().unwrap();
    let grant = json!({"client_id": id, "audience": "https://api", "scope": []});
    let grant = admin.post("/client-grants", grant).await.expect(201);
    for _ in 0..2 {
        admin.delete(&format!("/clients/{id}")).await.expect(204);
    }
    admin.get(&format!("/clients/{id}")).await.expect(404);
    admin.get(&format!("/client-grants/{}", grant["id"].as_str().unwrap())).await.expect(404);
    let global = admin.get("/clients?is_global=true").await.expect(200);
    admin
        .delete(&format!("/clients/{}", global[0]["client_id"].as_str().unwrap()))
        .await
        .expect(400);
}

#[tokio::test]
async fn credentials_are_named_by_their_client_and_kept_while_it_uses_them() {
    let tenant = TestTenant::start().await;
    let admin = tenant.admin();
    let global = admin.get("/clients?is_global=true").await.expect(200);
    let pem = global[0]["signing_keys"][0]["cert"].clone();
    let body = json!({
        "name": "App", "jwt_configuration": {"alg": "RS256"},
        "client_authentication_methods": {"private_key_jwt": {"credentials": [
            {"name": "first", "credential_type": "public_key", "pem": pem},
        ]}},
    });
    let client = admin.post("/clients", body).await.expect(201);
    let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
    let made = &client["client_authentication_methods"]["private_key_jwt"]["credentials"][0];
    assert_eq!(made["alg"], "RS256");
    let read = admin.get(&path).await.expect(200);
    assert_eq!(
        read["client_authentication_methods"]["private_key_jwt"]["credentials"],
        json!([{"id": made["id"]}])
    );
    let used = format!("{path}/credentials/{}", made["id"].as_str().unwrap());
    admin.delete(&used).await.expect(400);
    let second = json!({"name": "second", "credential_type": "x509_cert", "pem": pem});
    let second = admin.post(&format!("{path}/credentials"), second.clone()).await.expect(201);
    assert_eq!(second["expires_at"], "2049-12-31T23:59:59.000Z");
    let third = json!({"credential_type": "public_key", "pem": pem});
    admin.post(&format!("{path}/credentials"), third).await.expect(400);
    let unused = format!("{path}/credentials/{}", second["id"].as_str().unwrap());
    admin.delete(&unused).await.expect(204);
    admin.get(&unused).await.expect(404);
    admin.patch(&path, json!({"token_endpoint_auth_method": "none"})).await.expect(400);
}
