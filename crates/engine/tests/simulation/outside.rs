//! The world outside: it takes what it is sent, sooner or later, and its answers may get lost.
//!
//! A request that was sent lands within three seconds or never. No engine could work against one that may land at any
//! time later; a lease and a restart take longer than that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use callboard_apps::{App, Attempt, Failed, Failure, Link, Performed, Recovered, Recovery, Tested};
use callboard_engine::journal::Fact;
use callboard_engine::{Performer, SqlStore, Store as _};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::clocks;
use crate::disk::at_once;
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::world::{Due, Life, SECOND, World};

/// A request lands within this time, or never.
pub(crate) const LONGEST_WAY: u64 = 3 * SECOND;

/// What was done, by the key of the attempt.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) effects: Mutex<BTreeMap<String, Effects>>,
    /// How many requests were sent, and who sent the last one.
    pub(crate) last: Mutex<Option<(u64, Life)>>,
    /// So many requests in a thousand meet trouble.
    pub(crate) trouble: AtomicU64,
    /// So many in a thousand take long.
    pub(crate) slow: AtomicU64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Effects {
    pub(crate) count: u32,
    /// Doing it again is declared to do no harm.
    pub(crate) may_repeat: bool,
}

/// The way out from one life of a node.
pub(crate) struct Door {
    pub(crate) world: World,
    pub(crate) life: Life,
    pub(crate) outside: Arc<Outside>,
    pub(crate) store: Arc<SqlStore>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) mutation: Option<Mutation>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    /// Whether it had its effect or not: the answer is lost.
    Lost {
        lands: bool,
    },
    Rejected,
    Later,
    Credentials,
    Unreadable,
}

const TROUBLES: [Fate; 8] = [
    Fate::Lost { lands: true },
    Fate::Lost { lands: false },
    Fate::Lost { lands: true },
    Fate::Rejected,
    Fate::Later,
    Fate::Later,
    Fate::Credentials,
    Fate::Unreadable,
];

impl Outside {
    /// What the journal may say only if it is true.
    pub(crate) fn has_happened(&self, key: &str) -> bool {
        self.effects.lock().unwrap().get(key).is_some_and(|effects| effects.count > 0)
    }
}

impl Door {
    fn fate(&self) -> Fate {
        let trouble = self.outside.trouble.load(Ordering::SeqCst);
        self.world.throw(
            |dice| {
                if dice.happens(trouble) { dice.pick(&TROUBLES) } else { Fate::Answered }
            },
        )
    }

    /// How long a request is on its way, and its answer.
    fn ways(&self) -> (u64, u64) {
        let slow = self.outside.slow.load(Ordering::SeqCst);
        self.world.throw(|dice| {
            if !dice.happens(slow) {
                return (0, 0);
            }
            let back = if dice.happens(200) { 100 * SECOND } else { 2 * SECOND };
            (dice.below(LONGEST_WAY), dice.below(back))
        })
    }

    /// Sends a request that changes something.
    async fn send(&self, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        let (fate, (there, back)) = (self.fate(), self.ways());
        let (life, key, id) = (self.life, attempt.key.clone(), &attempt.action.id);
        self.world.say(format_args!("{life} sends {id} {key}: {fate:?}"));
        self.is_owner(attempt);
        {
            let mut last = self.outside.last.lock().unwrap();
            *last = Some((last.map_or(1, |(sent, _)| sent + 1), life));
        }
        if matches!(fate, Fate::Answered | Fate::Lost { lands: true } | Fate::Unreadable) {
            let may_repeat = may_repeat(&attempt.action.recovery);
            let (world, outside) = (self.world.clone(), Arc::clone(&self.outside));
            let land = move || {
                let mut all = outside.effects.lock().unwrap();
                let effects = all.entry(key.clone()).or_default();
                effects.count += 1;
                effects.may_repeat = may_repeat;
                world.say(format_args!("{key} takes effect"));
                if effects.count > 1 && !may_repeat {
                    world.violated(&format!("{key} took effect {} times", effects.count));
                }
            };
            if there == 0 {
                land();
            } else {
                self.world.after(there, Due::Message { from: life, deed: Box::new(land) });
            }
        }
        if there + back > 0 {
            self.world.sleep(life, there + back).await;
        }
        let failure = match fate {
            Fate::Answered => return Ok(answer(attempt)),
            Fate::Lost { .. } => Failure::Unsure { why: "the line was cut".into() },
            Fate::Rejected => Failure::Rejected {
                status: 422,
                title: "No".into(),
                body: json!({"message": "not like this"}),
            },
            Fate::Later => {
                let wait = self.world.throw(|dice| dice.happens(300).then(|| dice.between(1, 40)));
                let now = clocks::at(self.world.now(), 0);
                let retry_at =
                    wait.map(|wait| now + SignedDuration::from_secs(i64::try_from(wait).unwrap()));
                Failure::Later { retry_at, why: "too many at once".into() }
            }
            Fate::Credentials => {
                Failure::Credentials { why: "the key is refused".into(), remedy: "mend it".into() }
            }
            Fate::Unreadable => Failure::Unreadable { why: "it answered with noise".into() },
        };
        Err(Failed::new(failure, Vec::new()))
    }

