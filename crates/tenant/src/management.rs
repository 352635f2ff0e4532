//! The families of the Management API: what each operation does.

mod actions;
mod anomaly;
mod attack_protection;
mod blacklists;
mod branding;
pub(crate) mod client_grants;
mod client_metadata;
pub(crate) mod clients;
mod connected_accounts;
pub(crate) mod connections;
mod consents;
mod custom_domains;
mod directory_provisioning;
pub(crate) mod effective;
mod emails;
pub(crate) mod event_streams;
pub(crate) mod events;
mod experimentation;
mod flows;
mod generic;
mod groups;
mod guardian;
mod hooks;
mod jobs;
mod keys;
mod listing;
pub(crate) mod log_streams;
pub(crate) mod logs;
mod network_acls;
pub(crate) mod organizations;
pub(crate) mod outbox;
pub(crate) mod permissions;
mod profiles;
mod prompts;
pub(crate) mod refresh_tokens;
pub(crate) mod resource_servers;
mod risk_assessors;
pub(crate) mod roles;
mod rules;
mod self_service_profiles;
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
    actions::behaviours(&mut table);
    anomaly::behaviours(&mut table);
    attack_protection::behaviours(&mut table);
    blacklists::behaviours(&mut table);
    branding::behaviours(&mut table);
    custom_domains::behaviours(&mut table);
    emails::behaviours(&mut table);
    event_streams::behaviours(&mut table);
    events::behaviours(&mut table);
    experimentation::behaviours(&mut table);
    flows::behaviours(&mut table);
    groups::behaviours(&mut table);
    guardian::behaviours(&mut table);
    hooks::behaviours(&mut table);
    client_metadata::behaviours(&mut table);
    connected_accounts::behaviours(&mut table);
    directory_provisioning::behaviours(&mut table);
    jobs::behaviours(&mut table);
    keys::behaviours(&mut table);
    log_streams::behaviours(&mut table);
    network_acls::behaviours(&mut table);
    organizations::behaviours(&mut table);
    profiles::behaviours(&mut table);
    prompts::behaviours(&mut table);
    risk_assessors::behaviours(&mut table);
    rules::behaviours(&mut table);
    self_service_profiles::behaviours(&mut table);
    table
}

#[cfg(test)]
mod tests {
    use callboard_contract::contract;

    #[test]
    fn every_operation_has_a_behaviour() {
        let table = super::table();
        let operations = contract().operations().iter().map(|operation| operation.id.as_str());
        let without: Vec<_> = operations.filter(|id| !table.knows(id)).collect();
        assert!(without.is_empty(), "{without:?} answer 501");
    }
}
