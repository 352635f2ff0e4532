//! What a seed decides before anything begins: who is there, what is wanted, and what goes wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::acts::{Act, Trouble, Wish};
use crate::dice::Dice;
use crate::workflows::{Shelf, shelf};
use crate::world::{MINUTE, SECOND};

pub(crate) struct Plot {
    pub(crate) nodes: usize,
    pub(crate) parallel: usize,
    pub(crate) shelf: Shelf,
    /// When the trouble ends.
    pub(crate) length: u64,
    /// So many requests in a thousand meet trouble.
    pub(crate) trouble: u64,
    /// So many requests and calls of the store in a thousand take their time.
    pub(crate) slow: u64,
    pub(crate) acts: Vec<(u64, Act)>,
    pub(crate) wishes: Vec<(u64, Wish)>,
    /// Trouble for whoever sends the request with this number.
    pub(crate) traps: BTreeMap<u64, Act>,
    /// Clocks are set; then a planned instant may have been seen twice, or never.
    pub(crate) clocks_jump: bool,
    /// Much happens within seconds after these instants.
    busy: Vec<u64>,
}

pub(crate) fn plot(dice: &mut Dice) -> Plot {
    let nodes = dice.pick(&[1, 1, 2, 2, 3, 3, 4, 5]);
    let length = dice.between(20, 180) * SECOND;
    let shelf = shelf(dice);
    let mut plot = Plot {
        nodes,
        parallel: dice.pick(&[1, 2, 4, 8]),
        length,
        trouble: dice.pick(&[0, 100, 400]),
        slow: dice.pick(&[0, 100, 400, 700]),
        acts: Vec::new(),
        wishes: Vec::new(),
        traps: BTreeMap::new(),
        clocks_jump: dice.happens(300),
        busy: (0..dice.between(1, 4)).map(|_| dice.below(length)).collect(),
        shelf,
    };
    plot.who_is_there(dice);
    plot.what_is_wanted(dice);
    plot.what_goes_wrong(dice);
    plot
}

impl Plot {
    fn who_is_there(&mut self, dice: &mut Dice) {
        for node in 0..self.nodes {
            let offset = (dice.below(4 * SECOND)).cast_signed() - (2 * SECOND).cast_signed();
            self.acts.push((0, Act::SetClock { node, offset }));
            self.acts.push((dice.below(2 * SECOND), Act::Begin { node }));
        }
        self.acts.push((10 * SECOND, Act::Attend));
    }

    fn when(&self, dice: &mut Dice) -> u64 {
        if dice.happens(300) {
            return dice.below(self.length);
        }
        dice.pick(&self.busy) + dice.below(12 * SECOND)
    }

    fn what_is_wanted(&mut self, dice: &mut Dice) {
        for number in 0..dice.between(2, 9) {
            let at = self.when(dice);
            let wish = match dice.below(10) {
                0..=5 => Wish::Start {
                    workflow: dice.pick(&self.shelf.names),
                    key: format!("k{number}"),
                },
                6 | 7 => {
                    let kind = dice.pick(&["ping", "go", "office.person.arrived"]);
                    let events = (0..dice.between(1, 3)).map(|part| event(kind, number, part));
                    Wish::Publish { events: events.collect() }
                }
                _ => Wish::Deliver {
                    body: json!({"people": [
                        {"id": format!("{number}"), "action": "arrived", "name": "Ada"},
                        {"id": format!("{}", number / 2), "action": "arrived", "name": "Bob"},
                    ]})
                    .to_string(),
                },
            };
            self.wishes.push((at, wish));
        }
        let started = self.wishes.len();
        for of in 0..started {
            if dice.happens(150) {
                let (at, _) = self.wishes[of];
                self.wishes.push((at + dice.below(30 * SECOND), Wish::Cancel { of }));
            }
        }
        for workflow in self.shelf.schedules.clone() {
            for _ in 0..dice.below(3) {
                let (at, workflow) = (dice.below(self.length), workflow.clone());
                let wish = match dice.below(4) {
                    0 | 1 => Wish::RunNow { workflow },
                    2 => Wish::Backfill { workflow },
                    _ => {
                        let resumed = at + dice.below(60 * SECOND);
                        let resume = Wish::Resume { workflow: workflow.clone() };
                        self.wishes.push((resumed, resume));
                        Wish::Pause { workflow }
                    }
                };
                self.wishes.push((at, wish));
            }
        }
    }

    fn what_goes_wrong(&mut self, dice: &mut Dice) {
        if dice.happens(100) {
            return;
        }
        for _ in 0..dice.between(0, 3) {
            let (polls, length) = (dice.below(30), dice.between(20, 160) * SECOND);
            let trap = match dice.below(8) {
                0..=3 => Act::Crash { node: 0, polls },
                4..=6 => Act::Freeze { node: 0, polls, length },
                _ => Act::Store { node: 0, trouble: Trouble::Unclear },
            };
            self.traps.insert(dice.below(30), trap);
        }
        for _ in 0..dice.between(0, 6) {
            let (at, node) = (self.when(dice), dice.place(self.nodes));
            let for_a_while = at + dice.between(1, 100) * SECOND;
            match dice.below(10) {
                0..=3 => self.acts.push((at, Act::Crash { node, polls: dice.below(40) })),
                4 => self.acts.push((at, Act::Leave { node })),
                5 | 6 => {
                    let (polls, length) = (dice.below(30), dice.between(20, 160) * SECOND);
                    self.acts.push((at, Act::Freeze { node, polls, length }));
                }
                7 | 8 => {
                    let trouble = dice.pick(&[Trouble::Full, Trouble::Gone, Trouble::Unclear]);
                    self.acts.push((at, Act::Store { node, trouble }));
                    self.acts.push((for_a_while, Act::Store { node, trouble: Trouble::None }));
                }
                _ if self.clocks_jump => {
                    let jump = dice.between(10 * SECOND, 6 * MINUTE).cast_signed();
                    let offset = if dice.happens(500) { jump } else { -jump };
                    self.acts.push((at, Act::SetClock { node, offset }));
                    self.acts.push((for_a_while, Act::SetClock { node, offset: 0 }));
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn event(kind: &str, number: u64, part: u64) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{number}-{part}"),
        "source": format!("/{kind}"),
        "type": kind,
        "data": {"n": number},
    })
}
