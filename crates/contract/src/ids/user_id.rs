//! The id of a user.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A user's id: strategy of the connection, bar, id at that connection. Example: `auth0|507f1f77bcf86cd799439020`.
///
/// Some strategies have more bars: `samlp|connection|name`. At most 255 characters, no blanks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// Why a text is not a user's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the id of a user: expected a strategy, a bar and an id, as in `auth0|507f1f77bcf86cd799439020`"
)]
pub struct InvalidUserId(String);

impl UserId {
    /// The id of a user of a database connection.
    ///
    /// # Errors
    /// The part behind the bar is empty, has a blank, or is too long.
    pub fn of_database(id: &str) -> Result<Self, InvalidUserId> {
        format!("auth0|{id}").parse()
    }

    /// What stands before the first bar, as in `auth0` or `google-oauth2`.
    pub fn strategy(&self) -> &str {
        self.0.split_once('|').map_or("", |(strategy, _)| strategy)
    }

    /// What stands behind the first bar.
    pub fn local(&self) -> &str {
        self.0.split_once('|').map_or("", |(_, local)| local)
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, InvalidUserId> {
        let sound = text.chars().count() <= 255 && !text.contains(char::is_whitespace);
        match text.split_once('|') {
            Some((strategy, local)) if sound && !strategy.is_empty() && !local.is_empty() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidUserId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: String) -> Result<Self, InvalidUserId> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_has_a_strategy_and_an_id() {
        for (text, parts) in [
            ("auth0|507f1f77bcf86cd799439020", Some(("auth0", "507f1f77bcf86cd799439020"))),
            ("samlp|acme|ann@example.com", Some(("samlp", "acme|ann@example.com"))),
            ("auth0|", None),
            ("|1", None),
            ("507f1f77bcf86cd799439020", None),
            ("auth0|a b", None),
        ] {
            let parsed = text.parse::<UserId>().ok();
            assert_eq!(parsed.as_ref().map(|id| (id.strategy(), id.local())), parts, "{text}");
        }
        assert_eq!(UserId::of_database("abc").unwrap().to_string(), "auth0|abc");
    }
}
