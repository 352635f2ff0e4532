//! The command line as data.

mod approvals;
mod keys;
mod runs;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use secrecy::{ExposeSecret as _, SecretString};

pub(crate) use approvals::Approvals;
pub(crate) use keys::Keys;
pub(crate) use runs::{Part, Run};

/// A shorter key could be guessed.
const SHORTEST_GOOD_KEY: usize = 20;

/// Identity operations on autopilot against Auth0 tenants, rehearsed on a local twin first.
///
/// Callboard is independent of Auth0 and Okta.
#[derive(Debug, Parser)]
#[command(name = "callboard", version, propagate_version = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done · 1 the answer is no · 2 wrong usage · 3 unreachable · 4 refused · 5 not found"
)]
pub(crate) struct Cli {
    /// Print data as JSON, one document, on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to log on stderr, as tracing directives: `info`, `callboard_engine=debug`.
    #[arg(
        long,
        global = true,
        env = "CALLBOARD_LOG",
        value_name = "DIRECTIVES",
        hide_env_values = true
    )]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the autopilot: REST API, webhooks, workflows.
    Up(Up),
    /// Run the main job on loopback, from an HRIS webhook to a checked account, and say what happened.
    Demo(Demo),
    /// The local tenant that speaks Auth0's APIs.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Development tool: one local server that plays the other apps from their manifests.
    Sandbox(Sandbox),
    /// Credentials for tenants and apps.
    #[command(subcommand)]
    Link(Link),
    /// Questions of workflows to people.
    #[command(subcommand)]
    Approvals(Approvals),
    /// API keys of people.
    #[command(subcommand)]
    Key(Keys),
    /// The apps that links lead to.
    #[command(subcommand)]
    Apps(Apps),
    /// The catalogue of actions.
    #[command(subcommand)]
    Actions(Actions),
    /// What starts workflows: webhooks, tenants' logs and events, conditions.
    #[command(subcommand)]
    Triggers(Triggers),
    /// Workflow definitions.
    #[command(subcommand)]
    Workflows(Workflows),
    /// Runs of workflows.
    #[command(subcommand)]
    Run(Run),
    /// Workflows that begin by the clock.
    #[command(subcommand)]
    Schedules(Schedules),
    /// Values that workflows read as `$secrets.NAME`.
    #[command(subcommand)]
    Secret(Secret),
    /// Events from outside.
    #[command(subcommand)]
    Events(Events),
    /// Rate limits of the tenants: what is left, what is kept for logins, who waits.
    Budgets(Budgets),
    /// Print version and build.
    Version,
    /// Print a completion script for a shell.
    Completions {
        /// The shell it is for.
        shell: Shell,
    },
}

/// Where the autopilot lives: a data folder on this machine, or a server by address.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which autopilot")]
pub(crate) struct Place {
    /// Data folder of the autopilot. A server that runs on it is used; else one is started for this command.
    #[arg(long, env = "CALLBOARD_DATA", hide_env_values = true, default_value = ".callboard", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: PathBuf,
    /// Address of a running server; needs `CALLBOARD_API_KEY`.
    #[arg(long, env = "CALLBOARD_SERVER", hide_env_values = true, value_name = "URL")]
    pub(crate) server: Option<url::Url>,
    #[command(flatten)]
    pub(crate) overlays: Overlays,
    #[command(flatten)]
    pub(crate) key: Key,
}

