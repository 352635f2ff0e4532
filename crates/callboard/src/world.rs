//! The outside that lower floors are given: time, randomness, the signal to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use rand::Rng as _;
use tokio::net::TcpListener;

use crate::exit::{Code, Failure};

/// The machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock; everybody else is given it"
)]
pub(crate) fn clock() -> Arc<dyn Fn() -> jiff::Timestamp + Send + Sync> {
    Arc::new(jiff::Timestamp::now)
}

/// The machine's random numbers, fit for keys and passwords.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that takes random numbers; everybody else is given them"
)]
pub(crate) fn random(buffer: &mut [u8]) {
    rand::rng().fill_bytes(buffer);
}

/// `prefix` and 32 random bytes in hex: a secret that cannot be guessed.
pub(crate) fn secret(prefix: &str) -> String {
    let mut bytes = [0; 32];
    random(&mut bytes);
    format!("{prefix}{}", hex::encode(bytes))
}

/// Completes when the process is asked to stop (Ctrl-C or SIGTERM).
pub(crate) async fn stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! { _ = interrupt => (), _ = terminate.recv() => () }
            return;
        }
    }
    drop(interrupt.await);
}

/// Listens, on loopback only: what is served is plain HTTP with credentials in it.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let remedy = "listen on 127.0.0.1 and put a TLS proxy in front of it";
        return Err(Failure::new(
            Code::Usage,
            format!("plain HTTP is not served on {address}: {remedy}"),
        )
        .into());
    }
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
