//! What the outcome of one exchange means for the next step. Pure: no clock of its own, no network.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::transport::{Lost, Reply};
use crate::{Error, Repeat, rate};

/// What the decision depends on, besides the outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) repeat: Repeat,
    /// The method promises that there is no effect.
    pub(crate) safe: bool,
    /// Number of this attempt, from 1, and how many there may be.
    pub(crate) attempt: u32,
    pub(crate) attempts: u32,
    pub(crate) now: Timestamp,
    /// How long to stay away after a 429 that does not say it.
    pub(crate) pause: Duration,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// 2xx.
    Success(Reply),
    /// 401: nothing was executed; once, a fresh token may help.
    Renew(String),
    /// Send the same call again after a pause. `sent`: this time it may have been executed.
    Again { sent: bool },
    /// Give up.
    Failure(Error),
}

/// Judges one exchange.
pub(crate) fn judge(outcome: Result<Reply, Lost>, situation: Situation) -> Verdict {
    match outcome {
        Ok(reply) if (200..300).contains(&reply.status) => Verdict::Success(reply),
        Ok(reply) if reply.status == 401 => Verdict::Renew(message(&reply.body)),
        Ok(reply) if is_uncertain(reply.status) => {
            let why = format!("it answered {} {}", reply.status, message(&reply.body));
            lost(Some(reply.status), why.trim_end().into(), situation)
        }
        Ok(reply) => Verdict::Failure(refusal(&reply, situation)),
        Err(Lost::Cut(status, why)) => lost(status, why, situation),
        Err(Lost::NotSent(why)) => match situation.repeat {
            Repeat::Harmless if situation.attempt < situation.attempts => {
                Verdict::Again { sent: false }
            }
            Repeat::Harmless | Repeat::Unsafe => Verdict::Failure(Error::NotSent { why }),
        },
    }
}

/// Whether an answer leaves open that the call was executed. 501 does not: what does not exist there cannot happen.
fn is_uncertain(status: u16) -> bool {
    status == 408 || (status >= 500 && status != 501)
}

/// The call may have been executed.
fn lost(status: Option<u16>, why: String, situation: Situation) -> Verdict {
    match situation.repeat {
        Repeat::Harmless if situation.attempt < situation.attempts => Verdict::Again { sent: true },
        // Harmless to repeat is not the same as without effect.
        Repeat::Harmless | Repeat::Unsafe if !situation.safe => {
            Verdict::Failure(Error::Ambiguous { status, why })
        }
        Repeat::Harmless | Repeat::Unsafe => {
            Verdict::Failure(Error::Unavailable { status, why, attempts: situation.attempt })
        }
    }
}

/// A definitive answer that is no success.
fn refusal(reply: &Reply, situation: Situation) -> Error {
    let message = message(&reply.body);
    let code = reply.body.get("errorCode").and_then(Value::as_str);
    match reply.status {
        429 => Error::RateLimited {
            retry_at: rate::retry_at(&reply.headers, situation.now, situation.pause),
            why: if message.is_empty() {
                "the tenant's rate limit is used up".into()
            } else {
                message
            },
        },
        402 => Error::NotInPlan { status: 402, message },
        status @ (400 | 403) if is_plan_gate(code, &message) => {
            Error::NotInPlan { status, message }
        }
        403 if message.starts_with("Insufficient scope") => {
            Error::MissingScope { needed: needed_scopes(&message), all: message.contains("all of") }
        }
        status => Error::Rejected {
            status,
            code: code.map(str::to_owned),
            message: if message.is_empty() { unexplained(status) } else { message },
            body: Box::new(reply.body.clone()),
            request_id: request_id(reply),
        },
    }
}

/// Auth0's id of the exchange.
pub(crate) fn request_id(reply: &Reply) -> Option<String> {
    Some(reply.headers.get("x-auth0-requestid")?.to_str().ok()?.to_owned())
}

/// The tenant's sentence in the Management API's or the Authentication API's envelope.
pub(crate) fn message(body: &Value) -> String {
    let sentence =
        ["message", "error_description", "error"].iter().find_map(|key| body.get(key)?.as_str());
    sentence.unwrap_or_default().to_owned()
}

/// The code `insufficient_scope` stands for both, so only the sentence tells a plan gate from a missing scope.
fn is_plan_gate(code: Option<&str>, message: &str) -> bool {
    let gate_codes = [
        "feature_not_enabled",
        "insufficient_entitlement",
        "hooks_not_allowed",
        "rules_not_allowed",
    ];
    let lower = message.to_lowercase();
    code.is_some_and(|code| gate_codes.contains(&code))
        || lower.starts_with("please upgrade")
        || lower.contains("feature is not enabled")
        || lower.starts_with("feature not enabled")
}

/// The scopes in `Insufficient scope, expected any of: read:clients, read:client_summary`.
fn needed_scopes(message: &str) -> Vec<String> {
    let list = message.split_once(": ").map(|(_, list)| list).unwrap_or_default();
    list.split(',')
        .map(|scope| scope.trim().to_owned())
        .filter(|scope| scope.contains(':'))
        .collect()
}

