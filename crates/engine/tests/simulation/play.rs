//! One simulation: a seed decides everything that happens in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use callboard_apps::Catalogue;
use callboard_engine::{KeySource, Performer, Place, Settings, SqlStore, Store, Time};

use crate::acts::{Act, Request, Trouble, Wish};
use crate::checks;
use crate::clocks::{self, WallClock};
use crate::dice::Dice;
use crate::disk::{Disk, Manners};
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::node::Node;
use crate::outside::{Door, LONGEST_WAY, Outside};
use crate::people::{self, Requests};
use crate::plot::{self, Plot};
use crate::world::{Due, Life, MINUTE, SECOND, World};

/// A node that died is not back before what it sent has landed.
const LONGEST_REQUEST: u64 = LONGEST_WAY + SECOND;
/// Everything must have come to rest so long after the trouble ended.
const PATIENCE: u64 = 180 * MINUTE;

/// A place for a node: what survives its lives.
struct Seat {
    node: Option<Node>,
    lives: u32,
    offset: Arc<AtomicI64>,
    lease_ahead: i64,
    manners: Arc<Manners>,
    frozen: bool,
    /// Something woke it since it was last polled.
    ready: bool,
}

pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) store: Arc<SqlStore>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) requests: Requests,
    pub(crate) plot: Plot,
    seats: Vec<Seat>,
    mutation: Option<Mutation>,
    /// When the last trouble ended.
    pub(crate) calm_since: Option<u64>,
    /// What happens to who sends a request, at so many requests from the beginning on.
    traps: BTreeMap<u64, Act>,
    /// How far the end has come.
    pub(crate) stage: checks::Stage,
}

/// What came of a simulation.
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    pub(crate) fingerprint: String,
    pub(crate) lines: Vec<String>,
}

pub(crate) fn play(seed: u64, mutation: Option<Mutation>, in_full: bool) -> Outcome {
    let world = World::new(seed, in_full);
    let plot = world.throw(plot::plot);
    let seats = (0..plot.nodes).map(|_| Seat {
        node: None,
        lives: 0,
        offset: Arc::default(),
        lease_ahead: world.throw(|dice| dice.below(2 * SECOND)).cast_signed(),
        manners: Arc::default(),
        frozen: false,
        ready: false,
    });
    let seats: Vec<Seat> = seats.collect();
    let mut play = Play {
        store: Arc::new(SqlStore::open(&Place::Memory).expect("memory is there")),
        ledger: Arc::default(),
        outside: Arc::default(),
        requests: Arc::new(Mutex::new(
            plot.wishes
                .iter()
                .map(|(_, wish)| Request {
                    wish: wish.clone(),
                    answer: None,
                    answered_at: 0,
                    asked: 0,
                })
                .collect(),
        )),
        world,
        plot,
        seats,
        mutation,
        calm_since: None,
        traps: BTreeMap::new(),
        stage: checks::Stage::default(),
    };
    play.furnish();
    play.begin();
    play.go_on();
    let (violations, lines) = (play.world.violations(), play.world.lines());
    Outcome { violations, fingerprint: play.world.fingerprint(), lines }
}

fn catalogue() -> Arc<Catalogue> {
    static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    let read = || {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/apps");
        Arc::new(Catalogue::of_folder(folder.as_ref()).expect("the office's manifest is right"))
    };
    Arc::clone(CATALOGUE.get_or_init(read))
}

impl Play {
    fn begin(&mut self) {
        self.traps = std::mem::take(&mut self.plot.traps);
        let acts = std::mem::take(&mut self.plot.acts);
        for (at, act) in acts {
            self.world.after(at, Due::Act(act));
        }
        for (place, (at, _)) in self.plot.wishes.iter().enumerate() {
            self.world.after(*at, Due::Act(Act::Ask { request: place }));
        }
        self.world.after(self.plot.length, Due::Act(Act::Calm));
        self.outside.trouble.store(self.plot.trouble, Ordering::SeqCst);
        self.outside.slow.store(self.plot.slow, Ordering::SeqCst);
        for seat in &self.seats {
            seat.manners.slow.store(self.plot.slow, Ordering::SeqCst);
        }
    }

