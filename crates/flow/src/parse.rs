//! Text to definition, or all that is wrong with it.

use crate::{
    document::{self, Definition},
    keys, official,
    problem::{Problem, Problems},
    yaml,
};

/// Reads a definition from YAML or JSON. `source_name` is what problems name as the file.
///
/// What needs a catalogue (functions, their arguments) is left to [`check`](crate::check).
pub fn parse(source_name: &str, text: &str) -> Result<Definition, Problems> {
    let in_file = |problems: Vec<Problem>| {
        Problems(problems.into_iter().map(|problem| problem.in_file(source_name)).collect())
    };
    let (source, positions) = yaml::read(text).map_err(|problem| in_file(vec![problem]))?;
    let mut problems = keys::check(&source, &positions);
    if problems.is_empty() {
        problems = official::check(&source, &positions);
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(in_file(problems));
    }
    document::read(source_name, source, positions).map_err(|problems| in_file(problems.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_of_one_definition_have_one_hash() {
        let yaml = "document: {name: a, namespace: n, version: 1.0.0, dsl: 1.0.3}\ndo:\n  - a:\n      set: {x: 1, y: [2]}\n";
        let json = json!({
            "do": [{"a": {"set": {"y": [2], "x": 1}}}],
            "document": {"dsl": "1.0.3", "namespace": "n", "name": "a", "version": "1.0.0"}
        });
        let first = parse("a.yaml", yaml).unwrap();
        let second = parse("a.json", &json.to_string()).unwrap();
        assert_eq!(first.hash, second.hash);
        assert_eq!(first.hash.len(), 64);
        assert_ne!(first.hash, parse("a.yaml", &yaml.replace("x: 1", "x: 2")).unwrap().hash);
    }

    #[test]
    fn a_schedule_is_data() {
        let text = "document: {name: a, namespace: n, version: 1.0.0, dsl: 1.0.3}
schedule: {on: {one: {with: {type: hired, source: 'https://hr.example', data: '${ .level > 3 }'}}}, read: envelope}
do: [{a: {set: {x: 1}}}]";
        let definition = parse("a.yaml", text).unwrap();
        let schedule = definition.schedule.unwrap();
        let filter = &schedule.on.as_ref().unwrap().filters()[0];
        assert_eq!(filter.event_type().as_deref(), Some("hired"));
        for (level, source, fits) in [
            (json!(4), "https://hr.example", true),
            (json!(3), "https://hr.example", false),
            (json!(4), "https://other.example", false),
            (json!([]), "https://hr.example", true),
        ] {
            let event = json!({"type": "hired", "source": source, "data": {"level": level}});
            assert_eq!(filter.fits(&event), fits, "{event}");
            assert_eq!(schedule.read.of(&event), event);
        }
        assert!(
            !filter.fits(&json!({"type": "hired", "source": "https://hr.example", "data": "text"}))
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is about how long it takes")]
    fn a_mistake_deep_down_is_found_in_time() {
        let head = "document: {name: a, namespace: n, version: 1.0.0, dsl: 1.0.3}\ndo: ";
        let mut task = "{set: 5}".to_owned();
        for _ in 0..29 {
            task = format!("{{do: [{{a: {task}}}]}}");
        }
        let started = std::time::Instant::now();
        let problems = parse("a.yaml", &format!("{head}[{{a: {task}}}]")).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert!(
            problems.to_string().contains("set must be a mapping or a text, not 5"),
            "{problems}"
        );
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[ a-c:{}\\[\\],&*!|>'\"#%@\n-]{0,60}") {
            let _outcome = parse("a.yaml", &text);
        }
    }
}
