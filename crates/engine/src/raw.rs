//! The language's own calls (`http`, `openapi`, `mcp`): no action stands behind them, so nothing declares how to
//! recover them. What only reads is repeated; about everything else a person is asked.

use callboard_apps::{CallAnswer, without_secrets};
use callboard_flow::FunctionCall;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::attempt::Going;
use crate::journal::{Fact, How};
use crate::outcome::{self, Tried};
use crate::performer::Performer;
use crate::sealing;
use crate::time::Time;
use crate::vault::Vault;

/// The word that a workflow calls it by.
pub(crate) fn word(call: &FunctionCall) -> &'static str {
    match call {
        FunctionCall::Catalogued { .. } => "function",
        FunctionCall::Http(_) => "http",
        FunctionCall::OpenApi(_) => "openapi",
        FunctionCall::Mcp(_) => "mcp",
    }
}

/// Whether sending it again does no harm, by HTTP's own rules.
pub(crate) fn only_reads(call: &FunctionCall) -> bool {
    matches!(call, FunctionCall::Http(call) if harmless(&call.method))
}

/// The same of one that the journal shows.
pub(crate) fn shown_only_reads(shown: &Value) -> bool {
    // Of the calls that are shown only those by `http` name a method.
    shown["endpoint"].is_string() && shown["method"].as_str().is_some_and(harmless)
}

fn harmless(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// As the journal shows it: without its credentials.
pub(crate) fn shown(call: &FunctionCall) -> Value {
    let mut shown = without_secrets(&serde_json::to_value(call).unwrap_or_default());
    if let Value::Object(fields) = &mut shown {
        fields.remove("kind");
    }
    shown
}

/// Performs it; the answer is the entry to write down.
pub(crate) async fn go(
    going: &Going,
    call: &FunctionCall,
    performer: &dyn Performer,
    vault: &Vault,
    time: &dyn Time,
) -> Fact {
    let key = going.key.clone();
    let (step, attempt, delays) = (going.step.clone(), going.attempt, going.delays);
    let result = match open(going, call, vault) {
        Ok((call, secrets)) => performer.call(&call, &key, &secrets).await,
        Err(why) => {
            let tried = Tried { step, attempt, delays, now: time.now() };
            return outcome::of_not_opening(tried, why, going.then);
        }
    };
    match result {
        Ok(CallAnswer { output, exchanges }) => {
            Fact::Succeeded { step, attempt, how: How::Performed, output, exchanges }
        }
        Err(failed) => {
            outcome::of_calling(Tried { step, attempt, delays, now: time.now() }, failed)
        }
    }
}

fn open(
    going: &Going,
    call: &FunctionCall,
    vault: &Vault,
) -> Result<(FunctionCall, Vec<SecretString>), String> {
    let mut value = serde_json::to_value(call).map_err(|error| error.to_string())?;
    for policy in ["authentication", "documentAuthentication"] {
        if let Some(policy) = value.get_mut(policy) {
            use_secrets(policy, &going.secrets);
        }
    }
    let secrets =
        sealing::open(vault, &going.run, &mut value).map_err(|error| error.to_string())?;
    // The error of reading it back could quote a secret.
    let call = serde_json::from_value(value)
        .map_err(|_| "a secret does not fit into its place in the call")?;
    Ok((call, secrets))
}

/// `{bearer: {use: NAME}}` with the fields of the secret, still sealed, in place of its name.
fn use_secrets(policy: &mut Value, secrets: &Map<String, Value>) {
    let Value::Object(schemes) = policy else { return };
    for given in schemes.values_mut() {
        let name = given.get("use").and_then(Value::as_str);
        match name.and_then(|name| secrets.get(name)) {
            Some(Value::String(token)) => *given = json!({ "token": token }),
            Some(fields) => *given = fields.clone(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_journal_shows_no_credentials_wherever_they_stand() {
        let call: FunctionCall = serde_json::from_value(json!({
            "kind": "http", "method": "POST", "output": "content", "redirect": false,
            "endpoint": "https://ada:s3cret@pets.test/cats?page=2&Access_Token=s3cret&q=a#top",
            "headers": {"X-API-Key": "s3cret", "Cookie": "s3cret", "Accept": "text/plain"},
            "query": {"access_token": "s3cret", "page": 2},
            "body": {"login": {"password": "s3cret", "authentication": {"bearer": {"token": "s3cret"}}}, "name": "cat"},
            "authentication": {"basic": {"username": "ada", "password": "s3cret"}},
        }))
        .unwrap();
        let shown = shown(&call);
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        assert_eq!((&shown["body"]["name"], &shown["query"]["page"]), (&json!("cat"), &json!(2)));
        assert_eq!(
            shown["endpoint"],
            "https://[secret]@pets.test/cats?page=2&Access_Token=[secret]&q=a#top"
        );
        assert_eq!(shown["headers"]["Accept"], "text/plain");
        assert_eq!((shown.get("authentication"), shown.get("kind")), (None, None));
    }
}
