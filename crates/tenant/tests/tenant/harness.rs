//! A tenant of its own for each test: in memory, on a real loopback port, with a clock and randomness of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use callboard_contract::contract;
use callboard_tenant::{Courier, Data, Durability, RateLimits, Scheme, Settings, Tenants};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) const CLIENT_ID: &str = "testclientid00000000000000000000";
pub(crate) const CLIENT_SECRET: &str = "a-secret-that-only-tests-know";
/// What a user of these tests has as password.
pub(crate) const PASSWORD: &str = "Correct-Horse-1";

/// A running tenant.
pub(crate) struct TestTenant {
    pub(crate) url: String,
    tenants: Tenants,
    clock: Arc<AtomicI64>,
    token: Mutex<String>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Somebody who calls the Management API.
pub(crate) struct Caller {
    url: String,
    token: Option<String>,
}

impl TestTenant {
    pub(crate) async fn start() -> Self {
        Self::with_limits(RateLimits::Off).await
    }

    pub(crate) async fn with_limits(rate_limits: RateLimits) -> Self {
        Self::open(Data::Memory, rate_limits).await
    }

    pub(crate) async fn open(data: Data, rate_limits: RateLimits) -> Self {
        let start: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let clock = Arc::new(AtomicI64::new(start.as_millisecond()));
        let now = Arc::clone(&clock);
        let tenants = Tenants::open(Settings {
            data,
            durability: Durability::Process,
            scheme: Scheme::Http,
            rate_limits,
            names: vec!["test".into()],
            clock: Arc::new(move || {
                Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap()
            }),
            rng: seeded(),
        })
        .await
        .unwrap();
        tenants.ensure_client(CLIENT_ID, CLIENT_SECRET).await.unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(callboard_tenant::serve(listener, tenants.clone(), stopped));
        let tenant = Self {
            url: format!("http://{address}"),
            clock,
            token: Mutex::default(),
            stop,
            tenants,
            tasks,
        };
        let token = tenant.mint(json!({})).await;
        *tenant.token.lock().unwrap() = token;
        tenant
    }

    /// The machine-to-machine application with every scope.
    pub(crate) fn admin(&self) -> Caller {
        Caller { url: self.url.clone(), token: Some(self.token.lock().unwrap().clone()) }
    }

    /// The same application with a token for these scopes only.
    pub(crate) async fn with_scopes(&self, scopes: &str) -> Caller {
        Caller { url: self.url.clone(), token: Some(self.mint(json!({"scope": scopes})).await) }
    }

    pub(crate) fn with_token(&self, token: &str) -> Caller {
        Caller { url: self.url.clone(), token: Some(token.into()) }
    }

    pub(crate) fn anonymous(&self) -> Caller {
        Caller { url: self.url.clone(), token: None }
    }

    pub(crate) fn advance(&self, duration: SignedDuration) {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap();
        self.clock.fetch_add(milliseconds, Ordering::SeqCst);
        self.tenants.clock_moved();
    }

    /// The application with every scope and a new token.
    pub(crate) async fn renewed(&self) -> Caller {
        self.with_token(&self.mint(json!({})).await)
    }

    pub(crate) fn deliver_through(&self, courier: &Arc<dyn Courier>) {
        self.tenants.deliver_through(courier);
    }

    /// Ends the server and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// `POST /oauth/token` as JSON.
    pub(crate) async fn token(&self, parameters: Value) -> Answered {
        self.anonymous().send(Method::POST, "/oauth/token", Some(parameters)).await
    }

    /// Logs a user in through the first database connection.
    pub(crate) async fn log_in(&self, username: &str, password: &str) -> Answered {
        self.token(json!({
            "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
            "realm": "Username-Password-Authentication",
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "username": username, "password": password, "scope": "openid profile email",
        }))
        .await
    }

