//! The rate limits of the Management API, by plan and group of endpoints. Source: Auth0 docs, "Rate Limit Configurations".
//!
//! This is the table only; counting is done by whoever plays the API, pacing by whoever calls it.

use http::Method;

use crate::Operation;

/// What a tenant's limits depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Free.
    Free,
    /// Essentials and Professional: a bucket per group and none for the whole API.
    SelfService,
    /// Enterprise in the public cloud, production.
    Enterprise,
    /// Enterprise in the public cloud, development or staging.
    EnterpriseDevelopment,
    /// Private cloud, with this many requests per second.
    PrivateCloud(u32),
}

/// A bucket: how many requests it holds, and how it fills up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The size, `x-ratelimit-limit`.
    pub burst: u32,
    /// Requests added per `per`.
    pub sustained: u32,
    /// The time in which `sustained` requests are added.
    pub per: Window,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One day.
    Day,
}

/// The buckets that a request is taken from, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The one that all operations share, where the plan has it.
    pub global: Option<Bucket>,
    /// The one of the group, where it has one.
    pub group: Option<Bucket>,
}

/// Operations that share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Reading users.
    UsersRead,
    /// Creating and updating users.
    UsersWrite,
    /// Deleting users.
    UsersDelete,
    /// Reading logs.
    LogsRead,
    /// Reading applications.
    ClientsRead,
    /// Searching applications.
    ClientsSearch,
    /// Reading connections.
    ConnectionsRead,
    /// The status of a connection.
    ConnectionStatus,
    /// Writing device credentials.
    DeviceCredentialsWrite,
    /// Listing organizations.
    OrganizationsList,
    /// One organization by id.
    OrganizationById,
    /// One organization by name.
    OrganizationByName,
    /// Writing organizations.
    OrganizationsWrite,
    /// Reading members.
    MembersRead,
    /// Writing members.
    MembersWrite,
    /// Reading members' roles.
    MemberRolesRead,
    /// Writing members' roles.
    MemberRolesWrite,
    /// Reading connections of organizations.
    OrganizationConnectionsRead,
    /// Writing connections of organizations.
    OrganizationConnectionsWrite,
    /// Reading invitations.
    InvitationsRead,
    /// Writing invitations.
    InvitationsWrite,
    /// A user's organizations.
    UserOrganizations,
    /// Reading client grants of organizations.
    OrganizationGrantsRead,
    /// Writing client grants of organizations.
    OrganizationGrantsWrite,
    /// Creating and verifying custom domains.
    CustomDomainsVerify,
    /// Rotating and revoking signing keys.
    SigningKeys,
    /// Reading partials of prompts.
    PartialsRead,
    /// Writing partials of prompts.
    PartialsWrite,
    /// Reading templates of mails.
    EmailTemplatesRead,
    /// Writing templates of mails.
    EmailTemplatesWrite,
    /// Reading the provider of mails.
    EmailProviderRead,
    /// Writing the provider of mails.
    EmailProviderWrite,
    /// Reading profiles for token exchange.
    TokenExchangeRead,
    /// Writing profiles for token exchange.
    TokenExchangeWrite,
    /// Everything else.
    Others,
}

/// A group's buckets on the plans that have groups; `None`: it counts with the others.
struct Row {
    self_service: Option<Bucket>,
    enterprise: Option<Bucket>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of groups has gaps, and reads well only when its cells are alike"
)]
const fn minute(burst: u32, sustained: u32) -> Option<Bucket> {
    Some(Bucket { burst, sustained, per: Window::Minute })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of groups has gaps, and reads well only when its cells are alike"
)]
const fn second(burst: u32, sustained: u32) -> Option<Bucket> {
    Some(Bucket { burst, sustained, per: Window::Second })
}

impl Plan {
    /// The buckets that a request of this group is taken from.
    pub fn limits(self, group: Group) -> Limits {
        let row = group.row();
        match self {
            Self::Free => Limits { global: second(2, 2), group: None },
            Self::SelfService => {
                Limits { global: None, group: row.self_service.or(minute(10, 150)) }
            }
            Self::Enterprise => Limits { global: second(50, 16), group: row.enterprise },
            Self::EnterpriseDevelopment => Limits { global: second(10, 2), group: row.enterprise },
            Self::PrivateCloud(rate) => {
                Limits { global: second(if rate < 50 { 20 } else { rate }, rate), group: None }
            }
        }
    }
}