/// Folders laid over what the binary embeds, and where workflows may call by themselves.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What it runs with, where this command starts it")]
pub(crate) struct Overlays {
    /// Host that `call: http`, `openapi` and `mcp` may reach, such as `api.example.com` or `*.example.com`. Repeatable;
    /// without one they reach none.
    #[arg(
        long = "allow-host",
        env = "CALLBOARD_ALLOW_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub(crate) allowed_hosts: Vec<String>,
    /// Host that they may reach although its address is private or on this machine: a name, an address, or a network such as
    /// `10.1.0.0/16` for hosts that `--allow-host` names. Repeatable.
    #[arg(
        long = "allow-private-host",
        env = "CALLBOARD_ALLOW_PRIVATE_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub(crate) private_hosts: Vec<String>,
    /// Address at which people reach this autopilot; links to its pages begin with it.
    #[arg(long, env = "CALLBOARD_PUBLIC_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) public_url: Option<url::Url>,
    /// PostgreSQL database that nodes share, as `postgres://USER:PASSWORD@HOST/DATABASE`; without it the data folder holds
    /// an SQLite file. In the environment the password shows in no process list.
    #[arg(long, env = "CALLBOARD_DATABASE", hide_env_values = true, value_name = "URL", value_parser = database)]
    pub(crate) database: Option<SecretString>,
    /// Name of this node among those that share the database; without it the data folder keeps one.
    #[arg(long, env = "CALLBOARD_NODE", hide_env_values = true, value_name = "NAME", value_parser = node_name)]
    pub(crate) node: Option<String>,
    /// Folder with `workflows/*.yaml` laid over the embedded library.
    #[arg(long, env = "CALLBOARD_LIBRARY", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) library: Option<PathBuf>,
    /// Folder with `<app>/app.yaml` laid over the embedded manifests.
    #[arg(long, env = "CALLBOARD_APPS", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) apps: Option<PathBuf>,
}

fn database(text: &str) -> Result<SecretString, String> {
    let known = ["postgres://", "postgresql://"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text.into());
    }
    Err("a database is postgres://USER:PASSWORD@HOST/DATABASE".into())
}

fn node_name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    if (1..=40).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("the name of a node is 1 to 40 letters, digits, `-` and `.`".into())
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Key {
    /// The administrator's API key. From the environment only, so that it shows in no process list.
    #[arg(
        long = "api-key-from-environment",
        env = "CALLBOARD_API_KEY",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) api_key: Option<SecretString>,
    /// Key that encrypts credentials at rest, 64 hex digits; without it DIR/secrets.key is made and used.
    #[arg(
        long = "secrets-key-from-environment",
        env = "CALLBOARD_SECRETS_KEY",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) secrets_key: Option<SecretString>,
}

impl Key {
    /// The administrator's key, where one is set. An empty variable is none.
    pub(crate) fn administrator(&self) -> Option<SecretString> {
        self.api_key.clone().filter(|key| !key.expose_secret().is_empty())
    }

    /// Whether the key is one that an autopilot made for somebody, not one that its owner thought of.
    pub(crate) fn was_made_here(&self) -> bool {
        self.administrator().is_some_and(|key| callboard_engine::is_made_key(key.expose_secret()))
    }

    /// Whether the administrator's key is so short that it could be guessed.
    pub(crate) fn is_weak(&self) -> bool {
        self.administrator().is_some_and(|key| key.expose_secret().len() < SHORTEST_GOOD_KEY)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Data folder; made if it is not there.
    #[arg(long, env = "CALLBOARD_DATA", hide_env_values = true, default_value = ".callboard", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: PathBuf,
    /// Address to listen on. Plain HTTP is served on loopback only.
    #[arg(long, default_value = "127.0.0.1:4100", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) overlays: Overlays,
    #[command(flatten)]
    pub(crate) key: Key,
    /// How many days a run stays in the database after its end, before it is moved to a compressed file in DIR/archive;
    /// `all` keeps every run.
    #[arg(
        long,
        env = "CALLBOARD_KEEP_RUNS",
        hide_env_values = true,
        default_value = "90d",
        value_name = "DAYS"
    )]
    pub(crate) keep_runs: KeepRuns,
    /// Stand still before or after the N-th journal entry until killed: `before:N` or `after:N`. For crash tests.
    #[arg(long, hide = true, value_name = "WHEN:N")]
    pub(crate) hold: Option<Hold>,
}

/// How long runs stay in the database: `90d`, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeepRuns(pub(crate) Option<u32>);

