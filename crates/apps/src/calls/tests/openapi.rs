use callboard_flow::document::HttpOutput;
use callboard_flow::{FunctionCall, OpenApiCall};
use serde_json::{Value, json};

use super::stand_in::{Seen, StandIn, answer, echo, json_answer, map, rejected, secret};
use crate::calls::{CallAnswer, CallFailed, CallFailure, Calls};

const THREE: &str = "
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers:
  - url: /v3
paths:
  /pet/{petId}:
    parameters:
      - {name: petId, in: path, required: true, schema: {type: integer}}
    get: {operationId: getPetById}
    put:
      operationId: updatePet
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {name: {type: string}}}
";

fn two() -> Value {
    json!({
        "swagger": "2.0", "host": "api.example", "basePath": "/v2", "schemes": ["http", "https"],
        "paths": {
            "/pet/findByStatus": {"get": {"operationId": "findPetsByStatus", "parameters": [
                {"name": "status", "in": "query", "required": true, "type": "array", "collectionFormat": "multi"},
            ]}},
            "/pet/{petId}": {
                "get": {"operationId": "getPetById", "parameters": [{"$ref": "#/parameters/petId"}]},
                "post": {"operationId": "updatePetWithForm", "consumes": ["application/x-www-form-urlencoded"],
                    "parameters": [{"$ref": "#/parameters/petId"}, {"name": "name", "in": "formData"}]},
            },
            "/pet": {"post": {"operationId": "addPet", "parameters": [{"name": "body", "in": "body", "required": true}]}},
        },
        "parameters": {"petId": {"name": "petId", "in": "path", "required": true}},
    })
}

fn store(seen: &Seen) -> axum::response::Response {
    match (seen.method.as_str(), seen.uri.path()) {
        (_, "/v2/swagger.json") => json_answer(&two()),
        (_, "/openapi.yaml") => answer(200, &[("content-type", "application/yaml")], THREE),
        (_, "/moved") => answer(302, &[("location", "/openapi.yaml")], ""),
        (_, "/broken") => answer(200, &[], "title: none"),
        (_, "/lost.json") => answer(404, &[], ""),
        ("GET", "/v2/pet/findByStatus") => json_answer(&json!([{"id": 1}, {"id": 2}])),
        ("GET", "/v2/pet/1") => {
            json_answer(&json!({"id": 1, "name": "Rex", "status": "available"}))
        }
        _ => echo(seen),
    }
}

fn call(document: &str, operation: &str, parameters: Value) -> OpenApiCall {
    OpenApiCall {
        document: format!("https://api.example{document}"),
        document_authentication: None,
        operation_id: operation.into(),
        parameters: map(parameters),
        authentication: None,
        output: HttpOutput::Content,
        redirect: false,
    }
}

async fn perform(calls: &Calls, call: OpenApiCall) -> Result<CallAnswer, CallFailed> {
    calls.perform(&FunctionCall::OpenApi(call), &secret, "run-1:do/pet", &[]).await
}

#[tokio::test]
async fn operations_of_a_swagger_document_are_called() {
    let server = StandIn::start(store).await;
    let calls = server.calls();
    let found =
        call("/v2/swagger.json", "findPetsByStatus", json!({"status": ["available", "sold"]}));
    assert_eq!(perform(&calls, found).await.unwrap().output.as_array().unwrap().len(), 2);
    assert_eq!(server.seen()[1].uri, "/v2/pet/findByStatus?status=available&status=sold");
    let mut got = call("/v2/swagger.json", "getPetById", json!({"petId": 1}));
    got.output = HttpOutput::Response;
    let output = perform(&calls, got).await.unwrap().output;
    assert_eq!(output["content"]["name"], "Rex");
    assert_eq!(output["request"]["uri"], "https://api.example/v2/pet/1");
    let form = call("/v2/swagger.json", "updatePetWithForm", json!({"petId": 2, "name": "Max"}));
    let output = perform(&calls, form).await.unwrap().output;
    assert_eq!((&output["uri"], &output["body"]), (&json!("/v2/pet/2"), &json!("name=Max")));
    let added = call("/v2/swagger.json", "addPet", json!({"body": {"name": "Ida"}}));
    let output = perform(&calls, added).await.unwrap().output;
    assert_eq!(
        (&output["method"], &output["body"]),
        (&json!("POST"), &json!("{\"name\":\"Ida\"}"))
    );
    let fetched = server.seen().iter().filter(|seen| seen.uri.path() == "/v2/swagger.json").count();
    assert_eq!(fetched, 1, "the document is kept");
}

#[tokio::test]
async fn operations_of_an_openapi_document_in_yaml_are_called() {
    let server = StandIn::start(store).await;
    let calls = server.calls();
    for document in ["/openapi.yaml", "/moved"] {
        let mut update = call(document, "updatePet", json!({"petId": 3, "name": "Kim"}));
        update.authentication = Some(json!({"basic": {"use": "login"}}));
        let output = perform(&calls, update).await.unwrap().output;
        assert_eq!((&output["method"], &output["uri"]), (&json!("PUT"), &json!("/v3/pet/3")));
        assert_eq!(output["body"], "{\"name\":\"Kim\"}");
        assert_eq!(output["headers"]["authorization"], "Basic YWRhOmNvcnJlY3QgaG9yc2U=");
    }
}

#[tokio::test]
async fn what_the_document_does_not_have_is_explained() {
    let server = StandIn::start(store).await;
    let calls = server.calls();
    for (document, operation, parameters, kind, said) in [
        (
            "/v2/swagger.json",
            "getPetByID",
            json!({}),
            "validation",
            "no operation getPetByID; did you mean getPetById?",
        ),
        (
            "/v2/swagger.json",
            "getPetById",
            json!({}),
            "validation",
            "needs the parameter petId (path)",
        ),
        (
            "/v2/swagger.json",
            "getPetById",
            json!({"petId": 1, "x": 1}),
            "validation",
            "has no parameter x",
        ),
        ("/broken", "x", json!({}), "communication", "says neither"),
        ("/lost.json", "x", json!({}), "communication", "answered 404 Not Found"),
    ] {
        let error =
            rejected(perform(&calls, call(document, operation, parameters)).await.unwrap_err());
        assert!(error.kind.ends_with(kind) && error.to_string().contains(said), "{error:?}");
    }
}

#[tokio::test]
async fn a_document_cannot_lead_to_a_private_address() {
    let server = StandIn::start(|seen| match seen.uri.path() {
        "/inside.json" => json_answer(&json!({
            "openapi": "3.1.0", "servers": [{"url": "http://169.254.169.254/latest"}],
            "paths": {"/meta-data": {"get": {"operationId": "read"}}},
        })),
        _ => echo(seen),
    })
    .await;
    let error = rejected(
        perform(&server.calls(), call("/inside.json", "read", json!({}))).await.unwrap_err(),
    );
    assert_eq!(error.status, 403, "{error}");
}

#[tokio::test]
async fn a_document_that_cannot_be_fetched_is_for_later() {
    let hangs_up = StandIn::that_hangs_up().await;
    let failed = perform(&hangs_up.calls(), call("/x", "addPet", json!({}))).await.unwrap_err();
    assert!(matches!(failed.failure, CallFailure::Later(_)), "{failed}");
}
