//! The kinds of things that have ids, and what their ids look like.

use super::{Alphabet, Kind, Shape};

/// An application.
#[derive(Debug)]
pub enum Client {}
/// A connection.
#[derive(Debug)]
pub enum Connection {}
/// An organization.
#[derive(Debug)]
pub enum Organization {}
/// A role.
#[derive(Debug)]
pub enum Role {}
/// A client grant.
#[derive(Debug)]
pub enum ClientGrant {}
/// An invitation to an organization.
#[derive(Debug)]
pub enum Invitation {}
/// A job.
#[derive(Debug)]
pub enum Job {}
/// A custom domain.
#[derive(Debug)]
pub enum CustomDomain {}
/// A credential of an application.
#[derive(Debug)]
pub enum Credential {}
/// An event stream.
#[derive(Debug)]
pub enum EventStream {}
/// A self-service profile.
#[derive(Debug)]
pub enum SelfServiceProfile {}
/// An access list of the network.
#[derive(Debug)]
pub enum NetworkAcl {}
/// A device for multi-factor authentication.
#[derive(Debug)]
pub enum Device {}
/// A connected account.
#[derive(Debug)]
pub enum ConnectedAccount {}
/// A log stream.
#[derive(Debug)]
pub enum LogStream {}
/// A resource server, a grant, or the part of a database user's id behind the bar.
#[derive(Debug)]
pub enum Object {}

const fn short(prefix: &'static str) -> Shape {
    Shape { prefix, length: 16, alphabet: Alphabet::Alphanumeric }
}

const fn long(prefix: &'static str) -> Shape {
    Shape { prefix, length: 22, alphabet: Alphabet::Alphanumeric }
}

impl Kind for Client {
    const NAME: &'static str = "an application";
    const SHAPE: Shape = Shape { prefix: "", length: 32, alphabet: Alphabet::Alphanumeric };
}
impl Kind for Connection {
    const NAME: &'static str = "a connection";
    const SHAPE: Shape = short("con_");
}
impl Kind for Organization {
    const NAME: &'static str = "an organization";
    const SHAPE: Shape = short("org_");
}
impl Kind for Role {
    const NAME: &'static str = "a role";
    const SHAPE: Shape = short("rol_");
}
impl Kind for ClientGrant {
    const NAME: &'static str = "a client grant";
    const SHAPE: Shape = short("cgr_");
}
impl Kind for Invitation {
    const NAME: &'static str = "an invitation";
    const SHAPE: Shape = short("uinv_");
}
impl Kind for Job {
    const NAME: &'static str = "a job";
    const SHAPE: Shape = short("job_");
}
impl Kind for CustomDomain {
    const NAME: &'static str = "a custom domain";
    const SHAPE: Shape = short("cd_");
}
impl Kind for Credential {
    const NAME: &'static str = "a credential";
    const SHAPE: Shape = long("cred_");
}
impl Kind for EventStream {
    const NAME: &'static str = "an event stream";
    const SHAPE: Shape = long("est_");
}
impl Kind for SelfServiceProfile {
    const NAME: &'static str = "a self-service profile";
    const SHAPE: Shape = long("ssp_");
}
impl Kind for NetworkAcl {
    const NAME: &'static str = "a network access list";
    const SHAPE: Shape = long("acl_");
}
impl Kind for Device {
    const NAME: &'static str = "a device";
    const SHAPE: Shape = short("dev_");
}
impl Kind for ConnectedAccount {
    const NAME: &'static str = "a connected account";
    const SHAPE: Shape = long("cac_");
}
impl Kind for LogStream {
    const NAME: &'static str = "a log stream";
    const SHAPE: Shape = Shape { prefix: "lst_", length: 16, alphabet: Alphabet::Digits };
}
impl Kind for Object {
    const NAME: &'static str = "an object";
    const SHAPE: Shape = Shape { prefix: "", length: 24, alphabet: Alphabet::Hex };
}
