//! Values that are given to a command: as text, as a file, or on stdin.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::{Code, Failure};

/// JSON that stands in the argument, is all of stdin (`-`), or is in a file (`@FILE`, JSON or YAML).
pub(crate) fn json<T: DeserializeOwned>(text: &str, name: &str) -> anyhow::Result<T> {
    let unexpected = |error: serde_json::Error| {
        let message = format!("{name} is not the JSON that is expected here: {error}");
        anyhow::Error::from(Failure::new(Code::Usage, message))
    };
    match text.strip_prefix('@') {
        Some(file) => serde_json::from_value(document(Path::new(file))?).map_err(unexpected),
        None if text == "-" => serde_json::from_str(&stdin()?).map_err(unexpected),
        None => serde_json::from_str(text).map_err(unexpected),
    }
}

/// The same, or the name of a file.
pub(crate) fn json_or_file(text: &str, name: &str) -> anyhow::Result<Value> {
    let stands_there = text == "-" || text.starts_with(['@', '{', '[']);
    if stands_there { json(text, name) } else { document(Path::new(text)) }
}

/// A file with JSON or YAML; `-` is stdin.
pub(crate) fn document(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") { stdin()? } else { text(file)? };
    let (value, _) = callboard_flow::yaml::read(&text).map_err(|problem| {
        Failure::new(Code::Negative, problem.in_file(&file.display().to_string()).to_string())
    })?;
    Ok(value)
}

pub(crate) fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

pub(crate) fn stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read stdin; is it text?")?;
    Ok(text)
}

/// A text without the end of its last line.
pub(crate) fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.trim_end_matches('\r'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{json, json_or_file};

    #[test]
    fn a_value_stands_in_the_argument_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input.yaml");
        std::fs::write(&file, "{name: Ada}").unwrap();
        let file = file.to_str().unwrap();
        for text in [r#"{"name": "Ada"}"#, &format!("@{file}"), file] {
            assert_eq!(json_or_file(text, "--input").unwrap(), json!({"name": "Ada"}), "{text}");
        }
        assert_eq!(json::<Value>(&format!("@{file}"), "--input").unwrap(), json!({"name": "Ada"}));
        let error = json::<Value>("{", "--input").unwrap_err().to_string();
        assert!(error.contains("--input is not the JSON"), "{error}");
    }
}
