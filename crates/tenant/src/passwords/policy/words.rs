//! The rules of a connection, and their breach, in words for people.

use super::{CharacterKind, Kinds, Policy, Weakness};
use crate::passwords::MAX_BYTES;

impl Policy {
    /// One phrase per rule, each of which goes on from "The password needs".
    pub(crate) fn in_words(&self) -> Vec<String> {
        let plural = if self.min_length == 1 { "" } else { "s" };
        let mut words = vec![format!(
            "at least {} character{plural}, and no more than {MAX_BYTES} (fewer with accents or symbols beyond the keyboard)",
            self.min_length
        )];
        words.extend(self.kinds.in_words());
        if let Some(longest) = self.longest_run {
            words.push(format!("no more than {longest} identical characters in a row"));
        }
        if self.no_sequences {
            words.push("no sequences like abc or 321".into());
        }
        if self.dictionary.is_some() {
            words.push("to be none of the passwords that many people use".into());
        }
        if self.blocked_fields.is_some() {
            words.push("nothing from your profile, like your name or e-mail address".into());
        }
        match self.history {
            0 => {}
            1 => words.push("to differ from your last password".into()),
            size => words.push(format!("to differ from your last {size} passwords")),
        }
        words
    }
}

impl Kinds {
    fn in_words(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::ThreeOfFour => Some(
                "at least three of these: lower-case letters, upper-case letters, numbers, special characters like !@#$%"
                    .into(),
            ),
            Self::All(kinds) => {
                let names: Vec<_> = kinds.iter().map(|kind| kind.in_words()).collect();
                let (last, others) = names.split_last()?;
                Some(if others.is_empty() {
                    (*last).to_owned()
                } else {
                    format!("{} and {last}", others.join(", "))
                })
            }
        }
    }
}

impl CharacterKind {
    fn in_words(self) -> &'static str {
        match self {
            Self::Lower => "a lower-case letter",
            Self::Upper => "an upper-case letter",
            Self::Number => "a number",
            Self::Special => "a special character like !@#$%",
        }
    }
}

impl Weakness {
    /// What the person who chose the password reads.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::TooWeak => "The password does not keep all of the rules below.",
            Self::TooCommon => "Too many people use this password. Choose another.",
            Self::Personal => {
                "The password contains something from your profile, like your name. Choose another."
            }
            Self::UsedBefore => "You have used this password before. Choose another.",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_rule_is_told() {
        for (options, told) in [
            (json!({"passwordPolicy": "none"}), vec!["at least 1 character,"]),
            (
                json!({"passwordPolicy": "fair"}),
                vec![
                    "at least 8 characters,",
                    "a lower-case letter, an upper-case letter and a number",
                ],
            ),
            (
                json!({"passwordPolicy": "excellent", "password_history": {"enable": true, "size": 4}}),
                vec![
                    "at least 10 characters,",
                    "at least three of these",
                    "no more than 2 identical",
                    "your last 4 passwords",
                ],
            ),
            (
                json!({"password_options": {
                    "complexity": {"sequential_characters": "block", "character_types": ["special"]},
                    "dictionary": {"active": true}, "profile_data": {"active": true}, "history": {"active": true, "size": 1},
                }}),
                vec![
                    "at least 15 characters,",
                    "a special character",
                    "no sequences",
                    "many people use",
                    "your profile",
                    "your last password",
                ],
            ),
        ] {
            let words = Policy::of(&options).in_words();
            assert_eq!(words.len(), told.len(), "{options}: {words:?}");
            for (phrase, expected) in words.iter().zip(told) {
                assert!(phrase.contains(expected), "{options}: {phrase}");
            }
        }
    }
}
