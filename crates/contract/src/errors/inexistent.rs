//! What the API says of things that do not exist.

use super::ErrorBody;

/// A thing that was asked for and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inexistent<'a> {
    /// A user.
    User,
    /// An application.
    Client,
    /// A connection.
    Connection,
    /// A connection without such an id in an organization.
    OrganizationConnection,
    /// An API.
    ResourceServer,
    /// A client grant.
    ClientGrant,
    /// A role.
    Role,
    /// An organization.
    Organization,
    /// A discovery domain of an organization.
    OrganizationDomain,
    /// An invitation.
    Invitation,
    /// A rule.
    Rule,
    /// A hook.
    Hook,
    /// An action.
    Action,
    /// An execution of an action.
    Execution,
    /// A custom domain, by id.
    CustomDomain(&'a str),
    /// The provider that sends mails.
    EmailProvider,
    /// A template for mails.
    EmailTemplate,
    /// The template of the universal login page.
    UniversalLoginTemplate,
    /// A theme, and what was tried with it: `retrieving`, `deleting`.
    Theme(&'a str),
    /// An enrolment for multi-factor authentication.
    Enrollment,
    /// A log stream.
    LogStream,
    /// An event stream.
    EventStream,
    /// A flow.
    Flow,
    /// A form.
    Form,
    /// A connection in the vault of the flows.
    VaultConnection,
    /// A profile for token exchange.
    TokenExchangeProfile,
    /// A profile of user attributes.
    UserAttributeProfile,
    /// A self-service profile, by id.
    SelfServiceProfile(&'a str),
    /// An access list of the network.
    NetworkAcl,
    /// A template or provider for phone messages.
    Notification,
    /// Anything for which no sentence is recorded, by its name: `session`.
    Other(&'a str),
}

impl From<Inexistent<'_>> for ErrorBody {
    fn from(thing: Inexistent<'_>) -> Self {
        let (message, code) = thing.words();
        let body = Self::new(404, message);
        match code {
            Some(code) => body.with_code(code),
            None => body,
        }
    }
}

impl Inexistent<'_> {
    /// Message and code, as recorded. (Full stops come and go; that is how the API is.)
    fn words(self) -> (String, Option<&'static str>) {
        let (message, code) = match self {
            Self::User => ("The user does not exist.", Some("inexistent_user")),
            Self::Client => ("The client does not exist", Some("inexistent_client")),
            Self::Connection => ("The connection does not exist", Some("inexistent_connection")),
            Self::OrganizationConnection => ("No connection found by that id", None),
            Self::ResourceServer => {
                ("The resource server does not exist", Some("inexistent_resource_server"))
            }
            Self::ClientGrant => ("The grant does not exist.", Some("inexistent_client_grant")),
            Self::Role => ("The role does not exist.", None),
            Self::Organization => ("No organization found by that id or name", None),
            Self::OrganizationDomain => ("No organization domain found by that id", None),
            Self::Invitation => ("The invitation does not exist.", Some("inexistent_invitation")),
            Self::Rule => ("The rule does not exist", Some("inexistent_rule")),
            Self::Hook => ("Error: Hook does not exist", Some("HookDoesNotExist")),
            Self::Action => ("That action does not exist.", None),
            Self::Execution => ("That execution does not exist.", None),
            Self::EmailProvider => {
                ("There is not a configured email provider", Some("inexistent_email_provider"))
            }
            Self::EmailTemplate => {
                ("The template does not exist.", Some("inexistent_email_template"))
            }
            Self::UniversalLoginTemplate => {
                ("Template does not exist.", Some("inexistent_templates_universal_login"))
            }
            Self::Enrollment => ("Enrollment not found", Some("enrollment_not_found")),
            Self::LogStream => ("The log stream does not exist.", None),
            Self::EventStream => ("The requested stream does not exist.", None),
            Self::Flow => ("Flow not found", None),
            Self::Form => ("Form not found", None),
            Self::VaultConnection => ("Connection not found", None),
            Self::TokenExchangeProfile => ("Token exchange profile not found.", None),
            Self::UserAttributeProfile => ("User attribute profile not found.", None),
            Self::NetworkAcl => ("NetworkACL with this ID was not found", None),
            Self::Notification => ("Notification Resource not found", None),
            Self::CustomDomain(id) => {
                return (
                    format!("The custom domain {id} does not exist"),
                    Some("inexistent_custom_domain"),
                );
            }
            Self::Theme(tried) => {
                let message =
                    format!("There was an error {tried} branding settings: invalid theme ID");
                return (message, Some("theme_not_found"));
            }
            Self::SelfServiceProfile(id) => {
                return (format!("Profile with ID: {id} not found"), None);
            }
            Self::Other(name) => return (format!("The {name} does not exist."), None),
        };
        (message.to_owned(), code)
    }
}