impl Group {
    /// The group of an operation; `searches` says whether the request has a `q`.
    pub fn of(operation: &Operation, searches: bool) -> Self {
        let reads = operation.method == Method::GET;
        match (operation.path.as_str(), reads) {
            ("/users" | "/users/{id}" | "/users-by-email", true) => Self::UsersRead,
            ("/users" | "/users/{id}", false) if operation.method == Method::DELETE => {
                Self::UsersDelete
            }
            ("/users" | "/users/{id}", false) => Self::UsersWrite,
            ("/logs" | "/logs/{id}", true) => Self::LogsRead,
            ("/clients", true) if searches => Self::ClientsSearch,
            ("/clients" | "/clients/{id}", true) => Self::ClientsRead,
            ("/connections" | "/connections/{id}", true) => Self::ConnectionsRead,
            ("/connections/{id}/status", true) => Self::ConnectionStatus,
            ("/device-credentials" | "/device-credentials/{id}", false) => {
                Self::DeviceCredentialsWrite
            }
            ("/users/{id}/organizations", true) => Self::UserOrganizations,
            ("/custom-domains" | "/custom-domains/{id}/verify", false) => Self::CustomDomainsVerify,
            ("/keys/signing/rotate" | "/keys/signing/{kid}/revoke", false) => Self::SigningKeys,
            ("/prompts/{prompt}/partials", true) => Self::PartialsRead,
            ("/prompts/{prompt}/partials", false) => Self::PartialsWrite,
            (path, _) => Self::of_family(path, reads).unwrap_or(Self::Others),
        }
    }

    /// Families in which every path below a prefix counts.
    fn of_family(path: &str, reads: bool) -> Option<Self> {
        let mut segments = path.split('/').skip(1);
        let (read, write) =
            match (segments.next()?, segments.next(), segments.next(), segments.nth(1)) {
                ("organizations", None, ..) => (Self::OrganizationsList, Self::OrganizationsWrite),
                ("organizations", Some("name"), ..) => {
                    (Self::OrganizationByName, Self::OrganizationsWrite)
                }
                ("organizations", Some(_), None, _) => {
                    (Self::OrganizationById, Self::OrganizationsWrite)
                }
                ("organizations", Some(_), Some("members"), Some("roles")) => {
                    (Self::MemberRolesRead, Self::MemberRolesWrite)
                }
                ("organizations", Some(_), Some("members"), None) => {
                    (Self::MembersRead, Self::MembersWrite)
                }
                ("organizations", Some(_), Some("enabled_connections" | "connections"), _) => {
                    (Self::OrganizationConnectionsRead, Self::OrganizationConnectionsWrite)
                }
                ("organizations", Some(_), Some("invitations"), _) => {
                    (Self::InvitationsRead, Self::InvitationsWrite)
                }
                ("organizations", Some(_), Some("client-grants"), _) => {
                    (Self::OrganizationGrantsRead, Self::OrganizationGrantsWrite)
                }
                ("email-templates", ..) => (Self::EmailTemplatesRead, Self::EmailTemplatesWrite),
                ("emails", Some("provider"), ..) => {
                    (Self::EmailProviderRead, Self::EmailProviderWrite)
                }
                ("token-exchange-profiles", ..) => {
                    (Self::TokenExchangeRead, Self::TokenExchangeWrite)
                }
                _ => return None,
            };
        Some(if reads { read } else { write })
    }

