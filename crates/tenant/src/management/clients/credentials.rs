//! Keys and certificates by which a client proves itself instead of with a secret.

use callboard_contract::Inexistent;
use callboard_contract::timestamps::to_wire;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{client_grants, find};
use crate::certificates::{Certificate, PublicKey, Unreadable};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Key, Kind, Span, Transaction};

pub(super) const KIND: Kind = Kind("client_credential");

/// Credentials that a client may have at a time.
const MOST: u64 = 2;

/// Where a client names credentials: the methods by which it authenticates, and its signed requests.
const METHODS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_credentials", list);
    table.write("post_credentials", "Create a client credential", create);
    table.read("get_credentials_by_credential_id", get);
    table.write("patch_credentials_by_credential_id", "Update a client credential", update);
    table.write("delete_credentials_by_credential_id", "Delete a client credential", delete);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let client = find(&context, request.path("client_id")).await?;
    let found = of_client(&context, &client.id).await?;
    Ok(Answer::ok(found.into_iter().map(|credential| shown(credential.body)).collect::<Vec<_>>()))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find_credential(&context, &request).await?;
    Ok(Answer::ok(shown(found.body)))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let client = find(&context, request.path("client_id")).await?;
    if of_client(&context, &client.id).await?.len() as u64 >= MOST {
        let message = format!("A client can have at most {MOST} credentials.");
        return Err(ApiError::bad_request("invalid_body", message));
    }
    let credential = new(&context, &Value::Object(request.into_fields()))?;
    let answer = Answer::created(credential.clone());
    let change = kept(Transaction::new(), credential, &client.id);
    Ok(context.commit(change, answer).await?)
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find_credential(&context, &request).await?;
    let client = request.path("client_id").to_owned();
    let mut credential = found.body;
    for (name, value) in request.into_fields() {
        credential[name.as_str()] = normalised(&value);
    }
    credential["updated_at"] = context.timestamp().into();
    let answer = Answer::ok(shown(credential.clone()));
    let change =
        Transaction::new().replace(KIND, found.id, found.version, credential, keys(&client));
    Ok(context.commit(change, answer).await?)
}

async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let client = find(&context, request.path("client_id")).await?;
    let id = request.path("credential_id");
    if ids_in(&client.body).iter().any(|bound| bound == id) {
        let message = "The credential is used by the client and cannot be deleted.";
        return Err(ApiError::bad_request("operation_not_supported", message));
    }
    let is_its_own = of_client(&context, &client.id).await?.iter().any(|one| one.id == id);
    let change = if is_its_own { Transaction::new().delete(KIND, id) } else { Transaction::new() };
    Ok(context.commit(change, Answer::no_content()).await?)
}

async fn of_client(context: &Context, client: &str) -> Result<Vec<Document>, ApiError> {
    let all = Span::page(0, 100);
    Ok(context.store().matching(KIND, client_grants::BY_CLIENT, client, all).await?)
}

async fn find_credential(context: &Context, request: &Request) -> Result<Document, ApiError> {
    let client = find(context, request.path("client_id")).await?;
    let found = of_client(context, &client.id).await?;
    found
        .into_iter()
        .find(|credential| credential.id == request.path("credential_id"))
        .ok_or_else(|| Inexistent::Other("credential").into())
}

/// Reads show the expiry even where there is none.
fn shown(mut credential: Value) -> Value {
    if credential["expires_at"].is_null() {
        credential["expires_at"] = Value::Null;
    }
    credential
}

fn keys(client: &str) -> Vec<Key> {
    vec![Key::shared(client_grants::BY_CLIENT, client)]
}

fn kept(change: Transaction, credential: Value, client: &str) -> Transaction {
    let id = credential["id"].as_str().unwrap_or_default().to_owned();
    change.insert(KIND, id, credential, keys(client))
}

