//! A tenant on a loopback port, for trying things out: `cargo run --example serve -- 4000 ID SECRET [FOLDER]`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use callboard_tenant::{Data, Durability, RateLimits, Scheme, Settings, Tenants};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, id, secret, folder @ ..] = arguments.as_slice() else {
        return Err("expected PORT ID SECRET [FOLDER]".into());
    };
    let tenants = Tenants::open(Settings {
        data: folder.first().map_or(Data::Memory, |folder| Data::Folder(PathBuf::from(folder))),
        durability: Durability::Full,
        scheme: Scheme::Http,
        rate_limits: RateLimits::Off,
        names: vec!["local".into()],
        #[expect(clippy::disallowed_methods, reason = "a program is where clocks come from")]
        clock: Arc::new(jiff::Timestamp::now),
        #[expect(clippy::disallowed_methods, reason = "a program is where randomness comes from")]
        rng: Arc::new(|bytes| rand::Rng::fill_bytes(&mut rand::rng(), bytes)),
    })
    .await?;
    tenants.ensure_client(id, secret).await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    callboard_tenant::serve(listener, tenants, std::future::pending()).await?;
    Ok(())
}
