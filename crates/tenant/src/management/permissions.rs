//! Permissions: a scope of an API, given to roles and users.

use std::collections::HashMap;

use callboard_contract::Inexistent;
use http::StatusCode;
use serde_json::{Value, json};

use super::resource_servers;
use crate::pipeline::{ApiError, Context};
use crate::store::StoreError;

/// One scope of one API. Its text form is the target of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Permission {
    /// The API's identifier, as it is stored.
    pub(crate) api: String,
    pub(crate) name: String,
}

impl Permission {
    /// The form in which relations hold it.
    pub(crate) fn to_text(&self) -> String {
        json!([self.api, self.name]).to_string()
    }

    /// None for what [`Self::to_text`] has not written.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (api, name) = serde_json::from_str(text).ok()?;
        Some(Self { api, name })
    }

    /// The permissions of a request body; each must be a scope of an API of this tenant.
    pub(crate) async fn of_body(context: &Context, body: &Value) -> Result<Vec<Self>, ApiError> {
        let named = Self::named_in(context, body);
        let mut apis = Apis::default();
        for permission in &named {
            let api = apis.get(context, &permission.api).await?;
            let scopes = api["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !scopes.iter().any(|scope| scope["value"] == permission.name.as_str()) {
                let message = format!(
                    "The permission {} does not exist in resource server {}",
                    permission.name,
                    context.origin.visible_audience(&permission.api)
                );
                return Err(ApiError::new(StatusCode::NOT_FOUND, message));
            }
        }
        Ok(named)
    }

    /// The permissions that a body names, whether or not they exist.
    pub(crate) fn named_in(context: &Context, body: &Value) -> Vec<Self> {
        let items = body["permissions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| Self {
                api: context
                    .origin
                    .stored_audience(&text(item, "resource_server_identifier"))
                    .to_owned(),
                name: text(item, "permission_name"),
            })
            .collect()
    }
}

/// Resource servers by identifier, each read once.
#[derive(Default)]
pub(crate) struct Apis {
    known: HashMap<String, Value>,
}

impl Apis {
    async fn get(&mut self, context: &Context, identifier: &str) -> Result<Value, ApiError> {
        let api = self.find(context, identifier).await?;
        if api.is_null() {
            return Err(Inexistent::ResourceServer.into());
        }
        Ok(api)
    }

    /// `Null` when there is none.
    async fn find(&mut self, context: &Context, identifier: &str) -> Result<Value, StoreError> {
        if let Some(known) = self.known.get(identifier) {
            return Ok(known.clone());
        }
        let store = context.store();
        let found =
            store.find(resource_servers::KIND, resource_servers::BY_IDENTIFIER, identifier).await?;
        let api = found.map_or(Value::Null, |document| document.body);
        self.known.insert(identifier.to_owned(), api.clone());
        Ok(api)
    }

    /// A permission as lists show it.
    pub(crate) async fn describe(
        &mut self,
        context: &Context,
        permission: &Permission,
    ) -> Result<Value, StoreError> {
        let api = self.find(context, &permission.api).await?;
        let scopes = api["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let scope = scopes.iter().find(|scope| scope["value"] == permission.name.as_str());
        let description = scope.and_then(|scope| scope["description"].as_str()).unwrap_or_default();
        Ok(json!({
            "permission_name": permission.name,
            "description": description,
            "resource_server_name": api["name"].as_str().unwrap_or_default(),
            "resource_server_identifier": context.origin.visible_audience(&permission.api),
        }))
    }
}
