//! The hosts that the kits call, answered on loopback: a pet store and an echo.

use std::collections::BTreeMap;

use axum::extract::{OriginalUri, Path, Query};
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Hosts of the kits. What is under `pets` has a pet store's paths, everything else echoes.
const HOSTS: [&str; 5] = [
    "https://petstore.swagger.io",
    "http://petstore.swagger.io",
    "https://httpbin.org",
    "https://echo.example.com",
    "https://fake-service.com",
];

pub(crate) struct Outside {
    pub(crate) origins: Vec<String>,
}

impl Outside {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/v2/swagger.json", get(document))
            .route("/v2/pet/findByStatus", get(find))
            .route("/v2/pet/{id}", get(pet))
            .route("/v2/{*nothing}", any(async || StatusCode::NOT_FOUND))
            .route("/status/{status}", any(status))
            .fallback(echo);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        let origins = HOSTS.iter().map(|host| format!("{host}=http://{address}")).collect();
        Self { origins }
    }
}

async fn document() -> Json<Value> {
    let status = json!({"name": "status", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"});
    let id = json!({"name": "petId", "in": "path", "required": true, "type": "integer"});
    Json(json!({
        "swagger": "2.0", "host": "petstore.swagger.io", "basePath": "/v2", "schemes": ["https"],
        "paths": {
            "/pet/findByStatus": {"get": {"operationId": "findPetsByStatus", "parameters": [status], "responses": {}}},
            "/pet/{petId}": {"get": {"operationId": "getPetById", "parameters": [id], "responses": {}}},
        },
    }))
}

async fn find(Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    Json(json!([{"id": 1, "name": "Rex", "status": query.get("status")}]))
}

async fn pet(Path(id): Path<String>) -> axum::response::Response {
    match id.parse::<u32>() {
        Ok(id) => Json(json!({"id": id, "name": "Rex", "status": "available"})).into_response(),
        Err(_) => (StatusCode::NOT_FOUND, Json(json!({"message": "no such pet"}))).into_response(),
    }
}

async fn status(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
}

async fn echo(
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: String,
) -> Json<Value> {
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    Json(json!({
        "method": method.as_str(), "path": uri.path(), "url": uri.to_string(), "args": query, "query": query,
        "headers": headers, "data": body, "json": json,
    }))
}
