//! The server a command talks to: one by address, the one that runs on the data folder, or one started for this command.

use anyhow::Context as _;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::autopilot::{Autopilot, Running};
use crate::cli::Place;
use crate::exit::{Code, Failure};

/// A REST client with the administrator's key, and the server itself where this process had to start it.
pub(crate) struct Server {
    base: Url,
    key: SecretString,
    http: reqwest::Client,
    own: Option<Running>,
}

impl Server {
    /// Finds the server of a place, or starts one on its data folder.
    pub(crate) async fn find(place: &Place) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        if let Some(base) = &place.server {
            let key = place.key.api_key.clone();
            let key = key.ok_or_else(|| {
                Failure::new(Code::Usage, "--server needs the API key in CALLBOARD_API_KEY")
            })?;
            return Ok(Self { base: base.clone(), key, http, own: None });
        }
        if let Some((base, key)) = Autopilot::announced(&place.data)? {
            return Ok(Self { base, key, http, own: None });
        }
        let running = Autopilot::open(&place.data, &place.overlays, &place.key, None)
            .await?
            .serve_locally()
            .await?;
        Ok(Self {
            base: running.url.clone(),
            key: running.local_key.clone(),
            http,
            own: Some(running),
        })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.call(Method::GET, path, None::<&Value>).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.call::<Value>(Method::DELETE, path, None::<&Value>).await.map(drop)
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
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let url = self.base.join(path).with_context(|| format!("{path} is no path"))?;
        let mut request = self.http.request(method, url).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| {
            Failure::new(
                Code::Unreachable,
                format!("no autopilot answers at {} ({})", self.base, error.without_url()),
            )
        })?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let value: Value =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if status.is_success() {
            return serde_json::from_value(value)
                .context("the server answered in a shape this version does not know");
        }
        let text = ["detail", "title"]
            .iter()
            .find_map(|name| value[name].as_str())
            .unwrap_or("no reason given");
        let code = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::Refused,
            StatusCode::NOT_FOUND => Code::NotFound,
            _ => Code::Negative,
        };
        Err(Failure::new(code, text).into())
    }
}
