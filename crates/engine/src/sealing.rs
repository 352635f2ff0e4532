//! Secrets that travel from one step to another without the interpreter or the journal seeing them.
//!
//! A string at a pointer that the action's manifest calls secret becomes a token `sealed:v1:…`, bound to its run. An
//! expression may embed the token in a longer text. Just before an action is performed the tokens in its arguments open.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::ids::RunId;
use crate::vault::{Vault, VaultError};

const MARK: &str = "sealed:v1:";
/// Ends a token, so that whatever an expression puts behind it is not taken for a part of it.
const END: char = '~';

/// Replaces the secrets in `output` by tokens. A pointer may hold `*` for "every member".
pub(crate) fn seal(vault: &Vault, run: &RunId, pointers: &[String], output: &mut Value) {
    for pointer in pointers {
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        visit(output, &path, &mut |found| seal_below(vault, run, found));
    }
}

/// The whole value as one token: its shape shows nothing either, and numbers stay numbers.
pub(crate) fn seal_whole(vault: &Vault, run: &RunId, value: &Value) -> String {
    token(vault, run, &value.to_string())
}

/// What `seal_whole` sealed.
pub(crate) fn open_whole(vault: &Vault, run: &RunId, token: &str) -> Result<Value, VaultError> {
    let text = replace_tokens(token, &mut |token| {
        vault.open_sealed(run.as_str(), token).map(|secret| secret.expose_secret().to_owned())
    })?;
    serde_json::from_str(&text).map_err(|_| VaultError::DoesNotOpen { what: run.to_string() })
}

/// Replaces the secrets at these pointers by fingerprints that tell nothing without the key.
pub(crate) fn fingerprint(vault: &Vault, pointers: &[String], value: &mut Value) {
    for pointer in pointers {
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        visit(value, &path, &mut |found| *found = vault.fingerprint(&found.to_string()).into());
    }
}

/// Opens every token in `arguments`. Answers the secrets, so that they can be kept out of what is shown.
pub(crate) fn open(
    vault: &Vault,
    run: &RunId,
    arguments: &mut Value,
) -> Result<Vec<SecretString>, VaultError> {
    let mut secrets = Vec::new();
    replace_texts(arguments, &mut |text| {
        replace_tokens(text, &mut |token| {
            let secret = vault.open_sealed(run.as_str(), token)?;
            let plain = secret.expose_secret().to_owned();
            secrets.push(secret);
            Ok(plain)
        })
    })?;
    Ok(secrets)
}

/// Seals for another run what was sealed for this one.
pub(crate) fn hand_over(
    vault: &Vault,
    from: &RunId,
    to: &RunId,
    value: &mut Value,
) -> Result<(), VaultError> {
    replace_texts(value, &mut |text| {
        replace_tokens(text, &mut |sealed| {
            let secret = vault.open_sealed(from.as_str(), sealed)?;
            Ok(token(vault, to, secret.expose_secret()))
        })
    })
}

/// Everything below the value sealed for this run.
pub(crate) fn seal_all(vault: &Vault, run: &RunId, value: &mut Value) {
    seal_below(vault, run, value);
}

/// The value with a word in place of every token, for people.
pub fn masked(value: &Value) -> Value {
    let mut masked = value.clone();
    let never_fails = replace_texts(&mut masked, &mut |text| {
        replace_tokens(text, &mut |_| Ok("[sealed]".into()))
    });
    match never_fails {
        Ok(()) => masked,
        Err(_) => Value::Null,
    }
}

fn visit(value: &mut Value, path: &[&str], change: &mut dyn FnMut(&mut Value)) {
    let Some((first, rest)) = path.split_first() else { return change(value) };
    match value {
        Value::Array(items) if *first == "*" => {
            for item in items {
                visit(item, rest, change);
            }
        }
        Value::Object(fields) if *first == "*" => {
            fields.values_mut().for_each(|field| visit(field, rest, change));
        }
        Value::Object(fields) => {
            let name = first.replace("~1", "/").replace("~0", "~");
            if let Some(field) = fields.get_mut(&name) {
                visit(field, rest, change);
            }
        }
        Value::Array(items) => {
            if let Some(item) = first.parse().ok().and_then(|place: usize| items.get_mut(place)) {
                visit(item, rest, change);
            }
        }
        _ => {}
    }
}

