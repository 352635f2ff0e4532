//! As much of Gherkin as the kits use: scenarios, steps, doc strings.

/// One scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One step without its keyword, and the doc string below it.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) text: String,
    pub(crate) doc: Option<String>,
}

pub(crate) fn read(text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("Scenario:") {
            scenarios.push(Scenario { name: name.trim().to_owned(), steps: Vec::new() });
        } else if let (Some(text), Some(scenario)) = (step(line), scenarios.last_mut()) {
            scenario.steps.push(Step { text, doc: None });
        } else if let (Some(_), Some(scenario)) =
            (line.strip_prefix("\"\"\""), scenarios.last_mut())
        {
            let doc: Vec<&str> = lines
                .by_ref()
                .take_while(|line| !line.trim_start().starts_with("\"\"\""))
                .collect();
            if let Some(step) = scenario.steps.last_mut() {
                step.doc = Some(without_indent(&doc));
            }
        }
    }
    scenarios
}

/// The step's text; after `And` the kit repeats a keyword in lower case.
fn step(line: &str) -> Option<String> {
    let keywords = ["Given ", "When ", "Then ", "And ", "But "];
    let text = keywords.iter().find_map(|keyword| line.strip_prefix(keyword))?.trim();
    let repeated =
        ["given ", "when ", "then "].iter().find_map(|keyword| text.strip_prefix(keyword));
    Some(repeated.unwrap_or(text).to_owned())
}

fn without_indent(lines: &[&str]) -> String {
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let cut: Vec<&str> = lines.iter().map(|line| line.get(least..).unwrap_or_default()).collect();
    cut.join("\n")
}