    fn go_on(&mut self) {
        while self.world.violations().is_empty() && !self.stage.is_over() {
            self.poll_nodes();
            match self.world.next() {
                Some(Due::Wake { life, waker }) => {
                    waker.wake();
                    self.seats[life.node].ready = true;
                }
                Some(Due::Message { deed, .. }) => deed(),
                Some(Due::Act(act)) => self.act(act),
                None => return self.world.violated("nothing ever happens again"),
            }
        }
    }

    /// Polls whoever can go on, in any order and any portions.
    fn poll_nodes(&mut self) {
        loop {
            let ready: Vec<usize> = self
                .seats
                .iter()
                .enumerate()
                .filter(|(_, seat)| seat.ready && !seat.frozen && seat.node.is_some())
                .map(|(place, _)| place)
                .collect();
            let Some(()) = (!ready.is_empty()).then_some(()) else { return };
            let watched = ready.len() > 1 || !self.traps.is_empty();
            let (place, polls) = self.world.throw(|dice| {
                let polls = (watched && dice.happens(700)).then(|| dice.between(1, 12));
                (dice.pick(&ready), polls)
            });
            let seat = &mut self.seats[place];
            let Some(node) = &seat.node else { return };
            if let Some(polls) = polls {
                node.run_a_little(polls);
            } else {
                node.run();
                seat.ready = false;
            }
            let failure = node.failure();
            self.spring_traps();
            if let Some(why) = failure {
                self.world.say(format_args!("n{place} cannot begin: {why}"));
                self.kill(place);
                self.world.after(5 * SECOND, Due::Act(Act::Begin { node: place }));
            }
        }
    }

    /// Trouble that waited for a request.
    fn spring_traps(&mut self) {
        let Some((sent, life)) = *self.outside.last.lock().unwrap() else { return };
        let sprung = self.traps.first_key_value().is_some_and(|(at, _)| *at <= sent);
        if !sprung || self.seats[life.node].node.as_ref().is_none_or(|node| node.life != life) {
            return;
        }
        let Some((_, act)) = self.traps.pop_first() else { return };
        let node = life.node;
        let act = match act {
            Act::Crash { polls, .. } => Act::Crash { node, polls },
            Act::Freeze { polls, length, .. } => Act::Freeze { node, polls, length },
            Act::Store { trouble, .. } => Act::Store { node, trouble },
            act => act,
        };
        self.world.say(format_args!("a trap of {life}: {act:?}"));
        self.perform(&act);
    }

    /// Trouble likes to come where something is going on.
    fn aim(&self, act: Act) -> Act {
        let busy = self.ledger.lock().unwrap().busy();
        let alive = |life: &Life| {
            self.seats[life.node].node.as_ref().is_some_and(|node| node.life == *life)
        };
        let busy: Vec<Life> = busy.into_iter().filter(alive).collect();
        if busy.is_empty() || self.world.throw(|dice| dice.happens(400)) {
            return act;
        }
        let node = self.world.throw(|dice| dice.pick(&busy)).node;
        match act {
            Act::Crash { polls, .. } => Act::Crash { node, polls },
            Act::Freeze { polls, length, .. } => Act::Freeze { node, polls, length },
            act => act,
        }
    }

    fn act(&mut self, act: Act) {
        let act = match act {
            Act::Crash { .. } | Act::Freeze { .. } => self.aim(act),
            act => act,
        };
        if !matches!(act, Act::Look | Act::Attend) {
            self.world.say(format_args!("{act:?}"));
        }
        self.perform(&act);
    }

