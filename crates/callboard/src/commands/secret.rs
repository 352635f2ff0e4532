//! `callboard secret …`

use std::io::IsTerminal as _;

use anyhow::Context as _;
use callboard_console::wire::{NamedSecret, NamedSecrets, SecretValue};
use serde_json::{Value, json};

use crate::autopilot::Purpose;
use crate::cli::Secret;
use crate::exit::{Code, Failure};
use crate::given;
use crate::output::{BOLD, Output};
use crate::server::Server;

pub(super) async fn run(command: Secret, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Secret::Set { name, object, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let set = set(&server, &name, object).await;
            server.leave().await?;
            let set = set?;
            if output.json() {
                return output.document(&set);
            }
            output.line(&format!(
                "workflows that list {BOLD}{name}{BOLD:#} in `use.secrets` read it as $secrets.{name}"
            ));
            Ok(())
        }
        Secret::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let secrets = server.get::<NamedSecrets>(&["secrets"]).await;
            server.leave().await?;
            list(&secrets?, output)
        }
        Secret::Remove { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let removed = server.delete(&["secrets", &name]).await;
            server.leave().await?;
            removed?;
            if output.json() {
                return output.document(&json!({ "removed": name }));
            }
            output.note(&format!("secret {name} is gone; runs that began with it keep its value"));
            Ok(())
        }
    }
}

async fn set(server: &Server, name: &str, object: bool) -> anyhow::Result<NamedSecret> {
    let text = ask(name, object)?;
    let value = if object { parse(&text)? } else { Value::String(text) };
    server.put(&["secrets", name], &SecretValue { value }).await
}

/// From a terminal it is asked for, unseen; else it is all of stdin, without the line's end.
fn ask(name: &str, object: bool) -> anyhow::Result<String> {
    let text = if std::io::stdin().is_terminal() {
        let what = if object { "a JSON object of texts" } else { "unseen" };
        rpassword::prompt_password(format!("{name} ({what}): "))
            .context("cannot read the secret")?
    } else {
        given::stdin()?
    };
    let text = given::without_line_end(&text);
    if text.is_empty() {
        let message =
            format!("the secret is empty; give it on stdin: callboard secret set {name} < FILE");
        return Err(Failure::new(Code::Usage, message).into());
    }
    Ok(text.to_owned())
}

/// The parser's own message could quote the secret.
fn parse(text: &str) -> anyhow::Result<Value> {
    let value = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    value.ok_or_else(|| {
        let message = "--object wants a JSON object of texts, such as {\"username\": \"…\"}; the input is none";
        Failure::new(Code::Usage, message).into()
    })
}

fn list(secrets: &NamedSecrets, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(secrets);
    }
    let row = |secret: &NamedSecret| vec![secret.name.clone(), secret.changed_at.to_string()];
    let rows: Vec<Vec<String>> = secrets.secrets.iter().map(row).collect();
    output.table(&["name", "changed"], &rows, "no secrets yet: callboard secret set NAME");
    Ok(())
}
