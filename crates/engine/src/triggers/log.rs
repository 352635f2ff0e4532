//! A tenant's log by checkpoint.
//!
//! Entries are indexed some time after they happened and not always in order. Each reading begins a little before the
//! newest entry that was read; what was taken in before is known by its id.

use std::collections::{BTreeSet, VecDeque};

use callboard_apps::{Failure, LogPlace};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::follower::{FeedError, Follower, Next};
use super::gap::{before, may_have_lost};
use super::place::{Gap, Kept};
use super::wants::Wants;

/// A full page: there is more.
const PAGE: usize = 100;
/// So many pages are read before others have their turn.
const MOST_PAGES: usize = 20;
/// What is indexed so much later than its neighbours is still seen ...
const LATE: SignedDuration = SignedDuration::from_secs(30);
/// ... as far as no more entries than this have to be read again for it.
const MOST_AGAIN: usize = 99;

/// What need not be durable: ids at the end of what was read, and those among them that were looked at.
#[derive(Default)]
pub(super) struct Memory {
    /// Oldest first; the first one is the anchor.
    recent: VecDeque<String>,
    looked_at: BTreeSet<String>,
}

impl Follower {
    pub(super) async fn read_log(&self, memory: &mut Memory) -> Result<Next, FeedError> {
        let shared = &self.shared;
        let mut kept = Kept::load(shared.journal.store(), &self.key).await?;
        if let Some(until) = kept.place.kept_elsewhere(shared) {
            return Ok(Next::After(until.duration_since((shared.lease_clock)())));
        }
        if kept.place.began_at.is_none() {
            return self.begin(kept).await;
        }
        // What was looked at counts only if all of this reading is durable.
        let mut reading = Memory {
            recent: kept.place.anchor.clone().into_iter().collect(),
            looked_at: std::mem::take(&mut memory.looked_at),
        };
        let (mut entries, mut gap) = self.first_page(&kept).await?;
        let mut next = Next::AtOnce;
        for _ in 0..MOST_PAGES {
            let is_last = entries.len() < PAGE;
            self.take_in(&mut kept, &mut reading, &entries, gap.take()).await?;
            let position = kept.place.position.clone();
            let (false, Some(position)) = (is_last, position) else {
                next = Next::Usual;
                break;
            };
            entries = self.read(LogPlace::After(position)).await?;
        }
        reading.looked_at.retain(|id| reading.recent.contains(id));
        *memory = reading;
        Ok(next)
    }

    /// The first start begins now: what stands in the log is history.
    async fn begin(&self, mut kept: Kept) -> Result<Next, FeedError> {
        let now = self.shared.time.now();
        let newest = self.read(LogPlace::Newest).await?.pop();
        let place = &mut kept.place;
        place.position = newest.as_ref().and_then(id_of).map(str::to_owned);
        place.position_at = newest.as_ref().and_then(date_of);
        place.anchor.clone_from(&place.position);
        (place.began_at, place.read_at, place.trouble) = (Some(now), Some(now), None);
        place.keep(&self.shared, self.pause());
        let change = kept.put(now);
        self.commit(vec![change]).await?;
        Ok(Next::Usual)
    }

    /// The entries after the anchor, and what was lost before them.
    async fn first_page(&self, kept: &Kept) -> Result<(Vec<Value>, Option<Gap>), FeedError> {
        let (now, place) = (self.shared.time.now(), &kept.place);
        let (Some(anchor), Some(position)) = (&place.anchor, &place.position) else {
            // The log was empty when it was first read.
            return Ok((self.read(LogPlace::Oldest).await?, None));
        };
        let was_lost = may_have_lost(place, now)
            && self.read(LogPlace::Entry(position.clone())).await?.is_empty();
        match self.read(LogPlace::After(anchor.clone())).await {
            Ok(entries) if was_lost => {
                let why = "the tenant does not keep the last entry that was read any more";
                let gap = before(place, entries.first().and_then(date_of), now, why);
                Ok((entries, gap))
            }
            Ok(entries) => Ok((entries, None)),
            Err(FeedError::Read(Failure::Rejected { title, .. })) => {
                let entries = self.read(LogPlace::Oldest).await?;
                let why = format!("the tenant does not go on from the last entry: {title}");
                let gap = before(place, entries.first().and_then(date_of), now, &why);
                Ok((entries, gap))
            }
            Err(error) => Err(error),
        }
    }