impl std::str::FromStr for KeepRuns {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(None));
        }
        let days = text.strip_suffix('d').unwrap_or(text).parse().ok().filter(|days| *days > 0);
        days.map(|days| Self(Some(days)))
            .ok_or_else(|| format!("`{text}` is not a number of days like 90d, nor `all`"))
    }
}

/// A journal commit at which the process stands still, so that a test can kill it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Before(u64),
    After(u64),
}

impl std::str::FromStr for Hold {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not before:N or after:N");
        let (when, ordinal) = text.split_once(':').ok_or_else(wrong)?;
        let ordinal = ordinal.parse().map_err(|_| wrong())?;
        match when {
            "before" => Ok(Self::Before(ordinal)),
            "after" => Ok(Self::After(ordinal)),
            _ => Err(wrong()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Budgets {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave everything running and print addresses and credentials.
    #[arg(long)]
    pub(crate) stay: bool,
    /// Keep data and logs here instead of in a temporary folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Serve a tenant with a machine-to-machine application that holds every Management scope.
    Serve(TenantServe),
}

/// Whose rate limits a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Plan {
    /// No limits.
    Off,
    Free,
    SelfService,
    Enterprise,
    EnterpriseDevelopment,
}

#[derive(Debug, Args)]
pub(crate) struct TenantServe {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:4000", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Data folder; made if it is not there.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: PathBuf,
    /// Name of a tenant; repeatable. A request goes to the tenant whose name is the first label of its Host, such as
    /// `acme.localhost:4000`; any other Host reaches the first.
    #[arg(long = "tenant", default_value = "tenant", value_name = "NAME")]
    pub(crate) tenants: Vec<String>,
    /// Limit requests, and send the headers that say so, as Auth0 does on this plan.
    #[arg(long, value_enum, default_value_t = Plan::Off)]
    pub(crate) plan: Plan,
    /// Machine-to-machine application to make in every tenant, or to give this secret to.
    #[arg(long, env = "CALLBOARD_TENANT_CLIENT", hide_env_values = true, value_name = "ID:SECRET")]
    pub(crate) client: SecretString,
}

#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:4200", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Folder with `<app>/app.yaml` laid over the embedded manifests.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) apps: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Link {
    /// Add or replace a link. Secrets are asked for, or read from stdin as `name=value` lines; never from arguments.
    Add {
        /// Name to call the link by.
        name: String,
        /// App it leads to: auth0, bamboohr, …
        #[arg(long)]
        app: String,
        /// Base address; for a tenant `https://DOMAIN`.
        #[arg(long, value_name = "URL")]
        url: Option<url::Url>,
        /// A setting of the app, such as `company=acme`. Repeatable.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        settings: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List links; never their secrets.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Choose the link that stands for its app where several do and no workflow names one.
    Default {
        /// Name of the link.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Test the connection: who it is, until when, which scopes are granted and which are lacking.
    Test {
        /// Name of the link.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a link and its credentials.
    Remove {
        /// Name of the link.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Apps {
    /// List the apps: settings and secrets of a link to each, actions, webhooks.
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Actions {
    /// List the actions of every app.
    List {
        /// Only this app.
        #[arg(long)]
        app: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Show one action: arguments, scopes, risk, inverse.
    Show {
        /// Id of the action, such as `auth0.users.block`.
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Perform one action through a link, as a journalled run of one step.
    Run {
        /// Id of the action, such as `auth0.users.block`.
        id: String,
        /// Arguments as a JSON object; `-` reads stdin, `@FILE` a file.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        arguments: String,
        /// Link to use, where the app has more than one.
        #[arg(long)]
        link: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Triggers {
    /// List them: addresses, how far feeds were read, and what may be lost.
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workflows {
    /// List the workflows of the library.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Check definitions: every mistake with its place and what would be right, else what each does, in plain words.
    Check(Check),
    /// Show one workflow.
    Show {
        /// Name of the workflow.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Read the library folder of the running server again: what is right counts from now on, mistakes are told.
    Reload {
        #[command(flatten)]
        place: Place,
    },
    /// Run a definition in an ephemeral in-memory engine and print what came of it.
    Try(Try),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Definitions to check.
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Take doubts for mistakes.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Only mistakes and doubts; do not say what a right workflow does.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Host that the server's workflows may call, as `up` takes it; calls to other hosts are pointed out. Repeatable.
    #[arg(
        long = "allow-host",
        env = "CALLBOARD_ALLOW_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub(crate) allowed_hosts: Vec<String>,
    /// Host that they may call although its address is private, as `up` takes it. Repeatable.
    #[arg(
        long = "allow-private-host",
        env = "CALLBOARD_ALLOW_PRIVATE_HOSTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub(crate) private_hosts: Vec<String>,
    /// Folder with `<app>/app.yaml` laid over the embedded manifests.
    #[arg(long, env = "CALLBOARD_APPS", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) apps: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Try {
    /// The definition.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The run's input: JSON, `-` for stdin, `@FILE` or the name of a file with JSON or YAML.
    #[arg(long, default_value = "{}", value_name = "JSON|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) input: String,
    /// Another definition beside it, for `run: workflow` or begun by events. Repeatable.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) also: Vec<PathBuf>,
    /// A secret of `use.secrets`, from a file (`NAME=@FILE`) or stdin (`NAME=-`); never as an argument. Repeatable.
    #[arg(long = "secret", value_name = "NAME=@FILE")]
    pub(crate) secrets: Vec<String>,
    /// A `CloudEvent`, or an array of them, that is posted once something listens; one after the other. Repeatable.
    #[arg(long = "event", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) events: Vec<PathBuf>,
    /// Send the calls for one origin to another: `https://HOST=http://ADDR:PORT`. Repeatable.
    #[arg(long = "origin", value_name = "FROM=TO")]
    pub(crate) origins: Vec<String>,
    /// Cancel a run that is not finished by then.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) timeout: u32,
    /// Folder with `<app>/app.yaml` laid over the embedded manifests.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) apps: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Schedules {
    /// List schedules: when each is due next and what became of the last time.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Show one schedule: what is ahead, what has been and why.
    Show {
        /// Name of the workflow.
        workflow: String,
        /// So many occurrences that were.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=500))]
        last: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Print when a schedule is due next, in its own zone and in UTC.
    Next {
        /// Name of the workflow.
        workflow: String,
        /// So many of them.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=500))]
        count: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Begin nothing by the clock until it is resumed. What passes meanwhile is skipped.
    Pause {
        /// Name of the workflow.
        workflow: String,
        #[command(flatten)]
        place: Place,
    },
    /// Go on from now.
    Resume {
        /// Name of the workflow.
        workflow: String,
        #[command(flatten)]
        place: Place,
    },
    /// Begin one run now, whatever the plan says.
    Run {
        /// Name of the workflow.
        workflow: String,
        #[command(flatten)]
        place: Place,
    },
    /// Begin what was planned in a window of the past and has not begun. What has begun is left alone.
    Backfill {
        /// Name of the workflow.
        workflow: String,
        /// First instant of the window, such as `2026-03-01T00:00:00Z`, or a day: `2026-03-01`.
        #[arg(long, value_name = "INSTANT")]
        from: String,
        /// Last instant of the window; a day is meant with all its hours.
        #[arg(long, value_name = "INSTANT")]
        until: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Set or replace a secret. Its value is asked for, or read from stdin; never from arguments.
    Set {
        /// Name by which workflows read it: `$secrets.NAME`.
        name: String,
        /// The value is a JSON object of texts, such as `{"username": "…", "password": "…"}`, not one text.
        #[arg(long)]
        object: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the names of the secrets; never their values.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove a secret. Runs that began with it keep its value.
    Remove {
        /// Name of the secret.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Post one `CloudEvent` or an array of them: it starts workflows, and runs that listen hear it.
    Post {
        /// File with the event as JSON or YAML; `-` reads stdin.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