/// All texts below a secret are secret; a number or a boolean becomes its text first.
fn seal_below(vault: &Vault, run: &RunId, value: &mut Value) {
    match value {
        Value::Null => {}
        Value::String(text) => *text = token(vault, run, text),
        Value::Bool(_) | Value::Number(_) => {
            *value = token(vault, run, &value.to_string()).into();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| seal_below(vault, run, item)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| seal_below(vault, run, field));
        }
    }
}

fn token(vault: &Vault, run: &RunId, text: &str) -> String {
    format!("{MARK}{}{END}", vault.seal(run.as_str(), text))
}

fn replace_texts(
    value: &mut Value,
    replace: &mut dyn FnMut(&str) -> Result<String, VaultError>,
) -> Result<(), VaultError> {
    match value {
        Value::String(text) if text.contains(MARK) => *text = replace(text)?,
        Value::Array(items) => {
            items.iter_mut().try_for_each(|item| replace_texts(item, replace))?;
        }
        Value::Object(fields) => {
            fields.values_mut().try_for_each(|field| replace_texts(field, replace))?;
        }
        _ => {}
    }
    Ok(())
}

fn replace_tokens(
    text: &str,
    replace: &mut dyn FnMut(&str) -> Result<String, VaultError>,
) -> Result<String, VaultError> {
    let mut pieces = text.split(MARK);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let cut = || VaultError::DoesNotOpen { what: "text, of which a part is missing,".into() };
        let (token, rest) = piece.split_once(END).ok_or_else(cut)?;
        replaced.push_str(&replace(token)?);
        replaced.push_str(rest);
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::vault::KeySource;

    fn vault() -> Vault {
        Vault::open(&KeySource::Given("5a".repeat(32).into()), Arc::new(|buffer| buffer.fill(9)))
            .unwrap()
    }

    fn run(letter: char) -> RunId {
        format!("run_{}", letter.to_string().repeat(26)).parse().unwrap()
    }

    #[test]
    fn a_secret_output_travels_as_a_token_and_opens_inside_a_text() {
        let mut output = json!({"ticket": "https://t/1?a#b", "other": "plain", "codes": [{"code": "x"}, {"code": 7}]});
        seal(&vault(), &run('a'), &["/ticket".into(), "/codes/*/code".into()], &mut output);
        let printed = output.to_string();
        assert!(
            !printed.contains("https://t")
                && printed.contains("plain")
                && !printed.contains("\"x\""),
            "{printed}"
        );

        let ticket = output["ticket"].as_str().unwrap();
        let mut arguments = json!({"text": format!("Choose here: {ticket}. And {ticket}b"), "codes": output["codes"]});
        assert_eq!(masked(&arguments["text"]), "Choose here: [sealed]. And [sealed]b");
        let secrets = open(&vault(), &run('a'), &mut arguments).unwrap();
        assert_eq!(secrets.len(), 4);
        let expected = json!({"text": "Choose here: https://t/1?a#b. And https://t/1?a#bb", "codes": [{"code": "x"}, {"code": "7"}]});
        assert_eq!(arguments, expected);
    }

    #[test]
    fn a_whole_value_is_one_token_and_keeps_its_types() {
        let value = json!({"blocked": false, "logins": 7, "name": "Ada"});
        let token = seal_whole(&vault(), &run('a'), &value);
        assert_eq!(masked(&json!(token)), "[sealed]");
        assert_eq!(open_whole(&vault(), &run('a'), &token).unwrap(), value);
        assert!(open_whole(&vault(), &run('b'), &token).is_err());
    }

    #[test]
    fn a_token_of_another_run_does_not_open() {
        let mut output = json!("secret");
        seal(&vault(), &run('a'), &[String::new()], &mut output);
        assert!(open(&vault(), &run('b'), &mut output).is_err());
    }

    #[test]
    fn what_is_not_there_is_left_alone() {
        let mut output = json!({"a": [1]});
        seal(&vault(), &run('a'), &["/b/c".into(), "/a/7".into(), "/a/0/x".into()], &mut output);
        assert_eq!(output, json!({"a": [1]}));
    }
}