    fn perform(&mut self, act: &Act) {
        match *act {
            Act::Begin { node } => self.live(node),
            Act::Crash { node, polls }
                if self.calm_since.is_none() && self.seats[node].node.is_some() =>
            {
                self.seats[node].frozen = false;
                if let Some(node) = &self.seats[node].node {
                    node.run_a_little(polls);
                }
                self.kill(node);
                let away = self.world.throw(|dice| dice.between(LONGEST_REQUEST, 40 * SECOND));
                let away = if self.world.throw(|dice| dice.happens(200)) { away * 5 } else { away };
                self.world.after(away, Due::Act(Act::Begin { node }));
            }
            Act::Leave { node } if self.calm_since.is_none() => {
                if let Some(node) = &self.seats[node].node {
                    node.leave();
                }
                self.seats[node].ready = true;
                self.world.after(LONGEST_REQUEST, Due::Act(Act::Gone { node }));
            }
            Act::Gone { node } => {
                if self.seats[node].node.as_ref().is_some_and(|node| node.engine().is_none()) {
                    self.kill(node);
                    self.world.after(LONGEST_REQUEST, Due::Act(Act::Begin { node }));
                }
            }
            Act::Freeze { node, polls, length } if self.calm_since.is_none() => {
                if let Some(node) = &self.seats[node].node {
                    node.run_a_little(polls);
                }
                self.seats[node].frozen = true;
                self.seats[node].ready = true;
                self.world.after(length, Due::Act(Act::Thaw { node }));
            }
            Act::Thaw { node } => self.seats[node].frozen = false,
            Act::SetClock { node, offset } if self.calm_since.is_none() => {
                self.seats[node].offset.store(offset, Ordering::SeqCst);
            }
            Act::Store { node, trouble } if self.calm_since.is_none() => {
                let manners = &self.seats[node].manners;
                let full = matches!(trouble, Trouble::Full | Trouble::Gone);
                manners.full.store(full, Ordering::SeqCst);
                manners.gone.store(trouble == Trouble::Gone, Ordering::SeqCst);
                let unclear = if trouble == Trouble::Unclear { 200 } else { 0 };
                manners.unclear.store(unclear, Ordering::SeqCst);
            }
            Act::Ask { request } => self.ask(request),
            Act::Attend => {
                if let Some((life, engine, node)) = self.somebody() {
                    let outside = Arc::clone(&self.outside);
                    let world = self.world.clone();
                    node.spawn(people::attend(world, life, engine, outside));
                    self.seats[life.node].ready = true;
                }
                if self.calm_since.is_none() {
                    self.world.after(25 * SECOND, Due::Act(Act::Attend));
                }
            }
            Act::Calm => self.calm(),
            Act::Look => self.look(),
            Act::Crash { .. }
            | Act::Leave { .. }
            | Act::Freeze { .. }
            | Act::SetClock { .. }
            | Act::Store { .. } => {}
        }
    }

    /// A node that answers, whichever.
    fn somebody(&self) -> Option<(Life, Arc<callboard_engine::Engine>, &Node)> {
        let open: Vec<_> = self
            .seats
            .iter()
            .filter_map(|seat| seat.node.as_ref())
            .filter_map(|node| Some((node.life, node.engine()?, node)))
            .collect();
        let place = self.world.throw(|dice| dice.place(open.len()));
        open.into_iter().nth(place)
    }

    fn kill(&mut self, node: usize) {
        if let Some(dead) = self.seats[node].node.take() {
            let life = dead.life;
            drop(dead);
            self.world.lose_some_messages(life);
        }
        self.seats[node].ready = false;
    }

    fn live(&mut self, node: usize) {
        if self.seats[node].node.is_some() {
            return;
        }
        self.seats[node].lives += 1;
        let life = Life { node, number: self.seats[node].lives };
        let apart = Arc::new(AtomicBool::new(false));
        let seat = &self.seats[node];
        let disk = Disk {
            world: self.world.clone(),
            life,
            manners: Arc::clone(&seat.manners),
            below: Arc::clone(&self.store),
            ledger: Arc::clone(&self.ledger),
            mutation: self.mutation,
            apart: Arc::clone(&apart),
        };
        let settings = self.settings(life, Arc::new(disk));
        let seat = &mut self.seats[node];
        seat.node = Some(Node::begin(life, settings, apart));
        seat.ready = true;
    }

    /// An engine over the calm store leaves the link that everybody uses.
    fn furnish(&self) {
        let life = Life { node: 0, number: 0 };
        let settings = self.settings(life, Arc::clone(&self.store) as Arc<dyn Store>);
        let settings = Settings { workflows: Vec::new(), parallel_runs: 0, ..settings };
        let node = Node::begin(life, settings, Arc::default());
        node.run();
        let engine = node.engine().expect("nothing is wrong yet");
        node.wait_for(engine.put_link(people::link())).expect("nothing is wrong yet");
    }

