//! The families of the Management API: what each operation does.

pub(crate) mod client_grants;
pub(crate) mod clients;
pub(crate) mod connections;
pub(crate) mod effective;
mod listing;
pub(crate) mod logs;
pub(crate) mod permissions;
pub(crate) mod resource_servers;
pub(crate) mod roles;
pub(crate) mod tenant_settings;
pub(crate) mod tickets;
pub(crate) mod users;

use crate::pipeline::Table;

/// Every behaviour of every family.
pub(crate) fn table() -> Table {
    let mut table = Table::default();
    client_grants::behaviours(&mut table);
    clients::behaviours(&mut table);
    connections::behaviours(&mut table);
    logs::behaviours(&mut table);
    resource_servers::behaviours(&mut table);
    roles::behaviours(&mut table);
    tenant_settings::behaviours(&mut table);
    tickets::behaviours(&mut table);
    users::behaviours(&mut table);
    table
}
