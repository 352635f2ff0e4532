//! One desk per tenant: calls ask here, and go in the order of the line once the shared row says that they may.
//!
//! A look at the line is one transaction: what answers told since, who goes, and what that leaves, all written where
//! every node sees it, or nothing (somebody else wrote first: look again).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callboard_apps::{Action, Link};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gauge::BudgetGauge;
use super::line::{Decided, Line, MOST_OF_ONE, Waiter};
use super::permit::Permit;
use super::pool::later;
use super::priority::Priority;
use super::seats::{Seat, Seats};
use super::tenant::{Ended, Tenant, Token, Wanted};
use crate::driver::after;
use crate::store::{BudgetRecord, Change, Refusal, Store, StoreError};
use crate::time::Time;

/// The share of a tenant's buckets that is left to logins, unless the link says otherwise.
const USUAL_RESERVE: f64 = 0.3;
/// Setting of a link that says otherwise.
const RESERVE: &str = "reserve";
/// How long what answers told may wait to be shared, where nobody waits for it.
const AT_EASE: SignedDuration = SignedDuration::from_secs(1);
/// Other nodes' answers may have told more.
const LOOK_AROUND: SignedDuration = SignedDuration::from_secs(1);
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Who finds no room comes back after at least and at most so long, unless called in before.
const SHORTEST_LEAVE: f64 = 5.0;
const LONGEST_LEAVE: f64 = 600.0;
/// Whoever is known to wait longer does not wait in memory.
const LONGEST_IN_MEMORY: SignedDuration = SignedDuration::from_secs(5);
/// How many calls a second are assumed while nothing is proven.
const GUESS: f64 = 10.0;

/// The desks of this process.
pub(crate) struct Desks {
    store: Arc<dyn Store>,
    time: Arc<dyn Time>,
    /// Names this life of this node.
    node: String,
    stop: CancellationToken,
    tracker: TaskTracker,
    /// Rung when runs were called in.
    wake: Arc<Notify>,
    seats: Seats,
    by_tenant: Mutex<BTreeMap<String, Arc<Desk>>>,
}

/// Where calls to one tenant ask.
pub(crate) struct Desk {
    tenant: String,
    inner: Mutex<Inner>,
    /// Rung when somebody joined the line, or an exchange ended.
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    line: Line,
    doors: HashMap<u64, (oneshot::Sender<Turn>, Ask)>,
    next_number: u64,
    /// Exchanges that ended and are not in the shared row yet.
    ended: Vec<(Token, Ended)>,
    /// The shared row as it was last read or written.
    known: Tenant,
    revision: i64,
    read: bool,
    /// Whether somebody looks at the line.
    attended: bool,
    /// By workflow: runs that found no room.
    on_leave: BTreeMap<String, Leave>,
    /// When to look again, as the last look found.
    next: Option<Timestamp>,
    at_ease_until: Option<Timestamp>,
}

/// Runs of one workflow that found no room.
struct Leave {
    count: usize,
    /// What the last of them asked for.
    wanted: Vec<Wanted>,
    priority: Priority,
}

/// A wish for a call.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) tenant: String,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) priority: Priority,
    pub(crate) workflow: String,
    /// When it was first asked for.
    pub(crate) since: Timestamp,
    /// Its run stays in memory anyway.
    pub(crate) stays: bool,
    reserve: f64,
}

/// The answer to it.
pub(crate) enum Admission {
    Go(Permit),
    Wait(Ticket),
    /// There is no room to wait in memory.
    ComeBack(Timestamp),
}

/// What whoever waited hears.
pub(crate) enum Turn {
    Go(Permit),
    /// The tenant refuses calls until then: nobody waits for that in memory.
    ComeBack(Timestamp),
}

/// A place in the line. Dropping it leaves the line.
pub(crate) struct Ticket {
    desk: Arc<Desk>,
    number: u64,
    door: oneshot::Receiver<Turn>,
    /// Kept while it waits, unless its run stays in memory anyway.
    _seat: Option<Seat>,
}

impl Ask {
    pub(crate) fn new(
        link: &Link,
        action: &Action,
        priority: Priority,
        workflow: &str,
        since: Timestamp,
    ) -> Self {
        let service = action.service();
        let wanted = action.draws().into_iter().map(|draw| Wanted {
            limits: service.limits(&draw.bucket),
            name: draw.bucket,
            calls: draw.calls,
        });
        let usual = if service.is_tenant() { USUAL_RESERVE } else { 0.0 };
        Self {
            tenant: tenant_of(link, service.is_tenant()),
            wanted: wanted.collect(),
            priority,
            workflow: workflow.to_owned(),
            since,
            stays: false,
            reserve: reserve_of(link).unwrap_or(usual),
        }
    }

