//! From an `OpenAPI` document to the two files that the contract embeds: one operation, one schema per line, sorted.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

use crate::facts;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Reads the document and replaces `operations.jsonl` and `schemas.txt`.
pub(crate) fn renew(document: &Path) -> Result<()> {
    let document = read(document).with_context(|| format!("cannot read {}", document.display()))?;
    let operations = operations(&document)?;
    let schemas = reachable_schemas(&document, &operations)?;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/contract/data");
    let mut lines = String::new();
    for operation in operations.values() {
        writeln!(lines, "{operation}")?;
    }
    fs::write(folder.join("operations.jsonl"), lines)?;
    let mut lines = String::new();
    for (name, schema) in &schemas {
        writeln!(lines, "{name} {schema}")?;
    }
    fs::write(folder.join("schemas.txt"), lines)?;
    writeln!(std::io::stdout(), "{} operations, {} schemas", operations.len(), schemas.len())?;
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let bytes = fs::read(path)?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(bytes)?;
    }
    Ok(serde_json::from_str(&text)?)
}

fn operations(document: &Value) -> Result<BTreeMap<String, Value>> {
    let paths = document["paths"].as_object().context("the document has no paths")?;
    let mut operations = BTreeMap::new();
    for (path, item) in paths {
        for method in METHODS {
            let Some(source) = item.get(method) else { continue };
            let id = source["operationId"]
                .as_str()
                .with_context(|| format!("{method} {path} has no id"))?;
            let operation = operation(document, method, path, source)
                .with_context(|| format!("operation {id} cannot be read"))?;
            ensure!(
                operations.insert(id.to_owned(), operation).is_none(),
                "two operations are named {id}"
            );
        }
    }
    Ok(operations)
}

fn operation(document: &Value, method: &str, path: &str, source: &Value) -> Result<Value> {
    let mut facts = Map::new();
    facts.insert("id".into(), source["operationId"].clone());
    facts.insert("method".into(), method.to_uppercase().into());
    facts.insert("path".into(), path.into());
    facts.insert("group".into(), group(&source["x-operation-group"])?.into());
    facts.insert("scopes".into(), scopes(source).into());
    let answers = answers(document, source)?;
    let success =
        answers.keys().find(|status| status.starts_with('2')).context("no success code")?;
    facts.insert("success".into(), success.parse::<u16>()?.into());
    let parameters: Vec<Value> =
        source["parameters"].as_array().into_iter().flatten().map(parameter).collect();
    if !parameters.is_empty() {
        facts.insert("parameters".into(), parameters.into());
    }
    if let Some(body) = source.get("requestBody") {
        facts.insert("body".into(), request_body(body)?);
    }
    facts.insert("answers".into(), Value::Object(answers));
    Ok(Value::Object(facts))
}

fn group(value: &Value) -> Result<String> {
    match value {
        Value::String(name) => Ok(name.clone()),
        Value::Array(names) => {
            Ok(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."))
        }
        _ => anyhow::bail!("no operation group"),
    }
}

fn scopes(source: &Value) -> Vec<Value> {
    let alternatives = source["security"].as_array().into_iter().flatten();
    alternatives
        .filter_map(|scheme| scheme["oAuth2ClientCredentials"].as_array())
        .flatten()
        .cloned()
        .collect()
}

fn parameter(source: &Value) -> Value {
    json!({
        "in": source["in"],
        "name": source["name"],
        "required": source["required"].as_bool().unwrap_or(false),
        "schema": facts::of_schema(&source["schema"]),
    })
}

fn request_body(source: &Value) -> Result<Value> {
    let content = source["content"].as_object().context("a body without content")?;
    let schema = content.values().next().context("a body without schema")?;
    Ok(json!({
        "required": source["required"].as_bool().unwrap_or(false),
        "types": content.keys().collect::<Vec<_>>(),
        "schema": facts::of_schema(&schema["schema"]),
    }))
}

fn answers(document: &Value, source: &Value) -> Result<Map<String, Value>> {
    let mut answers = BTreeMap::new();
    for (status, answer) in source["responses"].as_object().context("no responses")? {
        let answer = match answer["$ref"].as_str() {
            Some(reference) => {
                document.pointer(reference.trim_start_matches('#')).context("a broken reference")?
            }
            None => answer,
        };
        let content = answer["content"].as_object().and_then(|content| content.values().next());
        answers.insert(
            status.clone(),
            content.map_or(Value::Null, |content| facts::of_schema(&content["schema"])),
        );
    }
    Ok(answers.into_iter().collect())
}

/// Only schemas that an operation needs, directly or through others.
fn reachable_schemas(
    document: &Value,
    operations: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>> {
    let mut pending = Vec::new();
    for operation in operations.values() {
        facts::each_reference(operation, &mut |name| pending.push(name.to_owned()));
    }
    let mut schemas = BTreeMap::new();
    while let Some(name) = pending.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        let source = document["components"]["schemas"]
            .get(&name)
            .with_context(|| format!("no schema {name}"))?;
        let schema = facts::of_schema(source);
        facts::each_reference(&schema, &mut |name| pending.push(name.to_owned()));
        schemas.insert(name, schema);
    }
    Ok(schemas)
}
