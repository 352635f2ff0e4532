//! `kill -9` at random moments, five hundred times, with two hundred runs in flight: none lost, none doubled.

#![expect(clippy::unwrap_used, reason = "a company that cannot go on says where")]

mod company;
mod world;

use company::Company;

const KILLS: u32 = 500;
const IN_FLIGHT: usize = 200;

/// One node on the embedded database; three on a PostgreSQL where `tests/with-postgres` started one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_kills_lose_nothing_and_double_nothing() {
    let mut company = match postgres() {
        None => Company::open(1, None, 0x5eed).await,
        Some(server) => Company::open(3, Some(server), 0x0003_5eed).await,
    };
    company.survive(KILLS, IN_FLIGHT).await;
    company.settle().await;
    company.check().await;
}

#[expect(clippy::disallowed_methods, reason = "the suite is told by `tests/with-postgres`")]
fn postgres() -> Option<String> {
    std::env::var("CALLBOARD_TEST_POSTGRES").ok()
}
