//! Passwords that meet every policy a database connection can have.

/// Fills the slice with random bytes from a cryptographic generator.
pub(crate) type Fill<'a> = &'a dyn Fn(&mut [u8]);

/// As long as bcrypt reads and as Auth0 accepts.
const LENGTH: usize = 72;

/// In turn, so that letters never adjoin: no word or name can occur, and no neighbours are equal or in sequence.
/// Special characters are those that Auth0's policies count, without `@`, which stands before `A` in ASCII.
const CLASSES: [&[u8]; 4] =
    [b"abcdefghijklmnopqrstuvwxyz", b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"!#$%^&*"];

/// 72 characters, 18 of each class: about 270 bits.
pub(crate) fn generate(fill: Fill<'_>) -> String {
    let start = usize::from(below(4, fill));
    (start..start + LENGTH)
        .map(|turn| char::from(pick(CLASSES[turn % CLASSES.len()], fill)))
        .collect()
}

fn pick(class: &[u8], fill: Fill<'_>) -> u8 {
    let size = u8::try_from(class.len()).expect("no class has 256 characters");
    class[usize::from(below(size, fill))]
}

/// Uniform in `0..bound`: bytes that would favour small numbers are thrown away.
fn below(bound: u8, fill: Fill<'_>) -> u8 {
    let limit = u8::MAX - u8::MAX % bound;
    loop {
        let mut byte = [0];
        fill(&mut byte);
        if byte[0] < limit {
            return byte[0] % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn seeded(seed: u64) -> String {
        let random = RefCell::new(StdRng::seed_from_u64(seed));
        generate(&|bytes| random.borrow_mut().fill_bytes(bytes))
    }

    fn classes(text: &str) -> [bool; 4] {
        [
            text.chars().any(|c| c.is_ascii_lowercase()),
            text.chars().any(|c| c.is_ascii_uppercase()),
            text.chars().any(|c| c.is_ascii_digit()),
            text.chars().any(|c| "!@#$%^&*".contains(c)),
        ]
    }

    proptest! {
        #[test]
        fn every_password_meets_every_policy(seed: u64) {
            let password = seeded(seed);
            // The longest minimum any policy can ask for, and the longest that is accepted.
            prop_assert_eq!(password.len(), 72);
            prop_assert_eq!(classes(&password), [true; 4]);
            for pair in password.as_bytes().windows(2) {
                prop_assert_ne!(pair[0], pair[1], "identical neighbours");
                prop_assert_ne!(pair[0].abs_diff(pair[1]), 1, "sequential neighbours");
            }
            let longest_word = password.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max();
            prop_assert_eq!(longest_word, Some(1), "letters never adjoin");
        }

        #[test]
        fn two_passwords_differ(seed: u64) {
            prop_assert_ne!(seeded(seed), seeded(seed.wrapping_add(1)));
        }
    }
}