    /// What is about to be done is written down, by its owner.
    fn is_written_down(&self, attempt: &Attempt<'_>) {
        let run = attempt.correlation.parse().expect("a run's id goes with every request");
        let entries = at_once(self.store.journal(&run)).expect("the journal reads");
        let step = attempt.key.strip_prefix(&format!("{run}:")).unwrap_or_default();
        let last = entries
            .iter()
            .rev()
            .find(|entry| entry.fact.step().is_some_and(|known| known.to_string() == step));
        if !matches!(last.map(|entry| &entry.fact), Some(Fact::Attempted { .. })) {
            let last = last.map(|entry| entry.fact.name());
            let (life, key) = (self.life, &attempt.key);
            self.world.violated(&format!("{life} performs {key}, whose journal says {last:?}"));
        }
    }

    fn is_owner(&self, attempt: &Attempt<'_>) {
        let run = attempt.correlation.parse().expect("a run's id goes with every request");
        let owner = self.ledger.lock().unwrap().owner(&run);
        if owner != Some(self.life) {
            let (life, key) = (self.life, &attempt.key);
            self.world.violated(&format!("{life} sends {key}, but {run} belongs to {owner:?}"));
        }
    }

    /// Looks whether it is there.
    async fn look(&self, attempt: &Attempt<'_>) -> Result<bool, Failed> {
        let ((there, back), fate) = (self.ways(), self.fate());
        let (life, key) = (self.life, &attempt.key);
        if there > 0 {
            self.world.sleep(life, there).await;
        }
        let found = self.outside.has_happened(key);
        self.world.say(format_args!("{life} looks for {key}: {found}, {fate:?}"));
        if back > 0 {
            self.world.sleep(life, back).await;
        }
        let why = "the line was cut".to_owned();
        let failure = match fate {
            Fate::Answered | Fate::Rejected | Fate::Unreadable => return Ok(found),
            Fate::Lost { .. } => Failure::Unsure { why },
            Fate::Later => Failure::Later { retry_at: None, why },
            Fate::Credentials => Failure::Credentials { why, remedy: "mend it".into() },
        };
        Err(Failed::new(failure, Vec::new()))
    }
}

fn may_repeat(recovery: &Recovery) -> bool {
    matches!(recovery, Recovery::Repeat | Recovery::ProviderKey { .. })
}

fn answer(attempt: &Attempt<'_>) -> Performed {
    let output = match attempt.action.id.as_str() {
        "office.desks.assign" => json!({"desk": 7}),
        "office.desks.move" => json!({"from": 6}),
        "office.invites.send" => json!({"ticket": "https://office.test/ticket/s3cr3t"}),
        _ => json!({}),
    };
    Performed { output, before: None, exchanges: Vec::new() }
}

#[async_trait]
impl Performer for Door {
    async fn before(&self, _: &Link, attempt: &Attempt<'_>) -> Result<Option<Value>, Failed> {
        self.look(attempt).await.map(|_| Some(json!({"desk": 6})))
    }

    async fn perform(&self, _: &Link, attempt: &Attempt<'_>) -> Result<Performed, Failed> {
        self.is_written_down(attempt);
        self.send(attempt).await
    }

    async fn recover(&self, _: &Link, attempt: &Attempt<'_>) -> Result<Recovered, Failed> {
        if self.mutation == Some(Mutation::RepeatsSilently) {
            return Ok(Recovered::DidNot);
        }
        match &attempt.action.recovery {
            Recovery::Ask { why } => {
                Ok(Recovered::Unknown { why: why.clone(), exchanges: Vec::new() })
            }
            Recovery::Repeat | Recovery::ProviderKey { .. } => {
                let again = self.send(attempt).await;
                again.map(Recovered::Repeated).map_err(|failed| Failed { repeated: true, ..failed })
            }
            Recovery::ChosenId { .. } | Recovery::Probe(_) => Ok(if self.look(attempt).await? {
                Recovered::Happened(answer(attempt))
            } else {
                Recovered::DidNot
            }),
        }
    }

    async fn test(&self, _: &App, _: &Link) -> Result<Tested, Failed> {
        let who = "the caretaker".into();
        Ok(Tested { who, expires_at: None, scopes: Vec::new(), exchanges: Vec::new() })
    }
}