/// A credential made from what its maker sent.
fn new(context: &Context, given: &Value) -> Result<Value, ApiError> {
    let kind = given["credential_type"].as_str().unwrap_or_default();
    let pem = given["pem"].as_str().unwrap_or_default();
    let unreadable =
        |_: Unreadable| ApiError::invalid_body("The pem of the credential could not be read.");
    let mut credential = Map::new();
    credential
        .insert("id".into(), format!("cred_{}", context.tenant.random().alphanumeric(22)).into());
    credential.insert("credential_type".into(), kind.into());
    if let Some(name) = given.get("name") {
        credential.insert("name".into(), name.clone());
    }
    match kind {
        "x509_cert" => {
            let certificate = Certificate::from_pem(pem).map_err(unreadable)?;
            credential.insert("thumbprint_sha256".into(), certificate.thumbprint_sha256.into());
            credential.insert("expires_at".into(), certificate.expires_at.into());
        }
        "cert_subject_dn" => {
            let subject = match given["subject_dn"].as_str() {
                Some(subject) => subject.to_owned(),
                None => Certificate::from_pem(pem).map_err(unreadable)?.subject_lines(),
            };
            credential.insert("subject_dn".into(), subject.into());
        }
        _ => {
            let key = PublicKey::from_pem(pem).map_err(unreadable)?;
            let key_id = given["kid"].as_str().map_or_else(|| key.thumbprint(), str::to_owned);
            credential.insert("kid".into(), key_id.into());
            credential.insert("alg".into(), given["alg"].as_str().unwrap_or("RS256").into());
            if given["parse_expiry_from_cert"] == true {
                let certificate = Certificate::from_pem(pem).map_err(unreadable)?;
                credential.insert("expires_at".into(), certificate.expires_at.into());
            }
        }
    }
    if let Some(expiry) = given.get("expires_at") {
        credential.insert("expires_at".into(), normalised(expiry));
    }
    let now = context.timestamp();
    credential.insert("created_at".into(), now.as_str().into());
    credential.insert("updated_at".into(), now.into());
    Ok(Value::Object(credential))
}

/// A time in UTC with milliseconds, however it was written.
fn normalised(time: &Value) -> Value {
    let moment = time.as_str().and_then(|text| text.parse().ok());
    moment.map_or_else(|| time.clone(), |moment| to_wire(moment).into())
}

/// The lists of credentials in a client, wherever they may stand.
fn lists(client: &mut Map<String, Value>) -> Vec<&mut Vec<Value>> {
    let mut lists = Vec::new();
    for (name, value) in client.iter_mut() {
        match name.as_str() {
            "signed_request_object" => {
                lists.extend(value.get_mut("credentials").and_then(Value::as_array_mut));
            }
            "client_authentication_methods" => {
                let methods = value.as_object_mut().into_iter().flatten();
                let known = methods.filter(|(name, _)| METHODS.contains(&name.as_str()));
                lists.extend(
                    known.filter_map(|(_, method)| method.get_mut("credentials")?.as_array_mut()),
                );
            }
            _ => {}
        }
    }
    lists
}

fn ids_in(client: &Value) -> Vec<String> {
    let Value::Object(mut client) = client.clone() else { return Vec::new() };
    let lists = lists(&mut client);
    let credentials = lists.into_iter().flat_map(|list| list.iter());
    credentials.filter_map(|credential| credential["id"].as_str()).map(str::to_owned).collect()
}

/// Credentials that came with a new client, whose own document only names them.
pub(super) struct NewCredentials(Vec<Value>);

/// Takes fully defined credentials out of a new client and leaves their ids in their place.
pub(super) fn take_new(
    context: &Context,
    client: &mut Map<String, Value>,
) -> Result<NewCredentials, ApiError> {
    let mut made = Vec::new();
    for list in lists(client) {
        for place in list.iter_mut() {
            let credential = new(context, place)?;
            *place = json!({"id": credential["id"]});
            made.push(credential);
        }
    }
    Ok(NewCredentials(made))
}

impl NewCredentials {
    /// The client with its credentials in full, as only the answer to its creation shows it.
    pub(super) fn shown_in(&self, client: Value) -> Value {
        let Value::Object(mut client) = client else { return client };
        for list in lists(&mut client) {
            for place in list.iter_mut() {
                if let Some(credential) = self.0.iter().find(|one| one["id"] == place["id"]) {
                    *place = credential.clone();
                }
            }
        }
        Value::Object(client)
    }

    pub(super) fn kept(self, change: Transaction, client: &str) -> Transaction {
        self.0.into_iter().fold(change, |change, credential| kept(change, credential, client))
    }
}

/// Refuses a change that names credentials which the client does not have.
pub(super) async fn require_known(
    context: &Context,
    client: &str,
    change: &Map<String, Value>,
) -> Result<(), ApiError> {
    let named = ids_in(&Value::Object(change.clone()));
    if named.is_empty() {
        return Ok(());
    }
    let known = of_client(context, client).await?;
    match named.iter().find(|id| !known.iter().any(|one| one.id == **id)) {
        None => Ok(()),
        Some(id) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("The credential {id} does not exist."),
        )),
    }
}