    /// One more exchange of the same call.
    pub(super) fn one_more(&self, bucket: &str) -> Self {
        let limits = self.wanted.first().map_or(callboard_apps::Limits::Untold, |any| any.limits);
        let known = self.wanted.iter().find(|wanted| wanted.name == bucket);
        let limits = known.map_or(limits, |known| known.limits);
        let wanted = vec![Wanted { name: bucket.to_owned(), calls: 1, limits }];
        Self { wanted, ..self.clone() }
    }

    /// The bucket that it draws from first, as people read it.
    pub(crate) fn bucket(&self) -> &str {
        self.wanted.first().map_or("", |wanted| &wanted.name)
    }
}

/// Limits of a tenant are everybody's who calls it; those of other apps are the account's.
fn tenant_of(link: &Link, is_tenant: bool) -> String {
    if !is_tenant {
        return link.name.clone();
    }
    let path = link.base_url.path().trim_end_matches('/');
    format!("{}{path}", link.base_url.authority()).replace(',', "%2C")
}

fn reserve_of(link: &Link) -> Option<f64> {
    let value = link.settings.get(RESERVE)?;
    let share = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (0.0..=0.9).contains(&share).then_some(share)
}

/// What a run that found no room is found by.
pub(crate) fn leave_key(tenant: &str, workflow: &str) -> String {
    format!("rate:{tenant}:{workflow}")
}

