//! Lists of clients, and of the connections of one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{KIND, find, visibility};
use crate::management::{client_grants, connections, listing};
use crate::pipeline::{Answer, ApiError, Context, Envelope, Paging, Projection, Request};
use crate::store::{Document, End, Span};

const MOST: u64 = 100_000;
/// Lists of some fields show this one too.
const ALWAYS_LISTED: &str = "tenant";

/// `GET /clients`
pub(super) async fn list(context: Context, request: Request) -> Result<Answer, ApiError> {
    let paging = Paging::of(&request)?;
    paging.within_wall()?;
    let store = context.store();
    let page = match Filter::of(&context, &request).await? {
        None => listing::page(store, KIND, &paging).await?,
        Some(filter) => {
            listing::page_where(store, KIND, &paging, |client| filter.admits(client)).await?
        }
    };
    let projection = Projection::of(&request);
    let shown = |client| {
        let whole = visibility::shown(&context, client);
        projection.apply_keeping(ALWAYS_LISTED, whole)
    };
    let rows = page.rows.into_iter().map(|(position, client)| (position, shown(client))).collect();
    Ok(paging.answer("clients", rows, page.total, Envelope::TotalFirst))
}

/// Which clients are asked for.
struct Filter {
    is_global: Option<bool>,
    is_first_party: Option<bool>,
    app_types: Option<Vec<String>>,
    external_client_id: Option<String>,
    ids: Option<BTreeSet<String>>,
}

impl Filter {
    /// None when all of them are.
    async fn of(context: &Context, request: &Request) -> Result<Option<Self>, ApiError> {
        let listed = |text: &str| text.split(',').map(|one| one.trim().to_owned()).collect();
        let filter = Self {
            is_global: request.query_flag("is_global"),
            is_first_party: request.query_flag("is_first_party"),
            app_types: request.query_text("app_type").map(listed),
            external_client_id: request.query_text("external_client_id").map(str::to_owned),
            ids: match request.query_text("q") {
                None => None,
                Some(query) => Some(granted(context, query).await?),
            },
        };
        let is_empty = filter.is_global.is_none()
            && filter.is_first_party.is_none()
            && filter.app_types.is_none()
            && filter.external_client_id.is_none()
            && filter.ids.is_none();
        Ok((!is_empty).then_some(filter))
    }

    fn admits(&self, client: &Value) -> bool {
        let flag =
            |name: &str, wanted: Option<bool>| wanted.is_none_or(|wanted| client[name] == wanted);
        let text = |name: &str| client[name].as_str().unwrap_or_default();
        flag("global", self.is_global)
            && flag("is_first_party", self.is_first_party)
            && self
                .app_types
                .as_ref()
                .is_none_or(|types| types.iter().any(|one| one == text("app_type")))
            && self.external_client_id.as_ref().is_none_or(|id| id == text("external_client_id"))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(text("client_id")))
    }
}

/// The clients that the only two permitted queries name, both by their grants.
async fn granted(context: &Context, query: &str) -> Result<BTreeSet<String>, ApiError> {
    let store = context.store();
    let grants: Vec<Document> = match query.split_once(':') {
        Some(("client_grant.organization_id", organization)) => {
            let related = store
                .related(
                    client_grants::ORGANIZATION_GRANT,
                    End::From(organization),
                    Span::page(0, MOST),
                )
                .await?;
            let mut grants = Vec::new();
            for one in related {
                grants.extend(store.get(client_grants::KIND, &one.id).await?);
            }
            grants
        }
        Some(("client_grant.allow_any_organization", "true")) => {
            let all = store.list(client_grants::KIND, Span::page(0, MOST)).await?;
            all.into_iter().filter(|grant| grant.body["allow_any_organization"] == true).collect()
        }
        _ => {
            let message = "The query is not permitted: use client_grant.organization_id:{organization_id} or \
                           client_grant.allow_any_organization:true";
            return Err(ApiError::bad_request("invalid_query_string", message));
        }
    };
    Ok(grants
        .iter()
        .filter_map(|grant| grant.body["client_id"].as_str())
        .map(str::to_owned)
        .collect())
}

/// `GET /clients/{id}/connections`: those that are enabled for it.
pub(super) async fn connections(context: Context, request: Request) -> Result<Answer, ApiError> {
    let client = find(&context, request.id()).await?;
    let paging = Paging::by_checkpoint(&request)?;
    let strategies = request.query_texts("strategy");
    let store = context.store();
    let related = store
        .related(connections::ENABLED_CLIENT, End::To(&client.id), Span::page(0, MOST))
        .await?;
    let mut found = Vec::new();
    for one in related {
        let Some(connection) = store.get(connections::KIND, &one.id).await? else { continue };
        let is_wanted = strategies.is_empty()
            || strategies.iter().any(|strategy| connection.body["strategy"] == strategy.as_str());
        if is_wanted {
            found.push(connection);
        }
    }
    found.sort_by_key(|connection| connection.position);
    let page = listing::page_of(found, &paging);
    let projection = Projection::of(&request);
    let mut rows = Vec::new();
    for (position, connection) in page.rows {
        let shown = connections::shown(&context, connection).await?;
        rows.push((position, projection.apply(shown)));
    }
    Ok(paging.answer("connections", rows, page.total, Envelope::TotalFirst))
}
