//! The stage of a rehearsal: tenant, stand-ins and autopilot as processes of this binary, on loopback with free ports.
//!
//! `callboard demo` plays the main job on it, and the tests of the stories do.

mod hris;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use hris::{Delivery, Employee, created, sign};
pub use process::Process;

use crate::world;

/// How long a run may take before the stage gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one look for the end of a run waits on the server.
const LOOK: u32 = 5;

/// Everything that is running, and the credentials for it.
pub struct Stage {
    binary: PathBuf,
    data: PathBuf,
    pub tenant: Process,
    pub sandbox: Process,
    pub autopilot: Process,
    /// `ID`, `SECRET` of the machine-to-machine application.
    pub client: (String, String),
    /// The administrator's key of the autopilot.
    pub api_key: String,
    /// What the HRIS signs its webhooks with.
    pub webhook_secret: String,
    http: reqwest::Client,
    token: String,
}

/// Status and body of an answer.
pub type Answer = (u16, Value);

impl Stage {
    /// Starts all three with their data and logs below `data`.
    pub async fn set(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data.join("logs"))
            .with_context(|| format!("cannot make {}", data.display()))?;
        let client = ("callboard-stage".to_owned(), world::secret(""));
        let api_key = world::secret("callboard_stage_");
        let tenant_data = text(&data.join("tenant"))?;
        let credentials = format!("{}:{}", client.0, client.1);
        let (environment, tenant_log) =
            ([("CALLBOARD_TENANT_CLIENT", credentials.as_str())], data.join("logs/tenant.log"));
        let arguments = ["tenant", "serve", "--listen", "127.0.0.1:0", "--data", &tenant_data];
        let tenant = Process::start(binary, &arguments, &environment, &tenant_log);
        let arguments = ["sandbox", "--listen", "127.0.0.1:0"];
        let sandbox_log = data.join("logs/sandbox.log");
        let sandbox = Process::start(binary, &arguments, &[], &sandbox_log);
        let (tenant, sandbox) = tokio::try_join!(tenant, sandbox)?;
        let autopilot = autopilot(binary, data, &api_key, &[]).await?;
        // A server that refuses a body closes the connection; no later request should find it in a pool.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        let token = management_token(&http, &tenant.url, &client).await?;
        let webhook_secret = world::secret("");
        let (binary, data) = (binary.to_owned(), data.to_owned());
        Ok(Self {
            binary,
            data,
            tenant,
            sandbox,
            autopilot,
            client,
            api_key,
            webhook_secret,
            http,
            token,
        })
    }

    /// Ends the autopilot with `kill -9` and starts it again on the same data, with extra arguments.
    pub async fn restart_autopilot(mut self, arguments: &[&str]) -> anyhow::Result<Self> {
        self.autopilot.kill().await?;
        self.autopilot = autopilot(&self.binary, &self.data, &self.api_key, arguments).await?;
        Ok(self)
    }

    /// Links the autopilot to the tenant and to every app that the story needs.
    pub async fn link(&self) -> anyhow::Result<()> {
        let app = |app: &str| format!("{}/{app}", self.sandbox.url);
        let secret = |secret: &str| json!({ "secret": secret });
        let links = [
            (
                "tenant",
                json!({"app": "auth0", "url": self.tenant.url,
                       "secrets": {"client_id": self.client.0, "client_secret": self.client.1}}),
            ),
            (
                "hris",
                json!({"app": "bamboohr", "url": app("bamboohr"), "settings": {"company": "acme"},
                       "secrets": {"secret": "sandbox-key", "webhook_secret": self.webhook_secret}}),
            ),
            (
                "tracker",
                json!({"app": "airtable", "url": app("airtable"), "settings": {"base": "appProvisioning"}, "secrets": secret("sandbox-token")}),
            ),
            (
                "chat",
                json!({"app": "slack", "url": app("slack"), "secrets": secret("xoxb-sandbox")}),
            ),
            (
                "mail",
                json!({"app": "resend", "url": app("resend"), "settings": {"from": "IT <it@corp.example.com>"}, "secrets": secret("re_sandbox")}),
            ),
        ];
        for (name, link) in links {
            self.expect(Method::PUT, &format!("/v1/links/{name}"), Some(&link)).await?;
        }
        Ok(())
    }

    /// Puts employees into the HRIS.
    pub async fn employ(&self, employees: &[&Employee]) -> anyhow::Result<()> {
        let records: Vec<Value> = employees.iter().map(|employee| employee.record()).collect();
        let url = format!("{}/_state", self.sandbox.url);
        let answer =
            self.http.post(url).json(&json!({"bamboohr": {"employees": records}})).send().await?;
        ensure!(
            answer.status().is_success(),
            "the sandbox refused the employees: {}",
            answer.text().await?
        );
        Ok(())
    }

    /// Delivers a webhook of the HRIS.
    pub async fn deliver(&self, delivery: &Delivery) -> anyhow::Result<Answer> {
        answer(delivery.request(&self.http, &self.autopilot.url)).await
    }

    /// Delivers a webhook to an autopilot that was started with `--hold`, and waits until it stands still. The
    /// delivery itself may never be answered.
    pub async fn deliver_until_held(&mut self, delivery: &Delivery) -> anyhow::Result<()> {
        let request = delivery.request(&self.http, &self.autopilot.url);
        let delivered = answer(request);
        tokio::pin!(delivered);
        let held = self.autopilot.line();
        tokio::pin!(held);
        let answered = tokio::select! {
            line = &mut held => return check_held(&line?),
            answered = &mut delivered => answered,
        };
        answered?;
        let held = tokio::time::timeout(PATIENCE, held).await;
        check_held(&held.context("the autopilot never came to where it should stand still")??)
    }

    /// One request to the autopilot's REST API, with the administrator's key.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.autopilot.url))
            .bearer_auth(&self.api_key);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    /// The same, where only success will do.
    pub async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, answer) = self.api(method.clone(), path, body).await?;
        ensure!((200..300).contains(&status), "{method} {path} answered {status}: {answer}");
        Ok(answer)
    }

    /// One request to the tenant's Management API, as somebody other than the autopilot; only success will do.
    pub async fn management(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/api/v2{path}", self.tenant.url);
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, answer) = answer(request).await?;
        ensure!(
            (200..300).contains(&status),
            "the tenant answered {method} {path} with {status}: {answer}"
        );
        Ok(answer)
    }

    /// The rows of a collection of a stand-in.
    pub async fn rows(&self, app: &str, collection: &str) -> anyhow::Result<Vec<Value>> {
        let (_, state) = answer(self.http.get(format!("{}/_state", self.sandbox.url))).await?;
        let rows = state[app][collection].as_array();
        Ok(rows.with_context(|| format!("the sandbox has no {app}.{collection}"))?.clone())
    }

    /// Orders trouble from a stand-in.
    pub async fn fault(&self, fault: &Value) -> anyhow::Result<()> {
        let (status, answer) =
            answer(self.http.post(format!("{}/_faults", self.sandbox.url)).json(fault)).await?;
        ensure!(status == 204, "the sandbox refused the fault: {answer}");
        Ok(())
    }

    /// The run, once it is final or needs attention.
    pub async fn settled(&self, id: &str) -> anyhow::Result<Value> {
        self.run_until(id, |run| {
            matches!(
                run["status"].as_str(),
                Some("completed" | "faulted" | "cancelled" | "attention")
            )
        })
        .await
    }

    /// The run, once it looks as wanted.
    pub async fn run_until(
        &self,
        id: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let run = self.expect(Method::GET, &format!("/v1/runs/{id}?wait={LOOK}"), None).await?;
            if wanted(&run) {
                return Ok(run);
            }
            if Instant::now() > deadline {
                bail!("the run {id} is still {} after {PATIENCE:?}", run["status"]);
            }
            // A run that waits answers at once; look again when the others have had their turn.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn check_held(line: &Value) -> anyhow::Result<()> {
    ensure!(line["held"].is_u64(), "the autopilot printed {line}");
    Ok(())
}

async fn autopilot(
    binary: &Path,
    data: &Path,
    api_key: &str,
    extra: &[&str],
) -> anyhow::Result<Process> {
    let folder = text(&data.join("autopilot"))?;
    let mut arguments = vec!["up", "--listen", "127.0.0.1:0", "--data", &folder];
    arguments.extend(extra);
    Process::start(
        binary,
        &arguments,
        &[("CALLBOARD_API_KEY", api_key)],
        &data.join("logs/autopilot.log"),
    )
    .await
}

async fn management_token(
    http: &reqwest::Client,
    url: &str,
    client: &(String, String),
) -> anyhow::Result<String> {
    let form = BTreeMap::from([
        ("grant_type", "client_credentials".to_owned()),
        ("audience", format!("{url}/api/v2/")),
        ("client_id", client.0.clone()),
        ("client_secret", client.1.clone()),
    ]);
    let (status, answer) = answer(http.post(format!("{url}/oauth/token")).form(&form)).await?;
    answer["access_token"]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no token from the tenant: {status} {answer}"))
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await?;
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
    Ok((status, body))
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("{} is not UTF-8", path.display()))
}
