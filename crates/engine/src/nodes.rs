//! What other nodes on the same data did reaches those who wait for it here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Shared;
use crate::store::{Change, Item, News, Signal, StoreError, Topic};

/// Follows the news until the engine stops.
pub(crate) async fn follow_news(shared: Arc<Shared>, mut known: BTreeMap<Topic, i64>) {
    loop {
        let news = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            news = shared.journal.store().news() => news,
        };
        if let Err(error) = pass_on(&shared, &news, &mut known).await {
            tracing::error!("what other nodes did cannot be followed: {error}");
        }
    }
}

async fn pass_on(
    shared: &Shared,
    news: &News,
    known: &mut BTreeMap<Topic, i64>,
) -> Result<(), StoreError> {
    for run in &news.runs {
        shared.moved.ring(run);
        shared.spoken.ring(run);
    }
    if news.tells(Item::AnyRun) {
        shared.moved.ring_all();
    }
    if news.tells(Item::Work) {
        shared.wake.notify_one();
    }
    if news.tells(Item::Plans) {
        shared.planned.notify_one();
    }
    if news.tells(Item::Arranged) {
        read_again(shared, known).await?;
    }
    if news.tells(Item::Spoken) {
        for run in shared.journal.store().spoken_to(&shared.boot).await? {
            shared.spoken.ring(&run);
        }
    }
    Ok(())
}

/// Reads what is kept in memory, where it has changed since; again where it changed while it was read.
async fn read_again(shared: &Shared, known: &mut BTreeMap<Topic, i64>) -> Result<(), StoreError> {
    loop {
        let now = shared.journal.store().revisions().await?;
        if now == *known {
            return Ok(());
        }
        for (topic, revision) in now {
            if known.get(&topic) == Some(&revision) {
                continue;
            }
            match topic {
                Topic::Links => {
                    let changed = shared.links.read_again().await?;
                    wake_blocked(shared, &changed).await?;
                }
                Topic::Secrets => shared.secrets.read_again().await?,
                Topic::Library => shared.library.adopt().await?,
            }
            known.insert(topic, revision);
        }
    }
}

/// Whoever changed a link told the runs that waited for it by then. A run that came to rest here since, by the link as it
/// was known here, has not heard.
async fn wake_blocked(shared: &Shared, changed: &[(String, String)]) -> Result<(), StoreError> {
    let at = shared.time.now();
    for (app, link) in changed {
        let signal = Signal::LinkChanged { app: app.clone(), link: link.clone() };
        let blocked = Change::SignalBlocked { on: app.clone(), signal, at };
        shared.journal.commit(vec![blocked]).await?;
        shared.wake.notify_one();
    }
    Ok(())
}
