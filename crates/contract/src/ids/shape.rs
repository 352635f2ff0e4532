//! A prefix and a number of characters.

use std::fmt;

use super::Random;

/// What an identifier, a ticket or a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What it begins with.
    pub prefix: &'static str,
    /// How many characters follow.
    pub length: usize,
    /// Which characters they are.
    pub alphabet: Alphabet,
}

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// `0-9A-Za-z`
    Alphanumeric,
    /// `0-9A-Z`
    UpperAlphanumeric,
    /// `0-9A-Za-z-_`
    UrlSafe,
    /// `0-9a-f`
    Hex,
    /// `0-9`
    Digits,
}

impl Shape {
    /// The secret of an application.
    pub const CLIENT_SECRET: Self = Self { prefix: "", length: 64, alphabet: Alphabet::UrlSafe };
    /// A ticket for a password change, a verification or an invitation.
    pub const TICKET: Self = Self { prefix: "", length: 32, alphabet: Alphabet::Alphanumeric };
    /// A recovery code.
    pub const RECOVERY_CODE: Self =
        Self { prefix: "", length: 24, alphabet: Alphabet::UpperAlphanumeric };
    /// The id of a signing key.
    pub const KEY_ID: Self = Self { prefix: "", length: 21, alphabet: Alphabet::UrlSafe };
    /// The value of the header `x-auth0-requestid`.
    pub const REQUEST_ID: Self = Self { prefix: "", length: 20, alphabet: Alphabet::Hex };

    /// A new text of this shape.
    pub fn generate(&self, random: Random<'_>) -> String {
        let characters = self.alphabet.characters();
        let mut text = self.prefix.to_owned();
        for _ in 0..self.length {
            // Eight bytes a character make the bias of the remainder immeasurable.
            let mut bytes = [0; 8];
            random(&mut bytes);
            let index = u64::from_be_bytes(bytes) % characters.len() as u64;
            text.extend(
                usize::try_from(index)
                    .ok()
                    .and_then(|index| characters.get(index))
                    .map(|byte| char::from(*byte)),
            );
        }
        text
    }

    /// Whether a text is of this shape.
    pub fn accepts(&self, text: &str) -> bool {
        text.strip_prefix(self.prefix).is_some_and(|rest| {
            rest.len() == self.length
                && rest.bytes().all(|byte| self.alphabet.characters().contains(&byte))
        })
    }

    /// A text of this shape for messages.
    pub fn example(&self) -> String {
        format!("{}{}", self.prefix, "0".repeat(self.length))
    }
}

impl Alphabet {
    fn characters(self) -> &'static [u8] {
        const ALL: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
        match self {
            Self::UrlSafe => ALL,
            Self::Alphanumeric => &ALL[..62],
            Self::UpperAlphanumeric => &ALL[..36],
            Self::Digits => &ALL[..10],
            Self::Hex => b"0123456789abcdef",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(formatter, "`{}` and ", self.prefix)?;
        }
        let characters = match self.alphabet {
            Alphabet::Alphanumeric => "letters or digits",
            Alphabet::UpperAlphanumeric => "upper-case letters or digits",
            Alphabet::UrlSafe => "letters, digits, hyphens or underscores",
            Alphabet::Hex => "hexadecimal digits in lower case",
            Alphabet::Digits => "digits",
        };
        write!(formatter, "{} {characters}", self.length)
    }
}