impl Desks {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        time: Arc<dyn Time>,
        node: String,
        stop: CancellationToken,
        tracker: TaskTracker,
        wake: Arc<Notify>,
        parallel_runs: usize,
    ) -> Arc<Self> {
        let (by_tenant, seats) = (Mutex::default(), Seats::among(parallel_runs));
        Arc::new(Self { store, time, node, stop, tracker, wake, seats, by_tenant })
    }

    pub(super) fn time(&self) -> &dyn Time {
        self.time.as_ref()
    }

    /// Asks for a call.
    pub(crate) fn ask(self: &Arc<Self>, ask: Ask) -> Admission {
        let desk = self.desk(&ask.tenant);
        let now = self.time.now();
        let mut inner = desk.lock();
        if inner.line.is_empty() && inner.known.is_free(&ask.wanted, now) {
            drop(inner);
            return Admission::Go(Permit::new(Arc::clone(self), desk, ask, Vec::new()));
        }
        let blocked = inner.known.blocked_until(&ask.wanted);
        if blocked.is_some_and(|until| until > after(now, LONGEST_IN_MEMORY)) {
            return Admission::ComeBack(inner.comes_back_at(&ask, now));
        }
        let seat = if ask.stays {
            None
        } else {
            let most = self.seats.of_one_tenant();
            let room = inner.line.room(ask.priority, &ask.workflow, most);
            match (room > 0).then(|| self.seats.take(ask.priority)).flatten() {
                None => return Admission::ComeBack(inner.comes_back_at(&ask, now)),
                seat => seat,
            }
        };
        let ticket = self.join(&desk, &mut inner, ask, false, seat);
        drop(inner);
        Admission::Wait(ticket)
    }

    /// Asks for one more exchange of a call that has begun; `None`: it just goes.
    pub(super) fn ask_for_begun(self: &Arc<Self>, desk: &Arc<Desk>, ask: Ask) -> Option<Ticket> {
        let mut inner = desk.lock();
        if inner.known.is_free(&ask.wanted, self.time.now()) {
            return None;
        }
        Some(self.join(desk, &mut inner, ask, true, None))
    }

    fn join(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        inner: &mut Inner,
        ask: Ask,
        begun: bool,
        seat: Option<Seat>,
    ) -> Ticket {
        let (sender, door) = oneshot::channel();
        let number = inner.next_number;
        inner.next_number += 1;
        let waiter = Waiter {
            wanted: ask.wanted.clone(),
            begun,
            priority: ask.priority,
            workflow: ask.workflow.clone(),
            since: ask.since,
            reserve: ask.reserve,
        };
        inner.line.join(number, waiter);
        inner.doors.insert(number, (sender, ask));
        self.attend(desk, inner);
        Ticket { desk: Arc::clone(desk), number, door, _seat: seat }
    }

    /// When it should be the turn of a call that waits since then, as far as anybody knows: whoever has waited so long
    /// may well wait as long again.
    pub(crate) fn turn_comes_at(&self, ask: &Ask, since: Timestamp) -> Timestamp {
        let (desk, now) = (self.desk(&ask.tenant), self.time.now());
        let inner = desk.lock();
        let waited = now.duration_since(since).as_secs_f64();
        let at = inner.comes_back_at(ask, now).max(later(now, waited.clamp(0.0, LONGEST_LEAVE)));
        at.max(inner.next.unwrap_or(at))
    }

    /// A run that found no room has been let go of.
    pub(crate) fn went_on_leave(self: &Arc<Self>, ask: Ask) {
        let desk = self.desk(&ask.tenant);
        let mut inner = desk.lock();
        let Ask { wanted, priority, workflow, .. } = ask;
        let count = inner.on_leave.get(&workflow).map_or(0, |leave| leave.count) + 1;
        inner.on_leave.insert(workflow, Leave { count, wanted, priority });
        self.attend(&desk, &mut inner);
    }

    /// Takes in how exchanges ended.
    pub(super) fn report(self: &Arc<Self>, desk: &Arc<Desk>, ended: Vec<(Token, Ended)>) {
        let mut inner = desk.lock();
        let news = ended.into_iter().filter(|(token, ended)| {
            !token.taken.is_empty() || inner.known.is_news(&token.name, ended)
        });
        let news: Vec<(Token, Ended)> = news.collect();
        if !news.is_empty() {
            inner.ended.extend(news);
            self.attend(desk, &mut inner);
        }
    }

    fn attend(self: &Arc<Self>, desk: &Arc<Desk>, inner: &mut Inner) {
        if !std::mem::replace(&mut inner.attended, true) {
            let (desks, desk) = (Arc::clone(self), Arc::clone(desk));
            self.tracker.spawn(async move { desks.look_after(&desk).await });
        }
        desk.changed.notify_one();
    }

    /// Looks at a line until nobody waits and everything is shared.
    async fn look_after(self: &Arc<Self>, desk: &Arc<Desk>) {
        loop {
            let changed = desk.changed.notified();
            let now = self.time.now();
            if self.stop.is_cancelled() {
                return self.share_last_words(desk).await;
            }
            let again_at = match self.look(desk, now).await {
                Ok(Some(at)) => at,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!("the rate budget of {} is not shared: {error}", desk.tenant);
                    after(now, STORE_PAUSE)
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = changed => {}
                () = self.time.sleep_until(again_at) => {}
            }
        }
    }

    /// One look; when to look again, `None`: not before somebody asks.
    async fn look(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        loop {
            if !desk.lock().read {
                let found = self.store.find_budget(&desk.tenant).await?;
                desk.lock().take_in(&desk.tenant, found);
            }
            let Some(look) = desk.lock().prepare(self, &desk.tenant, now) else {
                let mut inner = desk.lock();
                inner.send_away(now);
                return Ok(inner.rest(now));
            };
            match self.store.commit(look.changes.clone()).await {
                Ok(()) => {}
                Err(StoreError::Refused(Refusal::BudgetMoved { .. })) => {
                    desk.lock().read = false;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if !look.called.is_empty() {
                self.wake.notify_one();
            }
            let opened = desk.lock().settle(look);
            for (door, ask, tokens) in opened {
                let permit = Permit::new(Arc::clone(self), Arc::clone(desk), ask, tokens);
                // Nobody there any more: dropping it gives back what it holds.
                drop(door.send(Turn::Go(permit)));
            }
            desk.lock().send_away(now);
            // Whoever could not go is told when by the next look, which writes nothing.
            let rest = desk.lock().rest(now);
            return Ok(rest);
        }
    }

    /// What is known when the process ends is of use to the others. Whatever ends afterwards is shared by a look of its
    /// own.
    async fn share_last_words(&self, desk: &Desk) {
        let shared = async {
            loop {
                if !desk.lock().read {
                    let found = self.store.find_budget(&desk.tenant).await?;
                    desk.lock().take_in(&desk.tenant, found);
                }
                let now = self.time.now();
                let Some(look) = desk.lock().last_words(&self.node, &desk.tenant, now) else {
                    return Ok(());
                };
                match self.store.commit(look.changes.clone()).await {
                    Ok(()) => drop(desk.lock().settle(look)),
                    Err(StoreError::Refused(Refusal::BudgetMoved { .. })) => {
                        desk.lock().read = false;
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let shared: Result<(), StoreError> = shared.await;
        if let Err(error) = shared {
            desk.lock().attended = false;
            tracing::debug!("the rate budget of {} was not shared: {error}", desk.tenant);
        }
    }

    fn desk(&self, tenant: &str) -> Arc<Desk> {
        let mut desks = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let make =
            || Desk { tenant: tenant.to_owned(), inner: Mutex::default(), changed: Notify::new() };
        Arc::clone(desks.entry(tenant.to_owned()).or_insert_with(|| Arc::new(make())))
    }

    /// All that is known of all tenants, own news included.
    pub(crate) async fn gauges(&self) -> Result<Vec<BudgetGauge>, StoreError> {
        let (now, records) = (self.time.now(), self.store.list_budgets().await?);
        Ok(records.iter().flat_map(|record| self.gauges_of(record, now)).collect())
    }

    fn gauges_of(&self, record: &BudgetRecord, now: Timestamp) -> Vec<BudgetGauge> {
        let mut state = read(record);
        state.refresh(now);
        let desks = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = desks.get(&record.tenant) {
            let inner = desk.lock();
            for (token, ended) in &inner.ended {
                state.ended(token, ended, &self.node, now);
            }
            let mut counts = inner.line.counts_without(&[]);
            inner.add_leave(&mut counts);
            state.say_waiting(&self.node, counts, now);
        }
        state.gauges().into_iter().map(|bucket| bucket.of(&record.tenant)).collect()
    }
}

/// What one look would change.
struct Look {
    changes: Vec<Change>,
    tenant: Tenant,
    /// How many of the ended exchanges it takes in.
    ended: usize,
    go: Vec<(u64, Vec<Token>)>,
    /// Runs that are called in, by workflow.
    called: Vec<(String, usize)>,
}

impl Inner {
    fn take_in(&mut self, tenant: &str, found: Option<BudgetRecord>) {
        self.read = true;
        match found {
            None => (self.known, self.revision) = (Tenant::default(), 0),
            Some(record) => (self.known, self.revision) = (read(&record), record.revision),
        }
        tracing::trace!(tenant, revision = self.revision, "the rate budget was read");
    }

    /// Decides without doing anything yet; `None` where there is nothing to write now.
    fn prepare(&mut self, desks: &Desks, name: &str, now: Timestamp) -> Option<Look> {
        let node = &desks.node;
        let mut tenant = self.with_what_ended(node, now);
        let Decided { go, next } = self.line.decide(&mut tenant, node, now);
        self.next = next;
        let mut counts = self.line.counts_without(&go);
        self.add_leave(&mut counts);
        let heard = tenant.has_heard(node, &counts, now);
        let called = self.to_call_in(&tenant, &desks.seats, now);
        if go.is_empty() && heard && called.is_empty() && !self.is_due(now) {
            return None;
        }
        tenant.say_waiting(node, counts, now);
        let mut changes = vec![self.put(name, &tenant)];
        changes.extend(called.iter().map(|(workflow, limit)| Change::CallIn {
            on: leave_key(name, workflow),
            limit: *limit,
            at: now,
        }));
        Some(Look { changes, tenant, ended: self.ended.len(), go, called })
    }

    /// Takes in what ended and lets nobody go; `None` where everything was said.
    fn last_words(&mut self, node: &str, name: &str, now: Timestamp) -> Option<Look> {
        if self.ended.is_empty() && !self.known.tells_of(node) {
            self.attended = false;
            return None;
        }
        let mut tenant = self.with_what_ended(node, now);
        tenant.say_waiting(node, BTreeMap::new(), now);
        let changes = vec![self.put(name, &tenant)];
        let (go, called) = (Vec::new(), Vec::new());
        Some(Look { changes, tenant, ended: self.ended.len(), go, called })
    }

    fn with_what_ended(&self, node: &str, now: Timestamp) -> Tenant {
        let mut tenant = self.known.clone();
        tenant.refresh(now);
        for (token, ended) in &self.ended {
            tenant.ended(token, ended, node, now);
        }
        tenant
    }

    fn put(&self, name: &str, tenant: &Tenant) -> Change {
        let state = serde_json::to_value(tenant).unwrap_or_default();
        Change::PutBudget(BudgetRecord {
            tenant: name.to_owned(),
            revision: self.revision + 1,
            state,
        })
    }

    /// Whether what ended must be shared now. Where nobody waits for it, some of it may come together.
    fn is_due(&mut self, now: Timestamp) -> bool {
        let quiet = |(_, ended): &(Token, Ended)| {
            !matches!(ended, Ended::Answered { refused: Some(_), .. })
        };
        if self.ended.is_empty() {
            return false;
        }
        let at_ease = *self.at_ease_until.get_or_insert(after(now, AT_EASE));
        !self.line.is_empty() || now >= at_ease || !self.ended.iter().all(quiet)
    }

    /// The look was written: who may go, each with its door.
    fn settle(&mut self, look: Look) -> Vec<(oneshot::Sender<Turn>, Ask, Vec<Token>)> {
        (self.known, self.revision) = (look.tenant, self.revision + 1);
        self.ended.drain(..look.ended);
        self.at_ease_until = None;
        for (workflow, called) in look.called {
            if let Some(leave) = self.on_leave.get_mut(&workflow) {
                leave.count = leave.count.saturating_sub(called);
            }
        }
        self.on_leave.retain(|_, leave| leave.count > 0);
        let mut opened = Vec::new();
        for (number, tokens) in look.go {
            let (waiter, door) = (self.line.leave(number), self.doors.remove(&number));
            if let (Some(waiter), Some((door, ask))) = (waiter, door) {
                self.line.count_turn(&waiter.workflow);
                opened.push((door, ask, tokens));
            } else {
                let given_back = tokens.into_iter().map(|token| (token, Ended::NotSent));
                self.ended.extend(given_back);
            }
        }
        opened
    }

    /// Whoever is known to wait long waits elsewhere.
    fn send_away(&mut self, now: Timestamp) {
        for (number, until) in self.line.held_off(&self.known, after(now, LONGEST_IN_MEMORY)) {
            self.line.leave(number);
            if let Some((door, _)) = self.doors.remove(&number) {
                // Nobody there any more: he left the line himself.
                drop(door.send(Turn::ComeBack(until)));
            }
        }
    }

    /// Nothing was to be written: when to look again. `None`: not before somebody asks.
    fn rest(&mut self, now: Timestamp) -> Option<Timestamp> {
        let around = after(now, LOOK_AROUND);
        if !self.line.is_empty() {
            return Some(self.next.map_or(around, |next| next.min(around)));
        }
        let at_ease = self.at_ease_until.filter(|_| !self.ended.is_empty());
        self.attended = at_ease.is_some();
        at_ease
    }

    /// When who finds no room comes back, unless called in before.
    fn comes_back_at(&self, ask: &Ask, now: Timestamp) -> Timestamp {
        let ahead = self.line.of_workflow(&ask.workflow)
            + self.on_leave.get(&ask.workflow).map_or(0, |leave| leave.count);
        let ahead = f64::from(u32::try_from(ahead).unwrap_or(u32::MAX));
        let rate = self.known.rate(ask.bucket()).unwrap_or(GUESS);
        let at = later(now, (ahead / rate).clamp(SHORTEST_LEAVE, LONGEST_LEAVE));
        at.max(self.known.blocked_until(&ask.wanted).unwrap_or(at))
    }

    /// By workflow: how many runs there is room for again, where the tenant lets any go soon.
    fn to_call_in(&self, tenant: &Tenant, seats: &Seats, now: Timestamp) -> Vec<(String, usize)> {
        let most = seats.of_one_tenant();
        let enough = MOST_OF_ONE.min(most) / 2;
        let room = |(workflow, leave): (&String, &Leave)| {
            let until = tenant.blocked_until(&leave.wanted);
            if until.is_some_and(|until| until > after(now, LONGEST_IN_MEMORY)) {
                return None;
            }
            let room = self.line.room(leave.priority, workflow, most);
            let is_worth_it = room >= enough || self.line.of_workflow(workflow) == 0;
            let called = room.min(seats.free(leave.priority)).min(leave.count);
            (is_worth_it && called > 0).then(|| (workflow.clone(), called))
        };
        self.on_leave.iter().filter_map(room).collect()
    }

    fn add_leave(&self, counts: &mut BTreeMap<String, [u64; 3]>) {
        for Leave { count, wanted, priority } in self.on_leave.values() {
            for wanted in wanted {
                counts.entry(wanted.name.clone()).or_default()[*priority as usize] += *count as u64;
            }
        }
    }
}

impl Desk {
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What it hears; `None` where the process ends.
    pub(crate) async fn wait(mut self) -> Option<Turn> {
        (&mut self.door).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.desk.lock();
        inner.line.leave(self.number);
        let door = inner.doors.remove(&self.number);
        drop(inner);
        if door.is_some() {
            self.desk.changed.notify_one();
        }
    }
}

/// A row that this version cannot read is learned anew.
fn read(record: &BudgetRecord) -> Tenant {
    serde_json::from_value(record.state.clone()).unwrap_or_default()
}
