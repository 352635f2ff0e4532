//! A child process of this binary that prints one readiness line and then serves until it is stopped or dropped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long a child may take to say that it is ready.
const START: Duration = Duration::from_secs(30);

/// A running child.
pub struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    what: String,
    log: PathBuf,
    /// Address it serves, without a trailing slash.
    pub url: String,
}

impl Process {
    /// Starts `BINARY ARGUMENTS` with extra environment; its stderr goes to `log`.
    pub async fn start(
        binary: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let what = format!("callboard {}", arguments.join(" "));
        let stderr = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(binary)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{what}`"))?;
        let stdout = child.stdout.take().context("the child has no stdout")?;
        let lines = BufReader::new(stdout).lines();
        let mut process = Self { child, lines, what, log: log.to_owned(), url: String::new() };
        let ready = match tokio::time::timeout(START, process.line()).await {
            Ok(ready) => ready?,
            Err(_) => {
                bail!("`{}` was not ready within {START:?}; see {}", process.what, log.display())
            }
        };
        ready["url"]
            .as_str()
            .context("the readiness line names no address")?
            .clone_into(&mut process.url);
        Ok(process)
    }

    /// The next JSON line of its stdout.
    pub async fn line(&mut self) -> anyhow::Result<Value> {
        let Some(line) = self.lines.next_line().await? else {
            bail!("`{}` ended; see {}", self.what, self.log.display());
        };
        serde_json::from_str(&line).with_context(|| format!("`{}` printed {line:?}", self.what))
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot end a child process")
    }
}
