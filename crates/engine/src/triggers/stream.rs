//! A tenant's stream of events: one long connection, cut every few minutes by design, taken up where it was left.

use callboard_apps::{EventSource, Failure, StreamMessage, StreamPlace};
use jiff::SignedDuration;
use serde_json::Value;

use super::follower::{FeedError, Follower, Next};
use super::place::{Gap, Kept};
use super::wants::Wants;
use crate::driver::after;
use crate::store::Change;

/// A sign of life that moves the place without an event.
const OFFSET_ONLY: &str = "offset-only";
/// The tenant's last word before it closes the stream.
const ERROR: &str = "error";
/// Codes that say that the place is not known any more.
const LOST_PLACE: [&str; 2] = ["cursor_expired", "invalid_cursor"];
/// While nothing comes, this node says so often that the stream is its own.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_secs(20);
/// Before a stream that ended well is opened again.
const BREATH: SignedDuration = SignedDuration::from_secs(1);

impl Follower {
    pub(super) async fn follow_stream(&self, types: &[String]) {
        let mut troubles = 0;
        loop {
            let before = self.shared.time.now();
            let next = match self.read_stream(types, before).await {
                Ok(next) => {
                    troubles = 0;
                    let wait = if let Next::After(wait) = next { wait } else { BREATH };
                    after(self.shared.time.now(), wait)
                }
                Err(error) => {
                    // A stream that went well for a while has no history of trouble.
                    let lasted = self.shared.time.now().duration_since(before);
                    troubles = if lasted > SIGN_OF_LIFE { 1 } else { troubles + 1 };
                    self.after_trouble(&error, troubles).await
                }
            };
            self.shared.time.sleep_until(next).await;
        }
    }

    /// Until the tenant closes the stream.
    async fn read_stream(&self, types: &[String], now: jiff::Timestamp) -> Result<Next, FeedError> {
        let shared = &self.shared;
        let mut kept = Kept::load(shared.journal.store(), &self.key).await?;
        if let Some(until) = kept.place.kept_elsewhere(shared) {
            return Ok(Next::After(until.duration_since((shared.lease_clock)())));
        }
        let place = match (&kept.place.position, kept.place.began_at) {
            (Some(offset), _) => StreamPlace::After(offset.clone()),
            // Nothing has come yet, and what comes meanwhile must not be lost.
            (None, Some(began_at)) => StreamPlace::Since(began_at),
            (None, None) => StreamPlace::Now,
        };
        let performer = &shared.performer;
        let opened = performer.open_events(&self.app, &self.link, &place, types).await;
        let mut source = match opened {
            Err(Failure::Rejected { status: 400 | 404 | 410, title, .. })
                if place != StreamPlace::Now =>
            {
                self.give_up_place(&mut kept, &title).await?;
                return Ok(Next::AtOnce);
            }
            opened => opened?,
        };
        kept.place.began_at.get_or_insert(now);
        self.move_on(&mut kept, None, None).await?;
        loop {
            let Some(message) = self.next_message(&mut kept, source.as_mut()).await? else {
                return Ok(Next::AtOnce);
            };
            if message.kind == ERROR {
                return self.last_word(&mut kept, &message.data).await;
            }
            self.take_message(&mut kept, message).await?;
        }
    }

    /// What the stream brings next. The source is asked once, however long that takes: it knows how long nothing has come.
    async fn next_message(
        &self,
        kept: &mut Kept,
        source: &mut dyn EventSource,
    ) -> Result<Option<StreamMessage>, FeedError> {
        let mut next = source.next();
        loop {
            let sign_of_life = after(self.shared.time.now(), SIGN_OF_LIFE);
            tokio::select! {
                message = &mut next => return Ok(message?),
                () = self.shared.time.sleep_until(sign_of_life) => self.still_here(kept).await?,
            }
        }
    }

    /// Says that the stream is this node's, and nothing about how well it is read.
    async fn still_here(&self, kept: &mut Kept) -> Result<(), crate::store::StoreError> {
        kept.place.keep(&self.shared, SignedDuration::ZERO);
        let change = kept.put(self.shared.time.now());
        self.commit(vec![change]).await
    }

    async fn take_message(&self, kept: &mut Kept, message: StreamMessage) -> Result<(), FeedError> {
        let StreamMessage { kind, offset, data } = message;
        let mut event = None;
        if kind != OFFSET_ONLY {
            let wants = Wants::of(&self.shared, &self.trigger).await?;
            // The event stands in an envelope with the offset.
            let item = data.get("event").cloned().unwrap_or(data);
            event = self.publish(&item, &wants);
        }
        Ok(self.move_on(kept, offset, event).await?)
    }

    /// The place and the runs that an event starts are one transaction.
    async fn move_on(
        &self,
        kept: &mut Kept,
        offset: Option<String>,
        event: Option<Change>,
    ) -> Result<(), crate::store::StoreError> {
        let now = self.shared.time.now();
        let new = self.count_new(event.as_slice()).await?;
        let place = &mut kept.place;
        if offset.is_some() {
            (place.position, place.position_at) = (offset, Some(now));
        }
        place.brought(new, now);
        (place.read_at, place.trouble) = (Some(now), None);
        place.keep(&self.shared, SignedDuration::ZERO);
        let mut changes = vec![kept.put(now)];
        changes.extend(event);
        self.commit(changes).await
    }

    async fn last_word(&self, kept: &mut Kept, data: &Value) -> Result<Next, FeedError> {
        let error = data.get("error").unwrap_or(data);
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let (code, why) = (text("code"), text("message"));
        if LOST_PLACE.contains(&code) {
            self.give_up_place(kept, why).await?;
        } else if code != "timeout" && code != "connection_timeout" {
            let why = format!("the tenant ended its stream of events: {why} ({code})");
            return Err(Failure::Later { retry_at: None, why }.into());
        }
        Ok(Next::AtOnce)
    }

    /// The tenant does not go on from the place: what came since then is lost, and that is said.
    async fn give_up_place(&self, kept: &mut Kept, why: &str) -> Result<(), FeedError> {
        let now = self.shared.time.now();
        let place = &mut kept.place;
        let after = place.position_at.or(place.began_at);
        let why = format!("the tenant does not go on from the last event: {why}");
        let gap = Gap { noticed_at: now, after, until: Some(now), why };
        (place.position, place.position_at, place.began_at) = (None, None, None);
        let alarm = self.alarm(place, gap);
        let changes = vec![kept.put(now), alarm];
        Ok(self.commit(changes).await?)
    }
}
