//! Which passwords a connection accepts (its `passwordPolicy` and companions, or the newer `password_options`).

mod words;

use serde_json::Value;

/// The most common passwords, refused where a dictionary is switched on.
const COMMON: [&str; 40] = [
    "123456",
    "password",
    "12345678",
    "qwerty",
    "123456789",
    "12345",
    "1234",
    "111111",
    "1234567",
    "dragon",
    "123123",
    "baseball",
    "abc123",
    "football",
    "monkey",
    "letmein",
    "shadow",
    "master",
    "696969",
    "mustang",
    "666666",
    "qwertyuiop",
    "123321",
    "1234567890",
    "superman",
    "654321",
    "trustno1",
    "passw0rd",
    "password1",
    "password123",
    "welcome",
    "welcome1",
    "admin",
    "iloveyou",
    "sunshine",
    "princess",
    "000000",
    "qwerty123",
    "1q2w3e4r",
    "secret",
];

/// Profile attributes whose values must not appear in a password, unless the connection names others.
const PERSONAL: [&str; 7] = [
    "name",
    "username",
    "nickname",
    "email",
    "user_metadata.name",
    "user_metadata.first",
    "user_metadata.last",
];

/// Why a password was refused, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Weakness {
    #[error("PasswordStrengthError: Password is too weak")]
    TooWeak,
    #[error("PasswordDictionaryError: Password is too common")]
    TooCommon,
    #[error("PasswordNoUserInfoError: Password contains user information")]
    Personal,
    #[error("PasswordHistoryError: Password has previously been used")]
    UsedBefore,
}

/// How many kinds of characters a password needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kinds {
    Any,
    ThreeOfFour,
    All(Vec<CharacterKind>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CharacterKind {
    Lower,
    Upper,
    Number,
    Special,
}

/// The rules of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    min_length: usize,
    kinds: Kinds,
    /// The longest run of one character.
    longest_run: Option<usize>,
    no_sequences: bool,
    dictionary: Option<Vec<String>>,
    blocked_fields: Option<Vec<String>>,
    /// How many earlier passwords are remembered and refused.
    pub(crate) history: usize,
}

impl Policy {
    /// Reads a connection's `options`.
    pub(crate) fn of(options: &Value) -> Self {
        if options.get("passwordPolicy").is_none() && options["password_options"].is_object() {
            return Self::flexible(&options["password_options"]);
        }
        let named = options["passwordPolicy"].as_str().unwrap_or("none");
        let (min_length, kinds, longest_run) = match named {
            "low" => (6, Kinds::Any, None),
            "fair" => (
                8,
                Kinds::All(vec![CharacterKind::Lower, CharacterKind::Upper, CharacterKind::Number]),
                None,
            ),
            "good" => (8, Kinds::ThreeOfFour, None),
            "excellent" => (10, Kinds::ThreeOfFour, Some(2)),
            _ => (1, Kinds::Any, None),
        };
        let enabled = |part: &str| options[part]["enable"] == true;
        Self {
            min_length: size(&options["password_complexity_options"]["min_length"])
                .unwrap_or(min_length),
            kinds,
            longest_run,
            no_sequences: false,
            dictionary: enabled("password_dictionary")
                .then(|| words(&options["password_dictionary"]["dictionary"])),
            blocked_fields: enabled("password_no_personal_info").then(personal),
            history: if enabled("password_history") {
                size(&options["password_history"]["size"]).unwrap_or(5)
            } else {
                0
            },
        }
    }

    fn flexible(options: &Value) -> Self {
        let complexity = &options["complexity"];
        let kinds = if complexity["character_type_rule"] == "three_of_four" {
            Kinds::ThreeOfFour
        } else {
            Kinds::All(
                words(&complexity["character_types"])
                    .iter()
                    .filter_map(|name| kind_named(name))
                    .collect(),
            )
        };
        let active = |part: &str| options[part]["active"] == true;
        let blocked = || {
            let named = words(&options["profile_data"]["blocked_fields"]);
            if named.is_empty() { personal() } else { named }
        };
        Self {
            min_length: size(&complexity["min_length"]).unwrap_or(15),
            kinds,
            longest_run: (complexity["identical_characters"] == "block").then_some(2),
            no_sequences: complexity["sequential_characters"] == "block",
            dictionary: active("dictionary").then(|| words(&options["dictionary"]["custom"])),
            blocked_fields: active("profile_data").then(blocked),
            history: if active("history") {
                size(&options["history"]["size"]).unwrap_or(3)
            } else {
                0
            },
        }
    }

    /// Everything but the history, which needs the old hashes. `profile` is the user as it will be.
    pub(crate) fn check(&self, password: &str, profile: &Value) -> Result<(), Weakness> {
        if !self.is_strong(password) {
            return Err(Weakness::TooWeak);
        }
        let folded = password.to_lowercase();
        if let Some(custom) = &self.dictionary
            && (COMMON.contains(&folded.as_str())
                || custom.iter().any(|word| word.to_lowercase() == folded))
        {
            return Err(Weakness::TooCommon);
        }
        if let Some(fields) = &self.blocked_fields
            && fields
                .iter()
                .filter_map(|field| personal_value(profile, field))
                .any(|value| folded.contains(&value))
        {
            return Err(Weakness::Personal);
        }
        Ok(())
    }

