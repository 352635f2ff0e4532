//! Connections: where users come from.

mod attributes;
mod enabled_clients;
mod keys;
mod list;
mod okta;
mod options;
mod scim;
mod users;

use callboard_contract::Inexistent;
use serde_json::{Map, Value, json};

use crate::pipeline::{Answer, ApiError, Context, Origin, Projection, Request, Table};
use crate::random::Random;
use crate::store::{CommitError, Conflict, Document, End, Key, Kind, Relation, Span, Transaction};
use options::Occasion;

pub(crate) const KIND: Kind = Kind("connection");
pub(crate) const BY_NAME: &str = "name";

/// From a connection to a client whose users may log in through it.
pub(crate) const ENABLED_CLIENT: Relation = Relation("connection-client");

/// The database connection that every new tenant has.
pub(crate) const FIRST_DATABASE: &str = "Username-Password-Authentication";

/// Strategies whose identity providers belong to an organization: they get a button, a display name and a page for
/// the organization's administrator.
const ENTERPRISE: [&str; 13] = [
    "ad",
    "adfs",
    "auth0-adldap",
    "auth0-oidc",
    "custom",
    "google-apps",
    "ip",
    "office365",
    "oidc",
    "okta",
    "pingfederate",
    "samlp",
    "waad",
];

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_connections", list::list);
    table.write("post_connections", "Create a connection", create);
    table.read("get_connections_by_id", get);
    table.write("patch_connections_by_id", "Update a connection", update);
    table.write("delete_connections_by_id", "Delete a connection", delete);
    table.read("get_status", status);
    enabled_clients::behaviours(table);
    users::behaviours(table);
    keys::behaviours(table);
    scim::behaviours(table);
}

pub(crate) fn keys(connection: &Value) -> Vec<Key> {
    vec![
        Key::unique(BY_NAME, connection["name"].as_str().unwrap_or_default()),
        Key::shared("strategy", connection["strategy"].as_str().unwrap_or_default()),
    ]
}

pub(crate) fn first_database(random: &Random) -> Value {
    json!({
        "id": format!("con_{}", random.alphanumeric(16)),
        "name": FIRST_DATABASE,
        "strategy": "auth0",
        "options": options::of_new_database(),
        "is_domain_connection": false,
        "realms": [FIRST_DATABASE],
        "authentication": {"active": true},
        "connected_accounts": {"active": false},
    })
}

/// The connection, or the API's 404.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Document, ApiError> {
    context.store().get(KIND, id).await?.ok_or_else(|| Inexistent::Connection.into())
}

/// A connection with the clients that may use it.
pub(crate) async fn shown(context: &Context, mut connection: Value) -> Result<Value, ApiError> {
    let id = connection["id"].as_str().unwrap_or_default();
    let related =
        context.store().related(ENABLED_CLIENT, End::From(id), Span::page(0, u64::MAX)).await?;
    connection["enabled_clients"] = related.into_iter().map(|client| client.id).collect();
    Ok(connection)
}

async fn get(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let shown = shown(&context, found.body).await?;
    Ok(Answer::ok(Projection::of(&request).apply(shown)))
}

async fn create(context: Context, request: Request) -> Result<Answer, ApiError> {
    let mut given = request.into_fields();
    let clients = enabled_clients::take(&context, &mut given).await?;
    let random = context.tenant.random();
    let id = format!("con_{}", random.alphanumeric(16));
    let mut connection = new(&id, given, &context)?;
    let change =
        Transaction::new().insert(KIND, id.as_str(), connection.clone(), keys(&connection));
    let change =
        clients.iter().fold(change, |change, client| change.relate(ENABLED_CLIENT, &*id, client));
    let change = keys::made_with(change, &context, &connection).await?;
    connection["enabled_clients"] = clients.into();
    context.commit(change, Answer::created(connection)).await.map_err(|error| match error {
        CommitError::Conflict(Conflict::Taken { .. }) => {
            ApiError::conflict("A connection with the same name already exists")
        }
        other => other.into(),
    })
}

