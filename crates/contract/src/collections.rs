//! How lists are wrapped when `include_totals` is asked for, and how far they can be paged.

use http::Method;
use serde_json::{Map, Value};

use crate::Operation;

/// The first so many rows can be paged by offset; there is no way to the rest with `page`.
pub const OFFSET_LIMIT: u64 = 1_000;

/// Rows on a page when the request does not say.
pub const DEFAULT_PAGE: u64 = 50;

/// The most rows on a page.
pub const LARGEST_PAGE: u64 = 100;

/// The wrapper of a list: the key of its rows and the order of keys, which differs by family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The key of the rows, as in `users`.
    pub key: &'static str,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `start`, `limit`, `length`, rows, `total`
    Users,
    /// `total`, `start`, `limit`, rows
    TotalFirst,
    /// rows, `start`, `limit`, `total`
    RowsFirst,
    /// `limit`, `start`, `total`, rows
    LimitFirst,
    /// rows, `total`, `start`, `limit`
    RowsThenTotal,
    /// rows, `total`, `per_page`
    Actions,
}

/// The part of a list that an answer carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The number of rows before it.
    pub start: u64,
    /// The most rows it may have.
    pub limit: u64,
    /// The rows of the whole list.
    pub total: u64,
    /// Its own rows.
    pub rows: Vec<Value>,
}

impl Envelope {
    /// The wrapper of the operation's list; `None` where its answers are not wrapped or are not recorded.
    pub fn of(operation: &Operation) -> Option<Self> {
        if operation.method != Method::GET {
            return None;
        }
        let (key, order) = match operation.path.as_str() {
            "/users" => ("users", Order::Users),
            "/clients" => ("clients", Order::TotalFirst),
            "/connections" => ("connections", Order::TotalFirst),
            "/client-grants" => ("client_grants", Order::TotalFirst),
            "/resource-servers" => ("resource_servers", Order::TotalFirst),
            "/rules" => ("rules", Order::TotalFirst),
            "/hooks" => ("hooks", Order::TotalFirst),
            "/grants" => ("grants", Order::TotalFirst),
            "/device-credentials" => ("device_credentials", Order::TotalFirst),
            "/network-acls" => ("network_acls", Order::TotalFirst),
            "/roles" | "/users/{id}/roles" | "/organizations/{id}/members/{user_id}/roles" => {
                ("roles", Order::RowsFirst)
            }
            "/roles/{id}/permissions" | "/users/{id}/permissions" => {
                ("permissions", Order::RowsFirst)
            }
            "/roles/{id}/users" => ("users", Order::RowsFirst),
            "/organizations" | "/users/{id}/organizations" => ("organizations", Order::RowsFirst),
            "/organizations/{id}/members" => ("members", Order::RowsFirst),
            "/organizations/{id}/enabled_connections" => ("enabled_connections", Order::RowsFirst),
            "/organizations/{id}/invitations" => ("invitations", Order::RowsFirst),
            "/organizations/{id}/client-grants" => ("client_grants", Order::RowsFirst),
            "/self-service-profiles" => ("self_service_profiles", Order::RowsFirst),
            "/flows" => ("flows", Order::LimitFirst),
            "/forms" => ("forms", Order::LimitFirst),
            "/flows/vault/connections" => ("connections", Order::LimitFirst),
            "/users/{id}/authentication-methods" => ("authenticators", Order::RowsThenTotal),
            "/actions/actions" => ("actions", Order::Actions),
            _ => return None,
        };
        Some(Self { key, order })
    }

    /// The page in its wrapper.
    pub fn wrap(self, page: Page) -> Value {
        let (start, limit, total, length) =
            (page.start, page.limit, page.total, page.rows.len() as u64);
        let start = ("start", Value::from(start));
        let limit = ("limit", Value::from(limit));
        let total = ("total", Value::from(total));
        let rows = (self.key, Value::from(page.rows));
        let members = match self.order {
            Order::Users => vec![start, limit, ("length", length.into()), rows, total],
            Order::TotalFirst => vec![total, start, limit, rows],
            Order::RowsFirst => vec![rows, start, limit, total],
            Order::LimitFirst => vec![limit, start, total, rows],
            Order::RowsThenTotal => vec![rows, total, start, limit],
            Order::Actions => vec![rows, total, ("per_page", limit.1)],
        };
        Value::Object(
            members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn a_page_is_wrapped_as_its_family_does() {
        for (id, wrapped) in [
            ("get_users", r#"{"start":0,"limit":50,"length":1,"users":[1],"total":7}"#),
            ("get_clients", r#"{"total":7,"start":0,"limit":50,"clients":[1]}"#),
            ("get_roles", r#"{"roles":[1],"start":0,"limit":50,"total":7}"#),
            ("get_flows", r#"{"limit":50,"start":0,"total":7,"flows":[1]}"#),
            ("get_actions", r#"{"actions":[1],"total":7,"per_page":50}"#),
        ] {
            let envelope = Envelope::of(contract().operation(id).unwrap()).unwrap();
            let page = Page { start: 0, limit: 50, total: 7, rows: vec![1.into()] };
            assert_eq!(envelope.wrap(page).to_string(), wrapped, "{id}");
        }
        assert_eq!(Envelope::of(contract().operation("get_logs_by_id").unwrap()), None);
    }

    #[test]
    fn every_wrapped_path_is_one_of_the_contract() {
        assert_eq!(contract().operations().iter().filter_map(Envelope::of).count(), 28);
    }
}
