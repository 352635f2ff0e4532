//! The keys with which a connection authenticates at its identity provider (`private_key_jwt`).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use callboard_contract::Inexistent;
use serde_json::{Value, json};

use super::find;
use crate::certificates::self_signed;
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Kind, Transaction};

/// The keys of a connection, one document under the connection's id: `{"keys": [{"shown": …, "pkcs8": …}]}`, the
/// present one first, then the previous one if there is one, then the next.
const KIND: Kind = Kind("connection_keys");

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_keys", list);
    table.write("post_keys", "Create connection keys", create);
    table.write("post_rotate", "Rotate connection keys", rotate);
}

async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    let found = keys_of(&context, request.id()).await?;
    Ok(Answer::ok(shown(&found.body)))
}

async fn keys_of(context: &Context, connection: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, connection).await?.ok_or_else(|| Inexistent::Other("key").into())
}

fn shown(body: &Value) -> Vec<Value> {
    let keys = body["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    keys.iter().map(|key| key["shown"].clone()).collect()
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    if context.store().get(KIND, &connection.id).await?.is_some() {
        return Err(ApiError::conflict("Keys have already been created for this connection."));
    }
    let body = first_pair(&context, &connection.body).await?;
    let answer = Answer::created(shown(&body));
    let change = Transaction::new().insert(KIND, connection.id, body, Vec::new());
    Ok(context.commit(change, answer).await?)
}

/// A new connection that authenticates with keys gets its first two.
pub(super) async fn made_with(
    change: Transaction,
    context: &Context,
    connection: &Value,
) -> Result<Transaction, ApiError> {
    if connection["options"]["token_endpoint_auth_method"] != "private_key_jwt" {
        return Ok(change);
    }
    let id = connection["id"].as_str().unwrap_or_default();
    Ok(change.insert(KIND, id, first_pair(context, connection).await?, Vec::new()))
}

pub(super) fn removed(change: Transaction, connection: &str) -> Transaction {
    change.delete(KIND, connection)
}

async fn first_pair(context: &Context, connection: &Value) -> Result<Value, ApiError> {
    let name = connection["name"].as_str().unwrap_or_default();
    let (mut present, mut next) = (generated(name).await?, generated(name).await?);
    present["shown"]["current"] = true.into();
    present["shown"]["current_since"] = context.timestamp().into();
    next["shown"]["next"] = true.into();
    Ok(json!({"keys": [present, next]}))
}

/// The next key becomes the present one, the present the previous, and there is a new next.
async fn rotate(context: Context, request: Request) -> Result<Answer, ApiError> {
    let connection = find(&context, request.id()).await?;
    let found = keys_of(&context, &connection.id).await?;
    let keys = found.body["keys"].as_array().cloned().unwrap_or_default();
    let (Some(mut previous), Some(mut present)) = (keys.first().cloned(), keys.last().cloned())
    else {
        return Err(ApiError::internal("a connection has no keys"));
    };
    let mut next = generated(connection.body["name"].as_str().unwrap_or_default()).await?;
    for (key, role) in [(&mut previous, "previous"), (&mut present, "current"), (&mut next, "next")]
    {
        if let Some(shown) = key["shown"].as_object_mut() {
            for other in ["current", "current_since", "next", "previous"] {
                shown.shift_remove(other);
            }
            shown.insert(role.into(), true.into());
        }
    }
    present["shown"]["current_since"] = context.timestamp().into();
    let answer = Answer::created(next["shown"].clone());
    let body = json!({"keys": [present, previous, next]});
    let change = Transaction::new().replace(KIND, found.id, found.version, body, Vec::new());
    Ok(context.commit(change, answer).await?)
}

/// A new key; making one keeps a processor busy for a moment.
async fn generated(name: &str) -> Result<Value, ApiError> {
    let name = name.to_owned();
    let made = tokio::task::spawn_blocking(move || key(&name)).await.map_err(ApiError::internal)?;
    made.map_err(|_| ApiError::internal("a key could not be made"))
}

fn key(name: &str) -> Result<Value, aws_lc_rs::error::Unspecified> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der()?;
    let certificate = self_signed(&pair, name)?;
    Ok(json!({
        "shown": {
            "kid": URL_SAFE_NO_PAD.encode(digest(&SHA256, pair.public_key().as_ref())),
            "algorithm": "RS256",
            "key_use": "signing",
            "subject_dn": format!("/CN={name}"),
            "cert": certificate.pem,
            "fingerprint": certificate.fingerprint(),
            "thumbprint": certificate.thumbprint,
            "pkcs": certificate.pkcs7,
        },
        "pkcs8": STANDARD.encode(pkcs8.as_ref()),
    }))
}