    fn row(self) -> Row {
        let (self_service, enterprise) = match self {
            Self::UsersRead => (minute(40, 500), None),
            Self::UsersWrite | Self::UsersDelete => (minute(20, 200), None),
            Self::LogsRead => (minute(10, 100), None),
            Self::ClientsRead | Self::DeviceCredentialsWrite => (minute(5, 100), None),
            Self::ConnectionsRead => (minute(5, 50), None),
            Self::ConnectionStatus => (second(100, 15), second(100, 15)),
            Self::OrganizationsList | Self::OrganizationConnectionsRead => {
                (minute(5, 50), minute(10, 100))
            }
            Self::OrganizationById => (minute(20, 200), minute(10, 100)),
            Self::OrganizationByName => (minute(10, 100), minute(20, 200)),
            Self::OrganizationsWrite | Self::OrganizationConnectionsWrite => {
                (minute(5, 25), minute(5, 150))
            }
            Self::MembersRead => (minute(40, 500), minute(40, 500)),
            Self::MembersWrite
            | Self::MemberRolesRead
            | Self::MemberRolesWrite
            | Self::TokenExchangeRead => (minute(20, 200), minute(20, 200)),
            Self::InvitationsRead | Self::InvitationsWrite => (None, minute(20, 200)),
            Self::UserOrganizations => (None, minute(40, 500)),
            Self::OrganizationGrantsRead => (minute(10, 100), minute(10, 100)),
            Self::ClientsSearch | Self::OrganizationGrantsWrite => (minute(5, 150), minute(5, 150)),
            Self::CustomDomainsVerify | Self::PartialsRead | Self::PartialsWrite => {
                (minute(5, 5), minute(5, 5))
            }
            Self::SigningKeys => {
                let daily = Some(Bucket { burst: 5, sustained: 5, per: Window::Day });
                (daily, daily)
            }
            Self::EmailTemplatesRead => (minute(10, 50), minute(15, 150)),
            Self::EmailTemplatesWrite | Self::EmailProviderWrite => {
                (minute(5, 25), minute(10, 100))
            }
            Self::EmailProviderRead => (minute(5, 25), minute(15, 150)),
            Self::TokenExchangeWrite => (minute(5, 100), minute(5, 100)),
            Self::Others => (None, None),
        };
        Row { self_service, enterprise }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract;

    #[test]
    fn an_operation_belongs_to_the_group_of_the_documentation() {
        for (id, searches, group) in [
            ("get_users", false, Group::UsersRead),
            ("patch_users_by_id", false, Group::UsersWrite),
            ("delete_users_by_id", false, Group::UsersDelete),
            ("get_user_roles", false, Group::Others),
            ("get_clients", true, Group::ClientsSearch),
            ("get_clients", false, Group::ClientsRead),
            ("get_organizations", false, Group::OrganizationsList),
            ("get_organizations_by_id", false, Group::OrganizationById),
            ("get_name_by_name", false, Group::OrganizationByName),
            ("post_members", false, Group::MembersWrite),
            ("post_organization_member_roles", false, Group::MemberRolesWrite),
            ("post_signing_keys", false, Group::SigningKeys),
            ("get_provider", false, Group::EmailProviderRead),
        ] {
            let operation = contract().operation(id).unwrap_or_else(|| panic!("{id}"));
            assert_eq!(Group::of(operation, searches), group, "{id}");
        }
    }

    #[test]
    fn every_group_has_operations() {
        let groups: BTreeSet<Group> = contract()
            .operations()
            .iter()
            .flat_map(|operation| [false, true].map(|searches| Group::of(operation, searches)))
            .collect();
        assert_eq!(groups.len(), Group::Others as usize + 1, "{groups:?}");
    }

    #[test]
    fn a_plan_decides_which_buckets_count() {
        for (plan, group, limits) in [
            (Plan::Free, Group::UsersRead, Limits { global: second(2, 2), group: None }),
            (Plan::SelfService, Group::UsersRead, Limits { global: None, group: minute(40, 500) }),
            (Plan::SelfService, Group::Others, Limits { global: None, group: minute(10, 150) }),
            (Plan::Enterprise, Group::UsersRead, Limits { global: second(50, 16), group: None }),
            (
                Plan::EnterpriseDevelopment,
                Group::MembersRead,
                Limits { global: second(10, 2), group: minute(40, 500) },
            ),
            (
                Plan::PrivateCloud(250),
                Group::LogsRead,
                Limits { global: second(250, 250), group: None },
            ),
        ] {
            assert_eq!(plan.limits(group), limits, "{plan:?} {group:?}");
        }
    }
}
