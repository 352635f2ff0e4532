//! Which feeds are followed: those whose events somebody wants, through one link per tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use callboard_apps::{App, Feed, Link, LinkCredentials, Trigger};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::follower::{Follower, pause_of};
use super::place::{Kept, key_of};
use super::wants::Wants;
use crate::driver::after;
use crate::engine::Shared;
use crate::store::{Refusal, StoreError};

/// Runs may begin and cease to listen: look at least this often.
const LOOK_AROUND: SignedDuration = SignedDuration::from_secs(30);

/// A feed that is followed, and through which state of its link.
struct Followed {
    link: Arc<Link>,
    types: Vec<String>,
    stop: CancellationToken,
}

/// A feed that should be.
struct Wanted {
    feed: Feed,
    app: Arc<App>,
    trigger: Arc<Trigger>,
    link: Arc<Link>,
    /// As the tenant names them, where it is told which ones are wanted.
    types: Vec<String>,
}

pub(crate) async fn keep_feeds(shared: Arc<Shared>) {
    if !shared.performer.reads_feeds() {
        return;
    }
    let mut followed = BTreeMap::new();
    while !shared.stop.is_cancelled() {
        let rung = shared.feeds.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        if let Err(error) = look(&shared, &mut followed).await {
            tracing::error!("feeds cannot be looked at: {error}");
        }
        let next = after(shared.time.now(), LOOK_AROUND);
        tokio::select! {
            () = rung => {}
            () = shared.time.sleep_until(next) => {}
            () = shared.stop.cancelled() => {}
        }
    }
}

/// Begins to follow what is wanted and not followed, and lets go of the rest.
async fn look(
    shared: &Arc<Shared>,
    followed: &mut BTreeMap<String, Followed>,
) -> Result<(), StoreError> {
    let wanted = wanted(shared).await?;
    followed.retain(|key, following| {
        let same = wanted.get(key).is_some_and(|wanted| {
            Arc::ptr_eq(&wanted.link, &following.link) && wanted.types == following.types
        });
        if !same {
            following.stop.cancel();
        }
        same
    });
    rest(shared, &wanted).await?;
    for (key, wanted) in wanted {
        if followed.contains_key(&key) {
            continue;
        }
        let stop = shared.stop.child_token();
        let Wanted { feed, app, trigger, link, types } = wanted;
        let (of_link, of_types) = (Arc::clone(&link), types.clone());
        let following = Followed { link: of_link, types: of_types, stop: stop.clone() };
        followed.insert(key.clone(), following);
        let reader = Follower { shared: Arc::clone(shared), app, trigger, link, key, stop };
        shared.tracker.spawn(reader.follow(feed, types));
    }
    Ok(())
}

async fn wanted(shared: &Shared) -> Result<BTreeMap<String, Wanted>, StoreError> {
    let mut wanted = BTreeMap::new();
    for app in shared.catalogue.apps() {
        for trigger in &app.triggers {
            let Some(feed) = trigger.feed else { continue };
            let links = shared.links.of_app(&app.name);
            if links.is_empty() {
                continue;
            }
            let wants = Wants::of(shared, trigger).await?;
            if !wants.any_of(trigger) {
                continue;
            }
            let types = match feed {
                Feed::Log => Vec::new(),
                Feed::Events => upstream(&app.name, &wants.types(trigger)),
            };
            for open in links {
                let link = open.link;
                if !reads_by_itself(&link) {
                    continue;
                }
                // The first link by name reads for all links to the same tenant.
                let (app, trigger) = (Arc::clone(app), Arc::clone(trigger));
                wanted.entry(key_of(feed, &link)).or_insert(Wanted {
                    feed,
                    app,
                    trigger,
                    link,
                    types: types.clone(),
                });
            }
        }
    }
    Ok(wanted)
}

/// Whether the tenant may be asked through it.
pub(super) fn reads_by_itself(link: &Link) -> bool {
    pause_of(link) > 0 && !matches!(link.credentials, LinkCredentials::Open)
}

/// Our names of events are theirs with the app in front.
fn upstream(app: &str, types: &[&str]) -> Vec<String> {
    let prefix = format!("{app}.");
    types.iter().filter_map(|kind| kind.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// What nobody wants any more begins anew when somebody does.
async fn rest(shared: &Shared, wanted: &BTreeMap<String, Wanted>) -> Result<(), StoreError> {
    for mut kept in Kept::all(shared.journal.store()).await? {
        let reads = kept.place.began_at.is_some() && kept.place.kept_elsewhere(shared).is_none();
        if !reads || wanted.contains_key(&kept.key) {
            continue;
        }
        kept.place.rest();
        let change = kept.put(shared.time.now());
        match shared.journal.commit(vec![change]).await {
            Err(StoreError::Refused(Refusal::DocumentMoved { .. })) => {}
            done => done?,
        }
    }
    Ok(())
}
