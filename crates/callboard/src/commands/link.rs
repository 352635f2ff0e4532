//! `callboard link …`

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};

use anyhow::Context as _;
use callboard_console::wire::{
    Apps, Link as Shown, LinkReport, LinkRequest, Links, Secret, SecretField,
};
use serde_json::{Map, Value, json};

use crate::autopilot::Purpose;
use crate::cli::Link;
use crate::exit::{Code, Failure};
use crate::output::{BAD, BOLD, DIM, GOOD, Output};
use crate::server::Server;

pub(super) async fn run(command: Link, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Link::Add { name, app, url, settings, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let added = add(&server, &name, &app, url, &settings).await;
            server.leave().await?;
            let link = added?;
            if output.json() {
                return output.document(&link);
            }
            output.line(&format!(
                "link {BOLD}{}{BOLD:#} leads to {} at {}",
                link.name, link.app, link.url
            ));
            output.note(&format!("test it: callboard link test {}", link.name));
            Ok(())
        }
        Link::List { place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let links = server.get::<Links>(&["links"]).await;
            server.leave().await?;
            list(&links?, output)
        }
        Link::Default { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let link = server.post::<Shown>(&["links", &name, "default"], &Map::new()).await;
            server.leave().await?;
            let link = link?;
            if output.json() {
                return output.document(&link);
            }
            let (name, app) = (&link.name, &link.app);
            output.line(&format!(
                "{BOLD}{name}{BOLD:#} stands for {app} where no workflow names a link"
            ));
            Ok(())
        }
        Link::Test { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let report = server.post::<LinkReport>(&["links", &name, "test"], &Map::new()).await;
            server.leave().await?;
            tested(&report?, output)
        }
        Link::Remove { name, place } => {
            let server = Server::find(&place, Purpose::Look).await?;
            let removed = server.delete(&["links", &name]).await;
            server.leave().await?;
            removed?;
            if output.json() {
                return output.document(&json!({ "removed": name }));
            }
            output.note(&format!("link {name} and its credentials are gone"));
            Ok(())
        }
    }
}

async fn add(
    server: &Server,
    name: &str,
    app: &str,
    url: Option<url::Url>,
    settings: &[String],
) -> anyhow::Result<Shown> {
    let apps: Apps = server.get(&["apps"]).await?;
    let known = apps.apps.iter().find(|known| known.name == app).ok_or_else(|| {
        let names: Vec<&str> = apps.apps.iter().map(|app| app.name.as_str()).collect();
        Failure::new(
            Code::NotFound,
            format!("there is no app `{app}`; known are {}", names.join(", ")),
        )
    })?;
    let request = LinkRequest {
        app: app.to_owned(),
        url: url.map(Into::into),
        settings: pairs(settings)?
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect(),
        secrets: ask(&known.secrets)?,
    };
    server.put(&["links", name], &request).await
}

/// From a terminal each secret is asked for, unseen; else stdin holds `name=value` lines.
fn ask(fields: &[SecretField]) -> anyhow::Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    if std::io::stdin().is_terminal() {
        for field in fields {
            let prompt = format!("{} ({}, empty to leave out): ", field.name, field.title);
            let value = rpassword::prompt_password(prompt).context("cannot read a secret")?;
            if !value.is_empty() {
                secrets.insert(field.name.clone(), Secret(value));
            }
        }
        return Ok(secrets);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the secrets from stdin")?;
    let lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    secrets.extend(pairs(&lines)?.into_iter().map(|(name, value)| (name, Secret(value))));
    Ok(secrets)
}

/// `name=value`. An error names the name at most: the value may be a secret.
fn pairs(texts: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let message =
                "settings are given as --set NAME=VALUE, secrets as NAME=VALUE lines on stdin";
            Failure::new(Code::Usage, message)
        })?;
        Ok((name.trim().to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

fn list(links: &Links, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        return output.document(links);
    }
    let row = |link: &Shown| {
        let settings: Vec<String> =
            link.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            link.name.clone(),
            link.app.clone(),
            if link.default { "default".to_owned() } else { String::new() },
            link.url.clone(),
            settings.join(" ").replace('"', ""),
        ]
    };
    let rows: Vec<Vec<String>> = links.links.iter().map(row).collect();
    output.table(
        &["name", "app", "", "address", "settings"],
        &rows,
        "no links yet: callboard link add NAME --app APP",
    );
    Ok(())
}

fn tested(report: &LinkReport, output: &mut Output) -> anyhow::Result<()> {
    if output.json() {
        output.document(report)?;
    } else if report.works {
        output.line(&format!("{GOOD}works{GOOD:#}  {} ({})", report.name, report.app));
        if let Some(who) = &report.who {
            output.line(&format!("who    {who}"));
        }
        if let Some(expires_at) = report.expires_at {
            output.line(&format!("until  {expires_at} (then a new token is fetched)"));
        }
        if !report.granted.is_empty() {
            output.line(&format!(
                "may    {} scopes {DIM}(--json lists them){DIM:#}",
                report.granted.len()
            ));
        }
        for lacking in &report.lacking {
            output.line(&format!(
                "{BAD}lacks{BAD:#}  {} for {} in workflow {}",
                lacking.scopes, lacking.action, lacking.workflow
            ));
        }
    }
    if report.works {
        return Ok(());
    }
    let problem = report.problem.as_deref().unwrap_or("it does not answer as it should");
    let remedy = report.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    Err(Failure::new(Code::Negative, format!("link {}: {problem}{remedy}", report.name)).into())
}
