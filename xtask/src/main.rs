//! Chores of the repository. It knows no crate of the workspace: it only writes files that they embed.
//!
//! `cargo xtask contract --document FILE.json.gz` renews `crates/contract/data` from an `OpenAPI` document of the Management API.

mod contract;
mod facts;

use std::{env, path::PathBuf};

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask contract --document FILE.json[.gz]";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["contract", "--document", document] => contract::renew(&PathBuf::from(document)),
        _ => bail!(USAGE),
    }
}