    /// A page, how far it was read, and the runs that it starts are one transaction.
    async fn take_in(
        &self,
        kept: &mut Kept,
        memory: &mut Memory,
        entries: &[Value],
        gap: Option<Gap>,
    ) -> Result<(), FeedError> {
        let now = self.shared.time.now();
        let wants = Wants::of(&self.shared, &self.trigger).await?;
        let mut events = Vec::new();
        for entry in entries {
            let Some(id) = id_of(entry) else { continue };
            // Also what was known: the next reading begins before it again.
            memory.recent.push_back(id.to_owned());
            if memory.looked_at.insert(id.to_owned()) {
                let item = json!({ "log_id": id, "data": entry });
                events.extend(self.publish(&item, &wants));
            }
        }
        let new = self.count_new(&events).await?;
        let place = &mut kept.place;
        let newest = entries.iter().filter_map(|entry| Some((id_of(entry)?, entry)));
        let newest = newest.max_by_key(|(id, _)| *id);
        if let Some((id, entry)) = newest
            && place.position.as_deref().is_none_or(|position| position < id)
        {
            place.position = Some(id.to_owned());
            place.position_at = date_of(entry);
        }
        if let Some(position) = &place.position {
            forget_old(&mut memory.recent, position);
        }
        place.anchor = memory.recent.front().cloned().or(place.position.clone());
        place.brought(new, now);
        (place.read_at, place.trouble) = (Some(now), None);
        place.keep(&self.shared, self.pause());
        events.extend(gap.map(|gap| self.alarm(place, gap)));
        let mut changes = vec![kept.put(now)];
        changes.extend(events);
        self.commit(changes).await?;
        Ok(())
    }

    async fn read(&self, place: LogPlace) -> Result<Vec<Value>, FeedError> {
        let mut entries = self.shared.performer.read_log(&self.app, &self.link, &place).await?;
        if !matches!(place, LogPlace::Entry(_)) {
            entries.retain(|entry| id_of(entry).is_some());
        }
        Ok(entries)
    }
}

/// Lets go of ids at the front, as long as the next one is old enough to be the anchor.
fn forget_old(recent: &mut VecDeque<String>, newest: &str) {
    let newest = indexed_at(newest);
    while let Some(second) = recent.get(1) {
        let is_old = match (newest, indexed_at(second)) {
            (Some(newest), Some(second)) => newest.duration_since(second) >= LATE,
            // An id that tells no time: nothing is read again.
            _ => true,
        };
        if !is_old && recent.len() <= MOST_AGAIN + 1 {
            return;
        }
        recent.pop_front();
    }
}

fn id_of(entry: &Value) -> Option<&str> {
    entry.get("log_id").or_else(|| entry.get("_id")).and_then(Value::as_str)
}

fn date_of(entry: &Value) -> Option<Timestamp> {
    entry.get("date")?.as_str()?.parse().ok()
}

/// When an entry was indexed, as its id tells: `900` and `YYYYMMDDhhmmss` in front.
fn indexed_at(id: &str) -> Option<Timestamp> {
    let digits = id.get(3..17)?;
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
    Some(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(second: u32, number: u32) -> String {
        format!("900202601050900{second:02}000000{number:033}")
    }

    #[test]
    fn the_anchor_is_half_a_minute_or_a_page_before_the_newest_entry() {
        let recent = |ids: &[(u32, u32)]| ids.iter().map(|(at, number)| id(*at, *number)).collect();
        let mut few: VecDeque<String> = recent(&[(0, 1), (5, 2), (20, 3), (36, 4)]);
        forget_old(&mut few, &id(36, 4));
        assert_eq!(few, recent(&[(5, 2), (20, 3), (36, 4)]));
        let burst: Vec<(u32, u32)> = (0..500).map(|number| (36, number)).collect();
        let mut burst: VecDeque<String> = recent(&burst);
        forget_old(&mut burst, &id(36, 499));
        assert_eq!(burst.len(), MOST_AGAIN + 1);
        let mut strange: VecDeque<String> = ["a".into(), "b".into()].into();
        forget_old(&mut strange, "b");
        assert_eq!(strange, ["b"]);
    }
}
