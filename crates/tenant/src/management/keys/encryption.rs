//! `/keys/encryption`: the tree of keys that protect a tenant's secrets. Root keys can be brought along; they are kept
//! as states, nothing is encrypted with them.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use callboard_contract::Inexistent;
use serde_json::{Value, json};

use crate::certificates;
use crate::management::generic::{
    self, Family, IdForm, Listing,
    Verb::{Create, Read},
    find, listed, uuid,
};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Document, Transaction};

static KEYS: Family = Family {
    id_field: "kid",
    path_id: "kid",
    fresh: |_| json!({"type": "", "state": "pre-activation"}),
    routes: &[
        (Create, "post_encryption", "Create an encryption key"),
        (Read, "get_encryption_key", ""),
    ],
    ..Family::new("encryption_key", IdForm::Uuid, |_| Inexistent::Other("encryption key").into())
};

pub(super) fn behaviours(table: &mut Table) {
    generic::behaviours(table, &KEYS);
    table.read("get_encryption_keys", list);
    table.write("post_encryption_key", "Import an encryption key", import);
    table.write("post_encryption_wrapping_key", "Create a public wrapping key", wrapping_key);
    table.write("post_encryption_rekey", "Rekey the key hierarchy", rekey);
    table.write("delete_encryption_key", "Delete an encryption key", destroy);
}

/// A tenant has a root and a master key from the start; they come to be when somebody looks.
async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut keys = listed(&KEYS, &context, &request).await?;
    if !keys.iter().any(|key| key.body["type"] == "tenant-master-key") {
        let root = uuid(context.tenant.random());
        let change = add(&context, Transaction::new(), "environment-root-key", &root, None);
        let master = uuid(context.tenant.random());
        let change = add(&context, change, "tenant-master-key", &master, Some(&root));
        context.store().commit(change).await?;
        keys = listed(&KEYS, &context, &request).await?;
    }
    Listing::of(generic::operation("get_encryption_keys")).answer(&request, keys, &|key| key)
}

/// A wrapped key makes the waiting key active.
async fn import(context: Context, request: Request) -> Result<Answer, ApiError> {
    set_state(&context, &request, "active", Answer::created).await
}

/// A destroyed key stays in the list.
async fn destroy(context: Context, request: Request) -> Result<Answer, ApiError> {
    set_state(&context, &request, "destroyed", |_: Value| Answer::no_content()).await
}

async fn set_state(
    context: &Context,
    request: &Request,
    state: &str,
    answer: impl FnOnce(Value) -> Answer,
) -> Result<Answer, ApiError> {
    let found = find(&KEYS, context, request).await?;
    let (change, key) = with_state(context, Transaction::new(), found, state);
    Ok(context.commit(change, answer(key)).await?)
}

fn with_state(
    context: &Context,
    change: Transaction,
    found: Document,
    state: &str,
) -> (Transaction, Value) {
    let mut key = found.body;
    key["state"] = state.into();
    key["updated_at"] = context.timestamp().into();
    let keys = KEYS.keys(&key);
    (change.replace(KEYS.kind, found.id, found.version, key.clone(), keys), key)
}

/// The public half of a key with which a root key is wrapped on its way here. Its private half is not needed: what comes
/// is never unwrapped.
async fn wrapping_key(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&KEYS, &context, &request).await?;
    let failed = |_| ApiError::internal("no RSA key could be generated");
    let pair = KeyPair::generate(KeySize::Rsa3072).map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    let answer = Answer::created(json!({
        "public_key": certificates::pem("PUBLIC KEY", public.as_ref()).replace("\r\n", "\n"), "algorithm": "CKM_RSA_AES_KEY_WRAP",
    }));
    Ok(context.commit(Transaction::new(), answer).await?)
}

/// A new master key below the active root; the old one is left to what it has encrypted.
async fn rekey(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut change = Transaction::new();
    let mut root = None;
    for key in listed(&KEYS, &context, &request).await? {
        if key.body["state"] != "active" {
            continue;
        }
        match key.body["type"].as_str() {
            Some("tenant-master-key") => {
                change = with_state(&context, change, key, "deactivated").0;
            }
            Some("environment-root-key" | "customer-provided-root-key") => root = Some(key.id),
            _ => {}
        }
    }
    let master = uuid(context.tenant.random());
    let change = add(&context, change, "tenant-master-key", &master, root.as_deref());
    Ok(context.commit(change, Answer::no_content()).await?)
}

fn add(
    context: &Context,
    change: Transaction,
    key_type: &str,
    kid: &str,
    parent: Option<&str>,
) -> Transaction {
    let now = context.timestamp();
    let key = json!({
        "kid": kid, "type": key_type, "state": "active", "created_at": now, "updated_at": now, "parent_kid": parent,
    });
    let keys = KEYS.keys(&key);
    change.insert(KEYS.kind, kid, key, keys)
}