/// The given fields with what the API adds.
fn new(id: &str, mut given: Map<String, Value>, context: &Context) -> Result<Value, ApiError> {
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, strategy) = (text("name"), text("strategy"));
    let sent = given.shift_remove("options");
    let options = options::complete(&strategy, sent, Occasion::Creation, &context.origin)?;
    let mut connection = Map::new();
    connection.insert("id".into(), id.into());
    connection.insert("options".into(), options);
    connection.insert("strategy".into(), strategy.as_str().into());
    connection.insert("name".into(), name.as_str().into());
    if let Some(url) = provisioning_ticket_url(&strategy, context) {
        connection.insert("provisioning_ticket_url".into(), url.into());
    }
    connection.insert("is_domain_connection".into(), false.into());
    if ENTERPRISE.contains(&strategy.as_str()) {
        connection.insert("show_as_button".into(), false.into());
        connection.insert("display_name".into(), name.as_str().into());
    }
    connection.insert("realms".into(), json!([name]));
    connection.insert("authentication".into(), json!({"active": true}));
    connection.insert("connected_accounts".into(), json!({"active": false}));
    connection.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
    Ok(Value::Object(connection))
}

/// Where the administrator of an identity provider finishes the setup. Some strategies have none.
fn provisioning_ticket_url(strategy: &str, context: &Context) -> Option<String> {
    let (host, random) = (context.origin.host(), context.tenant.random());
    let path = match strategy {
        "ad" | "auth0-adldap" => format!("p/ad/{}", random.alphanumeric(32)),
        "adfs" | "samlp" | "pingfederate" => format!("p/{strategy}/{}", random.alphanumeric(8)),
        "waad" | "google-apps" => {
            format!("{}/p/{strategy}/{}", context.tenant.name(), random.alphanumeric(8))
        }
        _ => return None,
    };
    // The pages behind it are always reached by TLS.
    Some(format!("https://{host}/{path}"))
}

async fn update(context: Context, request: Request) -> Result<Answer, ApiError> {
    let found = find(&context, request.id()).await?;
    let connection = changed(found.body, request.into_fields(), &context.origin)?;
    let answer = Answer::ok(shown(&context, connection.clone()).await?);
    let change = Transaction::new().replace(
        KIND,
        found.id,
        found.version,
        connection.clone(),
        keys(&connection),
    );
    Ok(context.commit(change, answer).await?)
}

/// `options` are replaced whole; a display name that is not sent again falls back to the name.
fn changed(
    connection: Value,
    mut change: Map<String, Value>,
    origin: &Origin,
) -> Result<Value, ApiError> {
    let Value::Object(mut connection) = connection else {
        return Err(ApiError::internal("a connection is not an object"));
    };
    let strategy =
        connection.get("strategy").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(options) = change.shift_remove("options") {
        let options = options::complete(&strategy, Some(options), Occasion::Change, origin)?;
        connection.insert("options".into(), options);
    }
    if connection.contains_key("display_name")
        && let Some(name) = connection.get("name").cloned()
    {
        connection.insert("display_name".into(), name);
    }
    for (name, value) in change {
        if value.is_null() {
            connection.shift_remove(&name);
        } else {
            connection.insert(name, value);
        }
    }
    Ok(Value::Object(connection))
}

/// 202 the first time, 204 when there is nothing left to delete. The users of the connection go with it.
async fn delete(context: Context, request: Request) -> Result<Answer, ApiError> {
    let Some(found) = context.store().get(KIND, request.id()).await? else {
        return Ok(context.commit(Transaction::new(), Answer::no_content()).await?);
    };
    let change = users::all_removed(Transaction::new(), &context, &found.body).await?;
    let change = keys::removed(change, &found.id);
    let change = scim::removed(change, context.store(), &found.id).await?;
    let change = change.unrelate_source(ENABLED_CLIENT, found.id.as_str()).delete(KIND, found.id);
    let answer = Answer::accepted(json!({"deleted_at": context.timestamp()}));
    Ok(context.commit(change, answer).await?)
}

/// 404 unless a connector is online, which only directories have; none ever is.
async fn status(context: Context, request: Request) -> Result<Answer, ApiError> {
    find(&context, request.id()).await?;
    Err(ApiError::new(http::StatusCode::NOT_FOUND, "The connection is offline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::of(&http::HeaderMap::new(), "https")
    }

    #[test]
    fn options_are_replaced_whole_and_the_display_name_falls_back() {
        let connection = json!({
            "name": "corp", "strategy": "samlp", "display_name": "Corporation", "show_as_button": true,
            "options": {"signInEndpoint": "https://a", "protocolBinding": "b"},
        });
        let change = json!({"options": {"signInEndpoint": "https://c"}, "show_as_button": null});
        let after = changed(connection, change.as_object().unwrap().clone(), &origin()).unwrap();
        assert_eq!(
            after,
            json!({"name": "corp", "strategy": "samlp", "display_name": "corp", "options": {"signInEndpoint": "https://c"}})
        );
    }
}
