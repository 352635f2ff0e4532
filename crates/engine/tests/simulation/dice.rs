//! Chance that is the same for the same seed.

use std::sync::{Arc, Mutex};

use callboard_engine::Random;

/// `SplitMix64`: small, fast, and every seed begins another sequence.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed ^ 0x5eed_ca11_b0a2_d000);
        dice.number();
        dice
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to and without `below`.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.number() % below.max(1)
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Holds so many times in a thousand.
    pub(crate) fn happens(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1_000) < per_mille
    }

    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("a place in a list fits")
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.place(among.len())]
    }

    /// Independent of what is thrown here from now on.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.number())
    }

    /// As the engine takes its randomness.
    pub(crate) fn into_random(self) -> Random {
        let dice = Mutex::new(self);
        Arc::new(move |buffer| {
            let mut dice = dice.lock().expect("nobody panics while throwing dice");
            for chunk in buffer.chunks_mut(8) {
                chunk.copy_from_slice(&dice.number().to_be_bytes()[..chunk.len()]);
            }
        })
    }
}