fn unexplained(status: u16) -> String {
    match status {
        300..400 => "it redirects elsewhere; check the link's address".into(),
        404 => "no such address; check the link's address".into(),
        _ => "it gave no reason".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn situation(repeat: Repeat, attempt: u32) -> Situation {
        Situation {
            repeat,
            safe: false,
            attempt,
            attempts: 3,
            now: NOW,
            pause: Duration::from_secs(2),
        }
    }

    fn reply(status: u16, body: Value) -> Reply {
        Reply { status, headers: http::HeaderMap::new(), body }
    }

    /// The verdict in one word.
    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Success(_) => "success",
            Verdict::Renew(_) => "renew",
            Verdict::Again { .. } => "again",
            Verdict::Failure(error) => match error {
                Error::Rejected { .. } => "rejected",
                Error::RateLimited { .. } => "limited",
                Error::MissingScope { .. } => "scope",
                Error::NotInPlan { .. } => "plan",
                Error::NotSent { .. } => "not sent",
                Error::Ambiguous { .. } => "ambiguous",
                Error::Unavailable { .. } => "unavailable",
                other => panic!("{other}"),
            },
        }
    }

    #[test]
    fn only_what_is_harmless_is_sent_again() {
        let cut = || Err(Lost::Cut(None, "cut".into()));
        let not_sent = || Err(Lost::NotSent("refused".into()));
        for (outcome, first, last_read, last_write, unsafe_write) in [
            (Ok(reply(200, json!({}))), "success", "success", "success", "success"),
            (Ok(reply(302, Value::Null)), "rejected", "rejected", "rejected", "rejected"),
            (
                Ok(reply(400, json!({"message": "no"}))),
                "rejected",
                "rejected",
                "rejected",
                "rejected",
            ),
            (Ok(reply(401, json!({"message": "no"}))), "renew", "renew", "renew", "renew"),
            (
                Ok(reply(404, json!({"message": "no"}))),
                "rejected",
                "rejected",
                "rejected",
                "rejected",
            ),
            (Ok(reply(408, Value::Null)), "again", "unavailable", "ambiguous", "ambiguous"),
            (
                Ok(reply(409, json!({"message": "no"}))),
                "rejected",
                "rejected",
                "rejected",
                "rejected",
            ),
            (Ok(reply(429, Value::Null)), "limited", "limited", "limited", "limited"),
            (Ok(reply(500, Value::Null)), "again", "unavailable", "ambiguous", "ambiguous"),
            (Ok(reply(501, Value::Null)), "rejected", "rejected", "rejected", "rejected"),
            (Ok(reply(503, Value::Null)), "again", "unavailable", "ambiguous", "ambiguous"),
            (cut(), "again", "unavailable", "ambiguous", "ambiguous"),
            (not_sent(), "again", "not sent", "not sent", "not sent"),
        ] {
            let name = format!("{outcome:?}");
            let words = [
                situation(Repeat::Harmless, 1),
                Situation { safe: true, ..situation(Repeat::Harmless, 3) },
                situation(Repeat::Harmless, 3),
                situation(Repeat::Unsafe, 1),
            ];
            let words = words.map(|situation| word(&judge(outcome.clone(), situation)));
            assert_eq!(words, [first, last_read, last_write, unsafe_write], "{name}");
        }
    }

    #[test]
    fn a_403_is_told_apart_by_its_sentence() {
        for (status, code, text, expected) in [
            (
                403,
                Some("insufficient_scope"),
                "Insufficient scope, expected any of: read:users",
                "scope",
            ),
            (
                403,
                Some("insufficient_scope"),
                "Please upgrade your subscription to enable Akamai Signals.",
                "plan",
            ),
            (
                403,
                Some("insufficient_scope"),
                "Rate Limit Policies feature is not enabled for this tenant.",
                "plan",
            ),
            (
                403,
                Some("insufficient_entitlement"),
                "Please upgrade your subscription to use bot detection",
                "plan",
            ),
            (
                403,
                Some("feature_not_enabled"),
                "This feature is not enabled for this tenant.",
                "plan",
            ),
            (400, Some("feature_not_enabled"), "Feature not enabled for this tenant.", "plan"),
            (402, None, "A paid subscription is required for this feature.", "plan"),
            (
                403,
                Some("operation_not_supported"),
                "This feature requires at least one custom domain.",
                "rejected",
            ),
            (403, None, "User to be acted on does not match subject in bearer token.", "rejected"),
            (400, Some("invalid_body"), "Payload validation error: 'x'.", "rejected"),
        ] {
            let body = json!({"statusCode": status, "message": text, "errorCode": code});
            let verdict = judge(Ok(reply(status, body)), situation(Repeat::Unsafe, 1));
            assert_eq!(word(&verdict), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_scope_says_whether_one_or_all_are_needed() {
        for (how, expected) in
            [("any", "any of a:b, c:d is needed"), ("all", "all of a:b, c:d is needed")]
        {
            let body =
                json!({"message": format!("Insufficient scope, expected {how} of: a:b, c:d")});
            let Verdict::Failure(error) = judge(Ok(reply(403, body)), situation(Repeat::Unsafe, 1))
            else {
                panic!()
            };
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_missing_scope_names_the_alternatives() {
        let text = "Insufficient scope, expected any of: read:clients, read:client_summary";
        assert_eq!(needed_scopes(text), ["read:clients", "read:client_summary"]);
        assert_eq!(needed_scopes("Insufficient scope"), Vec::<String>::new());
    }
}
