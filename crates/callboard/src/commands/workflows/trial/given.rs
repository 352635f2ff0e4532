//! What a trial is given, read before anything runs.

use std::path::Path;

use callboard_engine::Source;
use secrecy::SecretString;
use serde_json::Value;

use crate::cli::Try;
use crate::exit::{Code, Failure};
use crate::given;

/// Definitions, input, secrets and events of a trial.
pub(super) struct Given {
    pub(super) definition: Source,
    pub(super) also: Vec<Source>,
    pub(super) input: Value,
    /// Values as JSON: a text, or an object of texts.
    pub(super) secrets: Vec<(String, SecretString)>,
    pub(super) events: Vec<Value>,
}

impl Given {
    pub(super) fn read(arguments: &Try) -> anyhow::Result<Self> {
        let Try { file, also, input, secrets, events, .. } = arguments;
        let from_stdin = usize::from(input == "-")
            + secrets.iter().filter(|text| text.ends_with("=-")).count()
            + events.iter().filter(|file| *file == Path::new("-")).count();
        if from_stdin > 1 {
            return Err(Failure::new(Code::Usage, "stdin can be read for one thing only").into());
        }
        let mut all = Vec::new();
        for file in events {
            match given::document(file)? {
                Value::Array(several) => all.extend(several),
                one => all.push(one),
            }
        }
        Ok(Self {
            definition: source(file)?,
            also: also.iter().map(|file| source(file)).collect::<anyhow::Result<_>>()?,
            input: given::json_or_file(input, "--input")?,
            secrets: secrets.iter().map(|text| secret(text)).collect::<anyhow::Result<_>>()?,
            events: all,
        })
    }
}

fn source(file: &Path) -> anyhow::Result<Source> {
    Ok(Source { file: file.display().to_string(), text: given::text(file)? })
}

/// `NAME=@FILE` or `NAME=-`. What is an object of texts is taken as one.
fn secret(text: &str) -> anyhow::Result<(String, SecretString)> {
    let (name, place) = text.split_once('=').unwrap_or(("NAME", ""));
    let value = match (place, place.strip_prefix('@')) {
        ("-", _) => given::stdin()?,
        (_, Some(file)) => given::text(Path::new(file))?,
        // The argument may be the secret itself: it is not repeated.
        _ => {
            let message = format!(
                "--secret {name} takes its value from a file ({name}=@FILE) or stdin ({name}=-), never as an argument"
            );
            return Err(Failure::new(Code::Usage, message).into());
        }
    };
    let value = given::without_line_end(&value);
    let object = serde_json::from_str::<Value>(value).ok().filter(Value::is_object);
    let value = object.unwrap_or_else(|| value.into());
    Ok((name.to_owned(), value.to_string().into()))
}
