//! The families of the Management API: what each operation does.

pub(crate) mod client_grants;
pub(crate) mod clients;
pub(crate) mod connections;
mod consents;
pub(crate) mod effective;
mod listing;
pub(crate) mod logs;
pub(crate) mod outbox;
pub(crate) mod permissions;
pub(crate) mod refresh_tokens;
pub(crate) mod resource_servers;
pub(crate) mod roles;
pub(crate) mod sessions;
mod stats;
pub(crate) mod tenant_settings;
pub(crate) mod tickets;
mod user_blocks;
pub(crate) mod users;

use crate::pipeline::Table;

/// Every behaviour of every family.
pub(crate) fn table() -> Table {
    let mut table = Table::default();
    client_grants::behaviours(&mut table);
    clients::behaviours(&mut table);
    connections::behaviours(&mut table);
    consents::behaviours(&mut table);
    logs::behaviours(&mut table);
    refresh_tokens::behaviours(&mut table);
    resource_servers::behaviours(&mut table);
    roles::behaviours(&mut table);
    sessions::behaviours(&mut table);
    stats::behaviours(&mut table);
    tenant_settings::behaviours(&mut table);
    tickets::behaviours(&mut table);
    user_blocks::behaviours(&mut table);
    users::behaviours(&mut table);
    table
}
