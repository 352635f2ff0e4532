//! What one filter may be given.
//!
//! Values share their parts, so a few steps can make one that is small in memory and endless to walk through:
//! `reduce range(100) as $i (0; [., .])`. Whatever walks through a whole value is given it weighed.

use jaq_core::Error;
use jaq_json::{Num, Val};

use super::{TOO_LARGE, burn, stop};

/// Most values, those inside others counted as often as they stand there.
const MAX_NODES: usize = 2_000_000;
/// Longest texts, together, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// Longest text that is taken apart or searched by a pattern, in bytes.
const MAX_SHORT: usize = 256 << 10;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 1_000;
/// What the repetitions that a pattern counts (`{3}`, `{2,8}`) may make, multiplied.
const MAX_REPEATED: u64 = 1_000;
/// Compiling a pattern takes so much fuel.
const PATTERN_FUEL: u64 = 100;
/// Longest whole number that a multiplication may give, in bits.
const MAX_BITS: u64 = 65_536;

/// Fails where walking through the value would take too long; burns fuel for the walk.
pub(super) fn weigh(value: &Val) -> Result<(), Error<Val>> {
    let (mut nodes, mut bytes, mut open) = (0_usize, 0_usize, vec![value]);
    while let Some(value) = open.pop() {
        nodes += 1;
        match value {
            Val::TStr(text) | Val::BStr(text) => bytes += text.len(),
            Val::Arr(items) => open.extend(items.iter()),
            Val::Obj(entries) => open.extend(entries.iter().flat_map(|(key, value)| [key, value])),
            _ => {}
        }
        if nodes + open.len() > MAX_NODES || bytes > MAX_BYTES {
            return Err(stop(TOO_LARGE));
        }
    }
    burn((bytes as u64 >> 9) + (nodes as u64 >> 10))
}

/// Fails on a text that is too long to be taken apart.
pub(super) fn spell(value: &Val) -> Result<(), Error<Val>> {
    let (Val::TStr(text) | Val::BStr(text)) = value else { return Ok(()) };
    if text.len() > MAX_SHORT {
        return Err(stop("a text is too long to be taken apart or searched by a pattern"));
    }
    burn(text.len() as u64 >> 3)
}

/// Fails on a pattern that is long, or that repeats what it repeats.
pub(super) fn pattern(value: &Val) -> Result<(), Error<Val>> {
    let text = match value {
        // `test([pattern, flags])`
        Val::Arr(items) => items.first(),
        other => Some(other),
    };
    let Some(Val::TStr(text)) = text else { return Ok(()) };
    if text.len() > MAX_PATTERN || repeated(&String::from_utf8_lossy(text)) > MAX_REPEATED {
        return Err(stop("a pattern is too long or repeats too much"));
    }
    burn(PATTERN_FUEL)
}

/// All numbers in braces, multiplied.
fn repeated(pattern: &str) -> u64 {
    let counts = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    counts.fold(1, |product: u64, (count, _)| {
        let largest = count.split(',').filter_map(|number| number.trim().parse::<u64>().ok()).max();
        // Whatever digits do not fit is large.
        let digits = count.bytes().any(|sign| sign.is_ascii_digit());
        product.saturating_mul(largest.unwrap_or(if digits { u64::MAX } else { 1 }).max(1))
    })
}

/// Fails where the product of two whole numbers would have too many digits.
pub(super) fn product(left: &Num, right: &Num) -> Result<(), Error<Val>> {
    let bits = |number: &Num| match number {
        Num::BigInt(number) => number.bits(),
        _ => 64,
    };
    if bits(left) + bits(right) > MAX_BITS {
        Err(stop("a number has too many digits"))
    } else {
        Ok(())
    }
}
