//! `callboard key …`

use clap::Subcommand;

use super::Place;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key for somebody and print it, once.
    Add {
        /// Name of the key: letters, digits, `-` and `.`.
        name: String,
        /// Who holds it; the key's name unless given. One person may hold several keys.
        #[arg(long)]
        person: Option<String>,
        /// What it allows; each role may do all that those before it may.
        #[arg(long, value_parser = ["viewer", "approver", "operator", "administrator"])]
        role: String,
        /// A group that the person belongs to, such as `hr-leads`. Repeatable.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List keys with who holds them; never the keys.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a key: whoever shows it is refused from now on.
    Revoke {
        /// Name of the key.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}
