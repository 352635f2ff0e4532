//! `/keys/signing`: rotating and revoking the keys with which the tenant signs.

use std::sync::Arc;

use callboard_contract::ErrorBody;
use http::StatusCode;
use serde_json::{Value, json};

use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::Transaction;
use crate::tenants::signing_keys::{self, CURRENT, KIND, NEXT, REVOKED_AT, StoredKey};
use crate::tokens::SigningKey;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_signing_keys", list);
    table.read("get_signing_key", get);
    table.write("post_signing_keys", "Rotate the application signing key", rotate);
    table.write("put_signing_keys", "Revoke an application signing key", revoke);
}

async fn keys(context: &Context) -> Result<Vec<StoredKey>, ApiError> {
    let tenant = &context.tenant;
    signing_keys::all_with_next(tenant.store(), tenant.random()).await.map_err(ApiError::internal)
}

async fn list(context: Context, _: Request) -> Result<Answer, ApiError> {
    let keys = keys(&context).await?;
    let current = keys.iter().filter(|stored| stored.document.id == CURRENT);
    let others = keys.iter().rev().filter(|stored| stored.document.id != CURRENT);
    adopt(&context, &keys);
    Ok(Answer::ok(current.chain(others).map(shown).collect::<Value>()))
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let keys = keys(&context).await?;
    find(&keys, request.path("kid")).map(|stored| Answer::ok(shown(stored)))
}

/// The next key becomes current, the current one previous, and a new one comes next.
async fn rotate(context: Context, _: Request) -> Result<Answer, ApiError> {
    let stored = keys(&context).await?;
    let part = |id: &str| {
        let found = stored.iter().find(|stored| stored.document.id == id);
        found.ok_or_else(|| ApiError::internal("a signing key has gone"))
    };
    let (current, next) = (part(CURRENT)?, part(NEXT)?);
    let newest = SigningKey::generate(context.tenant.random()).map_err(ApiError::internal)?;
    let now = context.timestamp();
    let mut retired = current.document.body.clone();
    retired["current_until"] = now.as_str().into();
    let mut promoted = next.document.body.clone();
    promoted["current_since"] = now.as_str().into();
    let change = Transaction::new()
        .insert(KIND, current.key.kid(), retired, Vec::new())
        .replace(KIND, CURRENT, current.document.version, promoted, Vec::new())
        .replace(KIND, NEXT, next.document.version, newest.to_document(), Vec::new());
    let certificate = next.key.certificate();
    let answer =
        Answer::with(StatusCode::CREATED, json!({"kid": next.key.kid(), "cert": certificate.pem}));
    let answer = context.commit(change, answer).await?;
    adopt(&context, &keys(&context).await?);
    Ok(answer)
}

/// What a revoked key has signed is no longer believed, at once.
async fn revoke(context: Context, request: Request) -> Result<Answer, ApiError> {
    let stored = keys(&context).await?;
    let found = find(&stored, request.path("kid"))?;
    if [CURRENT, NEXT].contains(&found.document.id.as_str()) {
        return Err(ApiError::invalid_body("Only a previous signing key can be revoked."));
    }
    let mut body = found.document.body.clone();
    if body.get(REVOKED_AT).is_none() {
        body[REVOKED_AT] = context.timestamp().into();
    }
    let answer = Answer::ok(json!({"kid": found.key.kid(), "cert": found.key.certificate().pem}));
    let change = Transaction::new().replace(
        KIND,
        found.document.id.as_str(),
        found.document.version,
        body,
        Vec::new(),
    );
    let answer = context.commit(change, answer).await?;
    adopt(&context, &keys(&context).await?);
    context.tenant.verifier().forget();
    Ok(answer)
}

fn adopt(context: &Context, keys: &[StoredKey]) {
    if let Some(ring) = signing_keys::ring(keys) {
        context.tenant.use_keys(Arc::new(ring));
    }
}

fn find<'k>(keys: &'k [StoredKey], kid: &str) -> Result<&'k StoredKey, ApiError> {
    let found = keys.iter().find(|stored| stored.key.kid() == kid);
    found.ok_or_else(|| ErrorBody::new(404, "The signing key does not exist.").into())
}

fn shown(stored: &StoredKey) -> Value {
    let (id, body) = (stored.document.id.as_str(), &stored.document.body);
    let certificate = stored.key.certificate();
    let mut shown = json!({
        "kid": stored.key.kid(), "cert": certificate.pem, "pkcs7": certificate.pkcs7, "current": id == CURRENT,
        "next": id == NEXT, "previous": ![CURRENT, NEXT].contains(&id), "fingerprint": certificate.fingerprint(),
        "thumbprint": certificate.thumbprint, "revoked": body.get(REVOKED_AT).is_some(),
    });
    for name in ["current_since", "current_until", REVOKED_AT] {
        if let Some(value) = body.get(name) {
            shown[name] = value.clone();
        }
    }
    shown
}
