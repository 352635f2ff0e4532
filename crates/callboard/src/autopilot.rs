//! The autopilot wired up: engine, REST API, and the note in the data folder by which commands find it.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use callboard_apps::{CallOptions, Calls, Catalogue, Executor, HostPolicy, Options};
use callboard_engine::{
    Engine, KeySource, Observer, Place, Retention, Settings, Source, SqlStore, WallTime, WithCalls,
    private_file,
};
use include_dir::{Dir, include_dir};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::{KeepRuns, Key, Overlays};
use crate::world;

static WORKFLOWS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../library/workflows");

/// How long calls in flight may take when the process is asked to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// Runs that are driven at a time.
const PARALLEL_RUNS: usize = 256;

/// Where `up` listens unless it is told otherwise.
const USUAL_URL: &str = "http://127.0.0.1:4100";

/// Days for which the same event or start is recognised; nobody sends one again after so long.
const KEEP_KEYS: u32 = 30;

/// How long a process that is going down may still hold the data folder.
const HANDOVER: Duration = Duration::from_secs(3);

/// What an autopilot is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look and to arrange: no run is driven, nothing is called by itself.
    Look,
    /// To drive runs.
    Drive,
}

/// An engine on a data folder that nobody else uses.
pub(crate) struct Autopilot {
    engine: Arc<Engine>,
    data: PathBuf,
    _lock: File,
    local_key: SecretString,
}

/// An autopilot that serves.
pub(crate) struct Running {
    pub(crate) url: Url,
    pub(crate) local_key: SecretString,
    autopilot: Autopilot,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// `DIR/server.json`, readable by its owner only: where the server of a data folder answers, and a key that its
/// owner's commands use. The key is a new one with every start.
#[derive(Debug, Serialize, Deserialize)]
struct Announcement {
    url: Url,
    key: String,
}

impl Autopilot {
    /// The server that runs on this data folder, if one does.
    pub(crate) fn announced(data: &Path) -> anyhow::Result<Option<(Url, SecretString)>> {
        if !data.is_dir() || lock(data)?.is_some() {
            return Ok(None);
        }
        let path = data.join("server.json");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("the server on {} is just starting or stopping; try again", data.display())
        })?;
        let Announcement { url, key } = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Some((url, key.into())))
    }

    /// Opens the data folder, making it where it is not there; to drive, it takes up every unfinished run.
    pub(crate) async fn open(
        data: &Path,
        overlays: &Overlays,
        key: &Key,
        purpose: Purpose,
        keep_runs: KeepRuns,
        observer: Option<Arc<dyn Observer>>,
    ) -> anyhow::Result<Self> {
        make_private_folder(data)?;
        let lock = take(data).await?;
        let catalogue = Arc::new(catalogue(overlays.apps.as_deref())?);
        let (place, node) = match &overlays.database {
            None => (Place::File(data.join("callboard.db")), None),
            Some(address) => {
                let node = overlays.node.clone().map_or_else(|| node_name(data), Ok)?;
                (Place::Postgres(address.clone()), Some(node))
            }
        };
        // It may have to wait for a network.
        let store = tokio::task::block_in_place(|| SqlStore::open(&place))?;
        let lease_clock = store.lease_clock().unwrap_or_else(world::clock);
        let engine = Engine::open(Settings {
            store: Arc::new(store),
            key: key
                .secrets_key
                .clone()
                .map_or_else(|| KeySource::File(data.join("secrets.key")), KeySource::Given),
            performer: Arc::new(WithCalls {
                executor: executor()?,
                calls: calls(&overlays.allowed_hosts, &overlays.private_hosts)?,
            }),
            catalogue,
            workflows: embedded_workflows(),
            workflows_folder: overlays.library.as_ref().map(|folder| folder.join("workflows")),
            time: Arc::new(WallTime::new(world::clock())),
            lease_clock,
            random: Arc::new(world::random),
            retention: Some(Retention {
                folder: data.join("archive"),
                keep_runs: keep_runs.0.map(days),
                keep_keys: days(KEEP_KEYS),
            }),
            public_url: overlays
                .public_url
                .as_ref()
                .map_or_else(|| USUAL_URL.to_owned(), ToString::to_string),
            administrator_key: key.administrator(),
            node: node.clone().unwrap_or_else(|| "local".into()),
            parallel_runs: if purpose == Purpose::Drive { PARALLEL_RUNS } else { 0 },
            observer,
        })
        .await?;
        let local_key = engine.api_keys().renew_local(node.as_deref()).await?;
        Ok(Self { engine: Arc::new(engine), data: data.to_owned(), _lock: lock, local_key })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Serves on a free loopback port, for the commands of this process.
    pub(crate) async fn serve_locally(self) -> anyhow::Result<Running> {
        let listener = world::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        self.serve(listener)
    }

    /// Serves until [`Running::stop`].
    pub(crate) fn serve(self, listener: TcpListener) -> anyhow::Result<Running> {
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let key = self.local_key.expose_secret().to_owned();
        let announcement = Announcement { url: url.clone(), key };
        let path = self.data.join("server.json");
        private_file::write(&path, &serde_json::to_vec_pretty(&announcement)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let stop = CancellationToken::new();
        let router = callboard_console::router(Arc::clone(&self.engine));
        let until = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "its handle is kept and awaited in `stop`")]
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(until).await
        });
        Ok(Running { url, local_key: self.local_key.clone(), autopilot: self, stop, serving })
    }
}