    fn is_strong(&self, password: &str) -> bool {
        let has = |kind: CharacterKind| password.chars().any(|character| kind.contains(character));
        let all = [
            CharacterKind::Lower,
            CharacterKind::Upper,
            CharacterKind::Number,
            CharacterKind::Special,
        ];
        let kinds = match &self.kinds {
            Kinds::Any => true,
            Kinds::ThreeOfFour => all.into_iter().filter(|kind| has(*kind)).count() >= 3,
            Kinds::All(needed) => needed.iter().all(|kind| has(*kind)),
        };
        let runs = self.longest_run.is_none_or(|longest| longest_run(password) <= longest);
        kinds
            && runs
            && password.chars().count() >= self.min_length
            && !(self.no_sequences && has_sequence(password))
    }
}

impl CharacterKind {
    fn contains(self, character: char) -> bool {
        match self {
            Self::Lower => character.is_ascii_lowercase(),
            Self::Upper => character.is_ascii_uppercase(),
            Self::Number => character.is_ascii_digit(),
            Self::Special => character == ' ' || character.is_ascii_punctuation(),
        }
    }
}

fn kind_named(name: &str) -> Option<CharacterKind> {
    match name {
        "lowercase" => Some(CharacterKind::Lower),
        "uppercase" => Some(CharacterKind::Upper),
        "number" => Some(CharacterKind::Number),
        "special" => Some(CharacterKind::Special),
        _ => None,
    }
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut previous = None;
    for character in text.chars() {
        run = if previous == Some(character) { run + 1 } else { 1 };
        longest = longest.max(run);
        previous = Some(character);
    }
    longest
}

/// Three letters or digits that follow each other: `abc`, `321`.
fn has_sequence(text: &str) -> bool {
    let bytes: Vec<i16> = text.to_ascii_lowercase().bytes().map(i16::from).collect();
    bytes.windows(3).any(|three| {
        let (first, second) = (three[1] - three[0], three[2] - three[1]);
        let is_alphanumeric = three
            .iter()
            .all(|byte| u8::try_from(*byte).is_ok_and(|byte| byte.is_ascii_alphanumeric()));
        is_alphanumeric && first == second && first.abs() == 1
    })
}

/// A profile value that a password must not contain: in lower case, of an e-mail the local part, none that is too short to mean anything.
fn personal_value(profile: &Value, field: &str) -> Option<String> {
    let value = field
        .split('.')
        .try_fold(profile, |value, segment| value.get(segment))?
        .as_str()?
        .to_lowercase();
    let value = if field == "email" { value.split('@').next()?.to_owned() } else { value };
    (value.len() > 2).then_some(value)
}

fn personal() -> Vec<String> {
    PERSONAL.iter().map(ToString::to_string).collect()
}

fn size(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|size| usize::try_from(size).ok())
}

fn words(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_named_policy_accepts_and_refuses_as_documented() {
        for (policy, password, accepted) in [
            ("none", "a", true),
            ("low", "abcde", false),
            ("low", "abcdef", true),
            ("fair", "abcdefgh", false),
            ("fair", "Abcdefg1", true),
            ("good", "Abcdefgh", false),
            ("good", "Abcdefg!", true),
            ("good", "two words And", true),
            ("good", "Abc1!", false),
            ("excellent", "Abcdefg123", true),
            ("excellent", "Abcdefg111", false),
        ] {
            let outcome =
                Policy::of(&json!({"passwordPolicy": policy})).check(password, &json!({}));
            assert_eq!(outcome.is_ok(), accepted, "{policy}: {password}");
        }
    }

    #[test]
    fn dictionary_and_personal_information_are_refused_where_switched_on() {
        let options = json!({
            "passwordPolicy": "low",
            "password_dictionary": {"enable": true, "dictionary": ["Hunter22"]},
            "password_no_personal_info": {"enable": true},
        });
        let profile = json!({"email": "jane.doe@example.com", "user_metadata": {"first": "Jane"}});
        for (password, expected) in [
            ("hunter22", Err(Weakness::TooCommon)),
            ("PASSWORD1", Err(Weakness::TooCommon)),
            ("xxjane.doexx", Err(Weakness::Personal)),
            ("myJANEpass", Err(Weakness::Personal)),
            ("correct horse", Ok(())),
        ] {
            assert_eq!(Policy::of(&options).check(password, &profile), expected, "{password}");
        }
    }

    #[test]
    fn flexible_options_are_read() {
        let options = json!({"password_options": {"complexity": {
            "min_length": 4, "character_types": ["number", "special"], "character_type_rule": "all",
            "identical_characters": "block", "sequential_characters": "block",
        }}});
        for (password, accepted) in [
            ("a1!b", true),
            ("a1b2", false),
            ("aaa1!", false),
            ("abc1!", false),
            ("7-5-1", true),
            ("321-x", false),
        ] {
            assert_eq!(
                Policy::of(&options).check(password, &json!({})).is_ok(),
                accepted,
                "{password}"
            );
        }
    }
}
