//! Nodes tell each other what they did: LISTEN and NOTIFY on a connection of their own, after the commit, many changes in
//! one message. Nothing depends on it but how soon: who hears nothing looks around by itself, more often where the
//! server cannot notify at all. The server's clock is read on the way.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use crate::store::sql::connection::{Connection, FromValue as _};
use crate::store::{News, StoreError};

/// Changes of so long travel together.
const GATHERING: Duration = Duration::from_millis(10);
/// How often a node looks around that would be told.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// And one that is told nothing.
const LOOK_OFTEN: Duration = Duration::from_secs(1);

/// What a node says and hears.
pub(super) struct Board {
    /// To be told to others.
    out: Mutex<News>,
    outgoing: Notify,
    /// Heard, not read yet.
    heard: Mutex<News>,
    incoming: Notify,
    /// The server's time, and when it was that.
    clock: Mutex<Option<(Timestamp, Instant)>>,
    stop: CancellationToken,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            out: Mutex::default(),
            outgoing: Notify::new(),
            heard: Mutex::default(),
            incoming: Notify::new(),
            clock: Mutex::new(None),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn tell(&self, news: News) {
        if !news.is_empty() {
            lock(&self.out).extend(news);
            self.outgoing.notify_one();
        }
    }

    pub(super) async fn news(&self) -> News {
        loop {
            let news = std::mem::take(&mut *lock(&self.heard));
            if !news.is_empty() {
                return news;
            }
            self.incoming.notified().await;
        }
    }

    /// The server's time by this machine's steady clock. Set before anybody asks.
    pub(super) fn now(&self) -> Timestamp {
        let (then, at) = lock(&self.clock).unwrap_or((Timestamp::UNIX_EPOCH, Instant::now()));
        let since = SignedDuration::try_from(at.elapsed()).unwrap_or(SignedDuration::ZERO);
        then.saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn set_clock(&self, now: Timestamp) {
        *lock(&self.clock) = Some((now, Instant::now()));
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn hear(&self, news: News) {
        lock(&self.heard).extend(news);
        self.incoming.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that talks to the others, until the board stops.
pub(super) fn start(board: Arc<Board>, config: Config) -> std::io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        runtime.block_on(async {
            while !board.stop.is_cancelled() {
                let talked = talk(&board, &config).await;
                if let Err(error) = talked {
                    tracing::debug!("other nodes cannot be heard: {error}");
                }
                board.hear(News::everything());
                tokio::select! {
                    () = sleep(LOOK_OFTEN) => {}
                    () = board.stop.cancelled() => {}
                }
            }
        });
    };
    thread::Builder::new().name("store-news".into()).spawn(work)
}

/// Talks and listens on one connection, until it breaks or the board stops.
async fn talk(board: &Board, config: &Config) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(Tls).await?;
    let (heard, mut messages) = unbounded_channel();
    let listening = async move {
        // Its end is told to the client as well.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                drop(heard.send((notification.process_id(), notification.payload().to_owned())));
            }
        }
    };
    let talking = async {
        let listens = listen(&client).await?;
        board.hear(News::everything());
        loop {
            tokio::select! {
                () = board.stop.cancelled() => return Ok(()),
                () = board.outgoing.notified() => {
                    sleep(GATHERING).await;
                    say(board, &client, listens.is_some()).await?;
                }
                Some((from, text)) = messages.recv() => {
                    hear(board, listens, from, &text, &mut messages);
                }
                () = sleep(if listens.is_some() { LOOK_AROUND } else { LOOK_OFTEN }) => {
                    board.set_clock(clock_of(&client).await?);
                    board.hear(News::everything());
                }
            }
        }
    };
    tokio::select! {
        talked = talking => talked,
        () = listening => Ok(()),
    }
}

/// The number of this connection's process, by which a node knows its own voice. `None` where the server cannot notify.
async fn listen(client: &Client) -> Result<Option<i32>, tokio_postgres::Error> {
    let row = client
        .query_one("SELECT quote_ident('callboard ' || current_schema()), pg_backend_pid()", &[])
        .await;
    let Ok(row) = row else {
        return if client.is_closed() { row.map(|_| None) } else { Ok(None) };
    };
    let channel: String = row.try_get(0)?;
    match client.batch_execute(&format!("LISTEN {channel}")).await {
        Ok(()) => Ok(Some(row.try_get(1)?)),
        Err(error) if client.is_closed() => Err(error),
        Err(_) => Ok(None),
    }
}

async fn say(board: &Board, client: &Client, is_heard: bool) -> Result<(), tokio_postgres::Error> {
    let news = std::mem::take(&mut *lock(&board.out));
    if news.is_empty() || !is_heard {
        return Ok(());
    }
    let text = serde_json::to_string(&news).unwrap_or_default();
    let sql = "SELECT pg_notify('callboard ' || current_schema(), $1)";
    client.execute(sql, &[&text]).await.map(drop)
}

fn hear(
    board: &Board,
    own: Option<i32>,
    from: i32,
    text: &str,
    messages: &mut UnboundedReceiver<(i32, String)>,
) {
    let mut next = Some((from, text.to_owned()));
    while let Some((from, text)) = next {
        if own != Some(from) {
            // A newer node may say more than this one understands.
            board.hear(serde_json::from_str(&text).unwrap_or_else(|_| News::everything()));
        }
        next = messages.try_recv().ok();
    }
}

const CLOCK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now";

/// What the server's clock shows.
pub(super) fn clock(connection: &dyn Connection) -> Result<Timestamp, StoreError> {
    let mut micros = None;
    connection.query(CLOCK, &[], &mut |row| {
        micros = row.cell("now").ok().and_then(i64::from_value);
        Ok(())
    })?;
    Ok(instant(micros.unwrap_or_default()))
}

async fn clock_of(client: &Client) -> Result<Timestamp, tokio_postgres::Error> {
    Ok(instant(client.query_one(CLOCK, &[]).await?.try_get(0)?))
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
