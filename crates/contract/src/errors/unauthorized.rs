//! Why a bearer token is not accepted.

use serde_json::json;

use super::ErrorBody;

/// What is wrong with the token of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthorized<'a> {
    /// There is no `Authorization` header.
    Missing,
    /// It has expired.
    Expired,
    /// It was issued for another audience, this one.
    BadAudience(&'a str),
    /// Its signature does not verify.
    BadSignature,
    /// It cannot be read, or its issuer is unknown.
    Malformed,
}

impl Unauthorized<'_> {
    /// The value of the header `WWW-Authenticate`.
    pub fn challenge(self) -> String {
        match self {
            Self::Missing => "Bearer".to_owned(),
            refused => format!("Bearer error=\"{}\"", refused.message()),
        }
    }

    fn message(self) -> String {
        match self {
            Self::Missing => "Missing authentication".to_owned(),
            Self::Expired => "Expired token received for JSON Web Token validation".to_owned(),
            Self::BadAudience(audience) => format!("Bad audience: {audience}"),
            Self::BadSignature => {
                "Invalid signature received for JSON Web Token validation".to_owned()
            }
            Self::Malformed => "Invalid token".to_owned(),
        }
    }
}

impl From<Unauthorized<'_>> for ErrorBody {
    /// The message stands a second time under `attributes`, except where there was no token.
    fn from(reason: Unauthorized<'_>) -> Self {
        let mut body = Self::new(401, reason.message());
        if reason != Unauthorized::Missing {
            body.attributes = Some(json!({ "error": body.message }));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_repeats_the_message() {
        for (reason, challenge) in [
            (Unauthorized::Missing, "Bearer"),
            (Unauthorized::Malformed, "Bearer error=\"Invalid token\""),
            (Unauthorized::BadAudience("urn:x"), "Bearer error=\"Bad audience: urn:x\""),
        ] {
            assert_eq!(reason.challenge(), challenge);
        }
    }
}