    fn settings(&self, life: Life, store: Arc<dyn Store>) -> Settings {
        let seat = &self.seats[life.node];
        let door = Door {
            world: self.world.clone(),
            life,
            outside: Arc::clone(&self.outside),
            store: Arc::clone(&self.store),
            ledger: Arc::clone(&self.ledger),
            mutation: self.mutation,
        };
        let time = WallClock { world: self.world.clone(), offset: Arc::clone(&seat.offset), life };
        Settings {
            store,
            key: KeySource::Given("07".repeat(32).into()),
            catalogue: catalogue(),
            performer: Arc::new(door) as Arc<dyn Performer>,
            workflows: self.plot.shelf.sources.clone(),
            workflows_folder: None,
            time: Arc::new(time) as Arc<dyn Time>,
            lease_clock: clocks::lease_clock(self.world.clone(), seat.lease_ahead),
            random: self.world.throw(Dice::fork).into_random(),
            retention: None,
            public_url: "http://localhost".into(),
            administrator_key: None,
            node: format!("n{}", life.node),
            parallel_runs: self.plot.parallel,
            observer: None,
        }
    }

    fn ask(&mut self, place: usize) {
        let (asked, answered, webhook) = {
            let requests = self.requests.lock().unwrap();
            let request = &requests[place];
            let webhook = matches!(request.wish, Wish::Deliver { .. });
            (request.asked, request.answer.is_some(), webhook)
        };
        if asked > 0 && answered {
            return;
        }
        let again = self.world.throw(|dice| dice.between(5, 30)) * SECOND;
        self.world.after(again, Due::Act(Act::Ask { request: place }));
        let twice = self.world.throw(|dice| dice.happens(250));
        for _ in 0..=u8::from(twice) {
            let Some((life, engine, node)) = self.somebody() else { return };
            let seat = &self.seats[life.node];
            if webhook && seat.frozen {
                continue;
            }
            self.requests.lock().unwrap()[place].asked += 1;
            let now = clocks::at(self.world.now(), seat.offset.load(Ordering::SeqCst));
            let (world, requests) = (self.world.clone(), Arc::clone(&self.requests));
            let task = people::ask(world, life, engine, requests, place, now);
            if webhook {
                // A thread beside the runtime reads it: nothing else goes on meanwhile.
                node.run();
                node.works_apart();
                node.spawn(task);
                node.run();
                node.is_back();
            } else {
                node.spawn(task);
            }
            self.seats[life.node].ready = true;
        }
    }

    /// From here on nothing more goes wrong.
    fn calm(&mut self) {
        self.calm_since = Some(self.world.now());
        self.outside.trouble.store(0, Ordering::SeqCst);
        self.outside.slow.store(0, Ordering::SeqCst);
        for place in 0..self.seats.len() {
            let seat = &mut self.seats[place];
            seat.ready = seat.node.is_some();
            seat.offset.store(0, Ordering::SeqCst);
            seat.manners.full.store(false, Ordering::SeqCst);
            seat.manners.gone.store(false, Ordering::SeqCst);
            seat.manners.unclear.store(0, Ordering::SeqCst);
            seat.manners.slow.store(0, Ordering::SeqCst);
            if seat.node.as_ref().is_none_or(|node| node.engine().is_none()) {
                self.kill(place);
                self.world.after(LONGEST_REQUEST, Due::Act(Act::Begin { node: place }));
            }
        }
        self.world.after(2 * LONGEST_REQUEST, Due::Act(Act::Look));
    }

    fn look(&mut self) {
        if self.seats.iter().any(|seat| seat.frozen) {
            self.calm_since = Some(self.world.now());
        }
        let Some(since) = self.calm_since else { return };
        let waited = self.world.now() - since;
        let seats = self.seats.iter().filter(|seat| !seat.frozen);
        let node = seats.filter_map(|seat| seat.node.as_ref());
        let Some((node, engine)) = node.into_iter().find_map(|node| Some((node, node.engine()?)))
        else {
            self.world.after(5 * SECOND, Due::Act(Act::Look));
            return;
        };
        let mut stage = std::mem::take(&mut self.stage);
        let wait = node.wait_for(stage.look(self, &engine, waited));
        self.stage = stage;
        self.seats.iter_mut().for_each(|seat| seat.ready = true);
        if waited > PATIENCE {
            self.world.violated(&format!("it does not come to rest: {}", self.stage));
        }
        if let Some(wait) = wait {
            self.world.after(1, Due::Act(Act::Attend));
            self.world.after(wait, Due::Act(Act::Look));
        }
    }
}
