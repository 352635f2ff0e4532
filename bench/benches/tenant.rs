//! `GET /api/v2/users/{id}` of the tenant beside a bare handler of the same HTTP library that answers the same bytes.
//!
//! The two take turns in one process, so that a busy machine slows both; the ratio is the figure.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;
use callboard_bench::{Load, Report, Request, answer_of, median};
use callboard_tenant::{Data, Durability, RateLimits, Scheme, Settings, Tenants};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const LOAD: Load = Load { connections: 32, duration: Duration::from_secs(2) };
const ROUNDS: usize = 5;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let tenant = tenant().await?;
    let token = token(tenant).await?;
    let user = user(tenant, &token).await?;
    let request = Request::get(&format!("/api/v2/users/{}", user.replace('|', "%7C")), &token);
    let body = answer_of(tenant, &request).await?;
    let bare = bare(body.clone()).await?;
    println!("GET /api/v2/users/{{id}}, {} connections, {} bytes", LOAD.connections, body.len());
    let (mut ratios, mut last) = (Vec::new(), None);
    for _ in 0..ROUNDS {
        let (ours, theirs) = (LOAD.run(tenant, &request).await?, LOAD.run(bare, &request).await?);
        ratios.push(ours.per_second / theirs.per_second);
        last = Some((ours, theirs));
    }
    let (ours, theirs) = last.context("at least one round")?;
    show("tenant", &ours);
    show("bare", &theirs);
    println!("ratio   {:.2} (median of {ROUNDS} rounds: {ratios:.2?})", median(&ratios));
    Ok(())
}

fn show(name: &str, report: &Report) {
    let Report { per_second, p50, p99 } = report;
    println!("{name:<7} {per_second:>8.0}/s  p50 {p50:?}  p99 {p99:?}");
}

async fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    #[expect(clippy::disallowed_methods, reason = "it ends with the benchmark")]
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    Ok(address)
}

async fn bare(body: Vec<u8>) -> anyhow::Result<SocketAddr> {
    let answer = move || {
        std::future::ready(([("content-type", "application/json; charset=utf-8")], body.clone()))
    };
    serve(Router::new().route("/api/v2/users/{id}", get(answer))).await
}

async fn tenant() -> anyhow::Result<SocketAddr> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark owns its clock")]
    let clock = Arc::new(jiff::Timestamp::now);
    let folder = tempfile::tempdir()?.keep();
    let tenants = Tenants::open(Settings {
        data: Data::Folder(folder),
        durability: Durability::Full,
        scheme: Scheme::Http,
        rate_limits: RateLimits::Off,
        names: vec!["bench".into()],
        clock,
        #[expect(clippy::disallowed_methods, reason = "a benchmark owns its randomness")]
        rng: Arc::new(|buffer: &mut [u8]| rand::Rng::fill_bytes(&mut rand::rng(), buffer)),
    })
    .await?;
    tenants.ensure_client("bench", "bench-secret").await?;
    serve(callboard_tenant::router(tenants)).await
}

async fn token(tenant: SocketAddr) -> anyhow::Result<String> {
    let body = json!({"grant_type": "client_credentials", "client_id": "bench", "client_secret": "bench-secret",
                      "audience": format!("http://{tenant}/api/v2/")});
    let answer: Value = serde_json::from_slice(
        &answer_of(tenant, &Request::post("/oauth/token", "", &body.to_string())).await?,
    )?;
    Ok(answer["access_token"].as_str().context("no token")?.to_owned())
}

async fn user(tenant: SocketAddr, token: &str) -> anyhow::Result<String> {
    let body = json!({"connection": "Username-Password-Authentication", "email": "ada@example.com",
                      "password": "Correct-horse-battery-7", "app_metadata": {"department": "Engineering"}});
    let answer: Value = serde_json::from_slice(
        &answer_of(tenant, &Request::post("/api/v2/users", token, &body.to_string())).await?,
    )?;
    Ok(answer["user_id"].as_str().context("no user")?.to_owned())
}
