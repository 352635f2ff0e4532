//! The server a command talks to: one by address, the one that runs on the data folder, or one started for this command.

use std::time::Duration;

use anyhow::Context as _;
use http::{Method, StatusCode};
use indicatif::ProgressBar;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::autopilot::{Autopilot, Purpose, Running};
use crate::cli::{KeepRuns, Place};
use crate::exit::{Code, Failure};

/// A REST client with the administrator's key, and the server itself where this process had to start it.
pub(crate) struct Server {
    base: Url,
    key: SecretString,
    http: reqwest::Client,
    own: Option<Running>,
}

impl Server {
    /// The same for what is written down with a name: with the key of the person who runs the command, where they have
    /// set one.
    pub(crate) async fn find_as_person(place: &Place, purpose: Purpose) -> anyhow::Result<Self> {
        let mut place = place.clone();
        let person = place.key.administrator();
        if place.server.is_none() && place.key.was_made_here() {
            // A server that is started for this command must not take a person's key for the administrator's.
            place.key.api_key = None;
        }
        let mut server = Self::find(&place, purpose).await?;
        if let Some(person) = person {
            server.key = person;
        }
        Ok(server)
    }

    /// Finds the server of a place, or starts one on its data folder for this purpose.
    pub(crate) async fn find(place: &Place, purpose: Purpose) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        if let Some(base) = &place.server {
            let key = place.key.administrator();
            let key = key.ok_or_else(|| {
                Failure::new(Code::Usage, "--server needs the API key in CALLBOARD_API_KEY")
            })?;
            return Ok(Self { base: base.clone(), key, http, own: None });
        }
        if let Some((base, key)) = Autopilot::announced(&place.data)? {
            return Ok(Self { base, key, http, own: None });
        }
        let autopilot = Autopilot::open(
            &place.data,
            &place.overlays,
            &place.key,
            purpose,
            KeepRuns(None),
            None,
        )
        .await?;
        let running = autopilot.serve_locally().await?;
        Ok(Self {
            base: running.url.clone(),
            key: running.local_key.clone(),
            http,
            own: Some(running),
        })
    }

    /// Whether this command started it: what is not done when the command ends waits for the next server.
    pub(crate) fn ends_with_the_command(&self) -> bool {
        self.own.is_some()
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> anyhow::Result<T> {
        self.call(Method::GET, path, &[], None::<&Value>).await
    }

    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        self.call(Method::GET, path, query, None::<&Value>).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.call(Method::PUT, path, &[], Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> anyhow::Result<()> {
        self.call::<Value>(Method::DELETE, path, &[], None::<&Value>).await.map(drop)
    }

    /// Stops the server where this command started it; whatever waits goes on when one runs again.
    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        match self.own {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let mut request =
            self.http.request(method, self.url(path, query)?).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let sent = patiently(request.send()).await;
        let unreachable = |why: String| {
            Failure::new(
                Code::Unreachable,
                format!("no autopilot answers at {} ({why})", self.base),
            )
        };
        let answer = sent.map_err(|error| unreachable(error.without_url().to_string()))?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let value = if bytes.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice::<Value>(&bytes)
        };
        let value = value.map_err(|_| unreachable("what answers there is no Callboard".into()))?;
        if status.is_success() {
            return serde_json::from_value(value)
                .context("the server answered in a shape this version does not know");
        }
        let text = value["detail"]
            .as_str()
            .ok_or_else(|| unreachable("what answers there is no Callboard".into()))?;
        let code = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::Refused,
            StatusCode::NOT_FOUND | StatusCode::GONE => Code::NotFound,
            _ => Code::Negative,
        };
        Err(Failure::new(code, text).into())
    }

    /// `v1` and the segments below the server's address, each escaped, whatever is in it.
    fn url(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        let no_base =
            || Failure::new(Code::Usage, format!("{} is no address of a server", self.base));
        url.path_segments_mut().map_err(|()| no_base())?.pop_if_empty().push("v1").extend(path);
        if path.iter().any(|segment| segment.is_empty() || matches!(*segment, "." | "..")) {
            return Err(Failure::new(Code::Usage, "a name is empty or a path").into());
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

/// Shows that something is going on where it takes longer than a second and somebody watches.
async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    let spinner = ProgressBar::new_spinner().with_message("waiting for the answer");
    spinner.enable_steady_tick(Duration::from_millis(120));
    let done = work.await;
    spinner.finish_and_clear();
    done
}