impl Running {
    /// Takes no more requests, lets the calls in flight end, and takes the note out of the data folder.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        // A waiting client must not keep the process: what it waits for is in the journal.
        let served = tokio::time::timeout(PATIENCE, self.serving).await;
        self.autopilot.engine.stop(PATIENCE).await;
        std::fs::remove_file(self.autopilot.data.join("server.json"))
            .context("cannot remove server.json")?;
        served.map_or(Ok(()), |joined| joined?.context("the server failed"))
    }
}

fn days(count: u32) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(24 * i64::from(count))
}

/// The apps that come with the program, with a folder laid over them.
pub(crate) fn catalogue(overlay: Option<&Path>) -> anyhow::Result<Catalogue> {
    let overlays: Vec<PathBuf> = overlay.map(Path::to_owned).into_iter().collect();
    Ok(Catalogue::load(&overlays)?)
}

pub(crate) fn executor() -> anyhow::Result<Executor> {
    Ok(Executor::new(Options::new(world::clock(), Arc::new(world::random)))?)
}

/// The language's own calls, to these hosts only; to private addresses only where they are named.
pub(crate) fn calls(allowed_hosts: &[String], private: &[String]) -> anyhow::Result<Calls> {
    let mut options = CallOptions::new(world::clock());
    let allowed = HostPolicy::only(allowed_hosts).context("--allow-host")?;
    options.hosts = allowed.with_private(private).context("--allow-private-host")?;
    Ok(Calls::new(&options)?)
}

/// The workflows that come with the program.
pub(crate) fn embedded_workflows() -> Vec<Source> {
    let texts =
        WORKFLOWS.files().filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)));
    texts.map(|(file, text)| Source { file: file.into(), text: text.into() }).collect()
}

/// This node's name among those that share a database: made once, so that the next start takes up its own runs at once.
fn node_name(data: &Path) -> anyhow::Result<String> {
    let path = data.join("node");
    match std::fs::read_to_string(&path) {
        Ok(name) => Ok(name.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0; 4];
            world::random(&mut bytes);
            let name = format!("node-{:08x}", u32::from_be_bytes(bytes));
            private_file::write(&path, format!("{name}\n").as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(name)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The folder's lock; somebody who is just going down is waited for.
pub(crate) async fn take(data: &Path) -> anyhow::Result<File> {
    let deadline = tokio::time::Instant::now() + HANDOVER;
    loop {
        if let Some(lock) = lock(data)? {
            return Ok(lock);
        }
        if tokio::time::Instant::now() >= deadline {
            bail!("another callboard uses {}; stop it, or use another --data", data.display());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `None` where somebody else holds the folder's lock.
fn lock(data: &Path) -> anyhow::Result<Option<File>> {
    let path = data.join("lock");
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).context(format!("cannot lock {}", path.display()))
        }
    }
}

/// Makes the folder, or sees that nobody else may look into one that is there.
pub(crate) fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .with_context(|| format!("cannot make the data folder {}", path.display()))?;
    #[cfg(unix)]
    close_to_others(path)?;
    Ok(())
}

/// An empty folder is closed; one with data in it that others could have changed is for its owner to look at first.
#[cfg(unix)]
fn close_to_others(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    const OF_OTHERS: u32 = 0o077;
    let cannot = || format!("cannot look at the data folder {}", path.display());
    let mode = std::fs::metadata(path).with_context(cannot)?.permissions().mode();
    if mode & OF_OTHERS == 0 {
        return Ok(());
    }
    if std::fs::read_dir(path).with_context(cannot)?.next().is_none() {
        let closed = std::fs::Permissions::from_mode(mode & !OF_OTHERS & 0o7777);
        return std::fs::set_permissions(path, closed)
            .with_context(|| format!("cannot close the data folder {} to others", path.display()));
    }
    bail!(
        "the data folder {path} is open to others (mode {mode:o}); close it: chmod 700 {path}",
        path = path.display(),
        mode = mode & 0o777,
    )
}
