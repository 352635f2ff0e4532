//! How far a feed was read, who reads it, and how well: one document per feed.

use callboard_apps::{Feed, Link};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::driver::after;
use crate::engine::Shared;
use crate::store::{Change, DocumentRecord, Store, StoreError};

/// The kind of these documents.
const KIND: &str = "feed";

/// A feed as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    /// When it was first read since somebody wants it; none while nobody does.
    pub(crate) began_at: Option<Timestamp>,
    /// The newest entry or message that was read.
    pub(crate) position: Option<String>,
    pub(crate) position_at: Option<Timestamp>,
    /// Where the next reading begins: a little before the position, for what is indexed late.
    pub(crate) anchor: Option<String>,
    /// When it was last read without trouble.
    pub(crate) read_at: Option<Timestamp>,
    /// When it last brought an event that somebody wants, and how many there were.
    pub(crate) last_event_at: Option<Timestamp>,
    pub(crate) events: u64,
    pub(crate) gap: Option<Gap>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) keeper: Option<Keeper>,
}

/// What may have been lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub noticed_at: Timestamp,
    /// Everything up to here was read.
    pub after: Option<Timestamp>,
    /// Everything from here on will be.
    pub until: Option<Timestamp>,
    pub why: String,
}

/// Why it is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub since: Timestamp,
    pub why: String,
}

/// Who reads it, so that others need not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeper {
    node: String,
    boot: String,
    /// On the clock of leases.
    until: Timestamp,
}

/// A place with the revision under which it was read.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) key: String,
    revision: i64,
    pub(crate) place: Place,
}

impl Kept {
    pub(crate) async fn load(store: &dyn Store, key: &str) -> Result<Self, StoreError> {
        match store.find_document(KIND, key).await? {
            Some(document) => Self::of(document),
            None => Ok(Self { key: key.to_owned(), revision: 0, place: Place::default() }),
        }
    }

    pub(crate) async fn all(store: &dyn Store) -> Result<Vec<Self>, StoreError> {
        store.list_documents(KIND).await?.into_iter().map(Self::of).collect()
    }

    fn of(document: DocumentRecord) -> Result<Self, StoreError> {
        let place = serde_json::from_value(document.value).map_err(|error| {
            let (id, why) = (document.key.clone(), error.to_string());
            StoreError::Inconsistent { table: "documents", id, why }
        })?;
        Ok(Self { key: document.key, revision: document.revision, place })
    }

    /// The change that makes this the stored one, unless somebody else was quicker. Call it once per commit.
    pub(crate) fn put(&mut self, at: Timestamp) -> Change {
        let value = serde_json::to_value(&self.place).unwrap_or_default();
        let (kind, key, revision) = (KIND.to_owned(), self.key.clone(), self.revision);
        self.revision += 1;
        Change::PutDocument(Box::new(DocumentRecord { kind, key, revision, value, at }))
    }
}

impl Place {
    /// Until when another node reads it, or another life of this one that may go on still.
    pub(crate) fn kept_elsewhere(&self, shared: &Shared) -> Option<Timestamp> {
        let keeper = self.keeper.as_ref()?;
        let own =
            keeper.node == shared.node && (keeper.boot == shared.boot || shared.followed_its_own);
        let elsewhere = !own && keeper.until > (shared.lease_clock)();
        elsewhere.then_some(keeper.until)
    }

    /// So many events that somebody wants came new with a reading.
    pub(crate) fn brought(&mut self, new: u64, now: Timestamp) {
        if new > 0 {
            self.last_event_at = Some(now);
            self.events += new;
        }
    }

    /// Takes or renews it for this node, which says so again after `pause` at the latest.
    pub(crate) fn keep(&mut self, shared: &Shared, pause: SignedDuration) {
        let (node, boot) = (shared.node.clone(), shared.boot.clone());
        let until = after(shared.lease_until(), pause);
        self.keeper = Some(Keeper { node, boot, until });
    }

    /// Nobody wants it any more: whoever does later begins at that time.
    pub(crate) fn rest(&mut self) {
        *self = Self { events: self.events, gap: self.gap.take(), ..Self::default() };
    }
}

/// The tenant that a link leads to. Two links to one tenant bring the same events.
pub(crate) fn scope_of(link: &Link) -> String {
    link.base_url.as_str().trim_end_matches('/').to_owned()
}

/// The key of a feed's document.
pub(crate) fn key_of(feed: Feed, link: &Link) -> String {
    format!("{}:{}", word(feed), scope_of(link))
}

pub(crate) fn word(feed: Feed) -> &'static str {
    match feed {
        Feed::Log => "log",
        Feed::Events => "events",
    }
}
