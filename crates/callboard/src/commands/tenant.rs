//! `callboard tenant …`

mod courier;

use std::sync::Arc;

use anyhow::Context as _;
use callboard_tenant::{Courier, Data, Durability, RateLimits, Scheme, Settings, Tenants};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::autopilot;
use crate::cli::{Plan, Tenant, TenantServe};
use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::world;
use courier::HttpCourier;

pub(super) async fn run(command: Tenant, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Tenant::Serve(arguments) => serve(arguments, output).await,
    }
}

async fn serve(arguments: TenantServe, output: &mut Output) -> anyhow::Result<()> {
    let (id, secret) = arguments
        .client
        .expose_secret()
        .split_once(':')
        .filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
        .ok_or_else(|| Failure::new(Code::Usage, "--client is ID:SECRET, both not empty"))?;
    let listener = world::listen(arguments.listen).await?;
    autopilot::make_private_folder(&arguments.data)?;
    let _lock = autopilot::take(&arguments.data).await?;
    let tenants = Tenants::open(Settings {
        data: Data::Folder(arguments.data),
        durability: Durability::Full,
        scheme: Scheme::Http,
        rate_limits: rate_limits(arguments.plan),
        names: arguments.tenants,
        clock: world::clock(),
        rng: Arc::new(world::random),
    })
    .await?;
    tenants
        .ensure_client(id, secret)
        .await
        .context("cannot make the machine-to-machine application")?;
    let courier: Arc<dyn Courier> = Arc::new(HttpCourier::new()?);
    tenants.deliver_through(&courier);
    let url = format!("http://{}", listener.local_addr()?);
    output.json_line(
        &json!({"ready": true, "url": url, "audience": format!("{url}/api/v2/"), "client_id": id}),
    )?;
    callboard_tenant::serve(listener, tenants, world::stop())
        .await
        .context("the tenant stopped serving")
}

fn rate_limits(plan: Plan) -> RateLimits {
    use callboard_contract::rate_limits::Plan as Limits;
    match plan {
        Plan::Off => RateLimits::Off,
        Plan::Free => RateLimits::Plan(Limits::Free),
        Plan::SelfService => RateLimits::Plan(Limits::SelfService),
        Plan::Enterprise => RateLimits::Plan(Limits::Enterprise),
        Plan::EnterpriseDevelopment => RateLimits::Plan(Limits::EnterpriseDevelopment),
    }
}
