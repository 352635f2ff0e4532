//! What a tenant has from its first moment, and the client that the command line asks for.

use callboard_contract::contract;
use serde_json::json;

use super::signing_keys::KeysError;
use super::{OpenError, Tenant};
use crate::management::{client_grants, clients, connections, resource_servers, tenant_settings};
use crate::pipeline::SYSTEM_API;
use crate::store::{CommitError, StoreError, Transaction};
use crate::tokens::TokenError;
use callboard_contract::timestamps::to_wire;

/// Why the basics could not be made.
pub(super) enum Failure {
    Store(StoreError),
    Keys(TokenError),
}

impl Failure {
    pub(super) fn naming(self, tenant: &str) -> OpenError {
        let tenant = tenant.to_owned();
        match self {
            Self::Store(source) => OpenError::Store { tenant, source },
            Self::Keys(source) => OpenError::Keys { tenant, source },
        }
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => Self::Store(error),
            KeysError::Key(error) => Self::Keys(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Tenant settings, the Management API as a resource server, the default database connection, and the global client.
pub(super) async fn ensure_basics(tenant: &Tenant) -> Result<(), StoreError> {
    let store = tenant.store();
    if store.get(tenant_settings::KIND, tenant_settings::ID).await?.is_some() {
        return Ok(());
    }
    let connection = connections::first_database(tenant.random());
    let system_api = resource_servers::system(tenant.random());
    let global_client = clients::global(tenant.random(), tenant.name());
    let basics = Transaction::new()
        .insert(tenant_settings::KIND, tenant_settings::ID, tenant_settings::fresh(), Vec::new())
        .insert(
            resource_servers::KIND,
            system_api["id"].as_str().unwrap_or_default(),
            system_api.clone(),
            resource_servers::keys(&system_api),
        )
        .insert(
            connections::KIND,
            connection["id"].as_str().unwrap_or_default(),
            connection.clone(),
            connections::keys(&connection),
        )
        .insert(
            clients::KIND,
            global_client["client_id"].as_str().unwrap_or_default(),
            global_client.clone(),
            clients::keys(&global_client),
        );
    tolerating_conflicts(store.commit(basics).await)
}

/// The client, its grant for the whole Management API, and its place in the database connection.
pub(super) async fn ensure_client(
    tenant: &Tenant,
    id: &str,
    secret: &str,
) -> Result<(), CommitError> {
    let store = tenant.store();
    // An application that is there keeps its settings; only the secret becomes the given one.
    let mut client = match store.get(clients::KIND, id).await? {
        Some(known) => known.body,
        None => clients::machine_to_machine(id, secret, tenant.name()),
    };
    client["client_secret"] = secret.into();
    let grant_key = client_grants::key_value(id, SYSTEM_API, "client");
    let known = store.find(client_grants::KIND, client_grants::BY_PARTIES, &grant_key).await?;
    let grant_id = known.map_or_else(
        || format!("cgr_{}", tenant.random().alphanumeric(16)),
        |document| document.id,
    );
    let grant = json!({
        "id": grant_id, "client_id": id, "audience": SYSTEM_API, "scope": contract().scopes(), "subject_type": "client",
    });
    let mut change = Transaction::new()
        .put(clients::KIND, id, client.clone(), clients::keys(&client))
        .put(client_grants::KIND, grant_id, grant.clone(), client_grants::keys(&grant));
    if let Some(connection) =
        store.find(connections::KIND, connections::BY_NAME, connections::FIRST_DATABASE).await?
    {
        change = change.relate(connections::ENABLED_CLIENT, connection.id, id);
    }
    store.commit(change).await?;
    tracing::debug!(client.id = id, at = to_wire(tenant.now()), "the client is ready");
    Ok(())
}

/// Two processes that open the same folder make the same basics.
fn tolerating_conflicts(outcome: Result<(), CommitError>) -> Result<(), StoreError> {
    match outcome {
        Ok(()) | Err(CommitError::Conflict(_)) => Ok(()),
        Err(CommitError::Store(error)) => Err(error),
    }
}
