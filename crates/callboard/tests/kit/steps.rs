//! What the steps mean.

use std::path::Path;

use serde_json::Value;

use crate::feature::{Scenario, Step};
use crate::outside::Outside;

/// Plays a scenario; an error says which step did not hold and why.
pub(crate) async fn play(scenario: &Scenario, outside: &Outside) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (mut found, mut extra) = (Value::Null, Vec::new());
    std::fs::write(folder.path().join("input.yaml"), "{}").map_err(|error| error.to_string())?;
    for step in &scenario.steps {
        let held = match (step.text.as_str(), step.doc.as_deref()) {
            ("a workflow with definition:", Some(doc)) => {
                write(folder.path(), "definition.yaml", doc)
            }
            ("the workflow input is:", Some(doc)) => write(folder.path(), "input.yaml", doc),
            ("another workflow with definition:", Some(doc)) => {
                more(folder.path(), "--also", "", doc, &mut extra)
            }
            ("the event is posted:", Some(doc)) => {
                more(folder.path(), "--event", "", doc, &mut extra)
            }
            (text, Some(doc)) if text.starts_with("the secret ") => {
                let name = quoted(text).remove(0);
                more(folder.path(), "--secret", &format!("{name}=@"), doc, &mut extra)
            }
            ("the workflow is executed", None) => {
                found = execute(folder.path(), &extra, outside).await?;
                Ok(())
            }
            _ => holds(step, &found),
        };
        held.map_err(|why| format!("{}: {why}; found {found}", step.text))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    std::fs::write(folder.join(name), text).map_err(|error| error.to_string())
}

/// One more file, and the option that names it.
fn more(
    folder: &Path,
    option: &str,
    before: &str,
    text: &str,
    extra: &mut Vec<String>,
) -> Result<(), String> {
    let name = format!("more-{}.yaml", extra.len());
    extra.extend([option.to_owned(), format!("{before}{name}")]);
    write(folder, &name, text)
}

async fn execute(folder: &Path, extra: &[String], outside: &Outside) -> Result<Value, String> {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.current_dir(folder).args([
        "workflows",
        "try",
        "definition.yaml",
        "--input",
        "input.yaml",
    ]);
    command.args(extra);
    for origin in &outside.origins {
        command.args(["--origin", origin]);
    }
    let output = command.output().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn holds(step: &Step, found: &Value) -> Result<(), String> {
    let words: Vec<&str> = step.text.split_whitespace().collect();
    match words.as_slice() {
        ["the", "workflow", "should", "complete", ..] => {
            equal(&found["status"], &"completed".into())?;
            step.doc.as_deref().map_or(Ok(()), |doc| equal(&found["output"], &yaml(doc)?))
        }
        ["the", "workflow", "should", "fault", ..] => {
            equal(&found["status"], &"faulted".into())?;
            let wanted = step.doc.as_deref().map(yaml).transpose()?;
            let wanted = wanted.as_ref().and_then(Value::as_object).into_iter().flatten();
            wanted.into_iter().try_for_each(|(name, value)| equal(&found["error"][name], value))
        }
        ["the", "workflow", "should", "cancel", ..] => equal(&found["status"], &"cancelled".into()),
        ["the", "workflow", "output", "should", "have", "properties", ..] => {
            quoted(&step.text).iter().try_for_each(|path| at(&found["output"], path).map(drop))
        }
        ["the", "workflow", "output", "should", "have", "a", _, "property", "with", "value:"] => {
            let path = quoted(&step.text).remove(0);
            equal(at(&found["output"], &path)?, &yaml(step.doc.as_deref().unwrap_or_default())?)
        }
        [
            "the",
            "workflow",
            "output",
            "should",
            "have",
            "a",
            _,
            "property",
            "containing",
            count,
            "items",
        ] => {
            let path = quoted(&step.text).remove(0);
            let items = at(&found["output"], &path)?.as_array().map_or(0, Vec::len);
            equal(&items.into(), &yaml(count)?)
        }
        [task, "should", "run", "first"] => equal(&found["tasks"][0], &(*task).into()),
        [task, "should", "run", "last"] => {
            let last = found["tasks"]
                .as_array()
                .and_then(|tasks| tasks.last())
                .cloned()
                .unwrap_or_default();
            equal(&last, &(*task).into())
        }
        [task, "should", "run", "after", other] => {
            let position =
                |name: &str| found["tasks"].as_array()?.iter().position(|task| task == name);
            match (position(task), position(other)) {
                (Some(later), Some(earlier)) if later > earlier => Ok(()),
                order => Err(format!("positions {order:?}")),
            }
        }
        [task, "should", "not", "run"] => match found["tasks"].as_array() {
            Some(tasks) if !tasks.iter().any(|started| started == task) => Ok(()),
            _ => Err("it ran".into()),
        },
        _ => Err("nobody knows this step".into()),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    // The kit's doc strings may begin with their media type.
    let text = text.strip_prefix("yaml\n").unwrap_or(text);
    callboard_flow::yaml::read(text).map(|(value, _)| value).map_err(|problem| problem.to_string())
}

fn quoted(text: &str) -> Vec<String> {
    text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

fn at<'a>(value: &'a Value, path: &str) -> Result<&'a Value, String> {
    let step = |value: Option<&'a Value>, name: &str| value.and_then(|value| value.get(name));
    path.split('.').fold(Some(value), step).ok_or_else(|| format!("there is no {path}"))
}

fn equal(found: &Value, wanted: &Value) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("found {found}, wanted {wanted}")) }
}