    async fn mint(&self, more: Value) -> String {
        let mut parameters = json!({
            "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "audience": format!("{}/api/v2/", self.url),
        });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answered = self.token(parameters).await;
        answered.body["access_token"].as_str().unwrap_or_else(|| panic!("{answered:?}")).to_owned()
    }
}

impl Drop for TestTenant {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Caller {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(Method::GET, &format!("/api/v2{path}"), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(Method::POST, &format!("/api/v2{path}"), Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answered {
        self.send(Method::PATCH, &format!("/api/v2{path}"), Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answered {
        self.send(Method::PUT, &format!("/api/v2{path}"), Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answered {
        self.send(Method::DELETE, &format!("/api/v2{path}"), None).await
    }

    /// The parts as `multipart/form-data`.
    pub(crate) async fn post_form(&self, path: &str, parts: &[(&str, String)]) -> Answered {
        let part = |(name, text): &(&str, String)| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let body = parts.iter().map(part).collect::<String>() + "--x--\r\n";
        let request = reqwest::Client::new()
            .post(format!("{}/api/v2{path}", self.url))
            .bearer_auth(self.token())
            .header("Content-Type", "multipart/form-data; boundary=x")
            .body(body);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answered { status, headers, body: response.json().await.unwrap() }
    }

    pub(crate) async fn delete_with(&self, path: &str, body: Value) -> Answered {
        self.send(Method::DELETE, &format!("/api/v2{path}"), Some(body)).await
    }

    /// A user of the first database connection with [`PASSWORD`].
    pub(crate) async fn create_user(&self, email: &str) -> Value {
        let body = json!({
            "connection": "Username-Password-Authentication", "email": email, "password": PASSWORD,
        });
        self.post("/users", body).await.expect(201)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answered {
        let mut request =
            reqwest::Client::new().request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        fits_contract(&method, path, status, &body);
        Answered { status, headers, body }
    }
}

impl Answered {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// Every answer of the Management API has the shape that its contract says; log entries have not, since real ones
/// hold nulls that the document does not know.
fn fits_contract(method: &Method, path: &str, status: StatusCode, body: &Value) {
    type Validators = Mutex<HashMap<(&'static str, u16), Option<Arc<jsonschema::Validator>>>>;
    static VALIDATORS: LazyLock<Validators> = LazyLock::new(Mutex::default);
    let has_body = status != StatusCode::NO_CONTENT;
    if !path.starts_with("/api/v2/") || path.contains("/logs") || !has_body {
        return;
    }
    let Some(located) = contract().locate(method, path) else { return };
    let (operation, status) = (located.operation, status.as_u16());
    let validator = VALIDATORS
        .lock()
        .unwrap()
        .entry((operation.id.as_str(), status))
        .or_insert_with(|| {
            let mut schema = loosened(contract().bundle(operation.answer_schema(status)?));
            if SHOWN_IN_FULL.iter().any(|family| operation.path.starts_with(family)) {
                open(&mut schema);
            }
            Some(Arc::new(jsonschema::draft202012::new(&schema).unwrap()))
        })
        .clone();
    if let Some(Err(error)) = validator.as_ref().map(|validator| validator.validate(body)) {
        let place = error.instance_path();
        panic!("{method} {path} answered {status} against its contract at {place:?}: {error:.400}");
    }
}

/// Families whose recorded answers hold more than the document lists.
const SHOWN_IN_FULL: [&str; 8] = [
    "/actions/",
    "/attack-protection/suspicious-ip-throttling",
    "/branding/phone/",
    "/clients",
    "/connections",
    "/guardian/",
    "/network-acls",
    "/tenants",
];

/// Lets objects have properties that the document does not list.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if keywords.get("additionalProperties") == Some(&Value::Bool(false)) {
                keywords.remove("additionalProperties");
            }
            keywords.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}

/// The same schema; alternatives of the document overlap: a page is a page in two of them.
pub(crate) fn loosened(mut schema: Value) -> Value {
    loosen(&mut schema);
    schema
}

fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if let Some(alternatives) = keywords.remove("oneOf") {
                keywords.insert("anyOf".into(), alternatives);
            }
            keywords.values_mut().for_each(loosen);
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

/// A path segment.
pub(crate) fn encoded(id: &str) -> String {
    id.replace('|', "%7C").replace(':', "%3A").replace('/', "%2F")
}

/// Different bytes at each call, the same in each test.
fn seeded() -> callboard_tenant::Rng {
    let state = AtomicU64::new(1);
    Arc::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            let seed = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            *byte = (mixed ^ (mixed >> 27)).to_be_bytes()[3];
        }
    })
}
