//! Which database the suite runs on: SQLite, or a schema of its own for each test on the PostgreSQL that
//! `tests/with-postgres` started.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use callboard_engine::{Place, SqlStore};
use secrecy::ExposeSecret as _;

/// Address of the server, where there is one.
#[expect(clippy::disallowed_methods, reason = "the suite is told by `tests/with-postgres`")]
pub(crate) fn postgres() -> Option<String> {
    std::env::var("CALLBOARD_TEST_POSTGRES").ok()
}

/// A place for one test's data that outlives the engines on it.
pub(crate) fn place(folder: &Path) -> Place {
    match postgres() {
        None => Place::File(folder.join("callboard.db")),
        Some(server) => schema(&server),
    }
}

/// An empty store that nobody opens again.
pub(crate) fn fresh_store() -> SqlStore {
    let place = postgres().map_or(Place::Memory, |server| schema(&server));
    SqlStore::open(&place).unwrap()
}

fn schema(server: &str) -> Place {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    execute(server, &format!("CREATE SCHEMA {name}"));
    let own = format!("&application_name={name}&options=-csearch_path%3D{name}");
    Place::Postgres(format!("{server}{own}").into())
}

/// Says something to a database beside the stores on it.
pub(crate) fn execute_at(place: &Place, sql: &str) {
    match place {
        Place::Memory => panic!("nobody else reaches it"),
        Place::File(path) => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
        Place::Postgres(address) => execute(address.expose_secret(), sql),
    }
}

/// Ends every connection of the stores at this place.
pub(crate) fn break_connections(place: &Place) {
    let Place::Postgres(address) = place else { panic!("it has no connections") };
    let name = address.expose_secret().split_once("application_name=").unwrap().1;
    let name = name.split_once('&').unwrap().0;
    let all = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'");
    execute(&postgres().unwrap(), &format!("SELECT pg_terminate_backend(pid) FROM ({all}) AS own"));
}

/// Says something to the server beside the store.
fn execute(server: &str, sql: &str) {
    let (server, sql) = (server.to_owned(), sql.to_owned());
    // A thread of its own: whoever calls may be inside a runtime.
    let said = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
            let said = async {
                client.batch_execute(&sql).await.unwrap();
                drop(client);
            };
            let (connected, ()) = tokio::join!(connection, said);
            connected.unwrap();
        });
    });
    said.join().unwrap();
}
