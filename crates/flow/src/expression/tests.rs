use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn evaluate(text: &str, input: &Value) -> Result<Value, String> {
    let variables = json!({"x": 5, "context": {"a": 1}}).as_object().cloned().unwrap();
    Expression::parse(text)
        .map_err(|error| error.to_string())?
        .evaluate(input, &variables)
        .map_err(|error| error.to_string())
}

#[test]
fn expressions_give_what_jq_gives() {
    let input = json!({"a": [3, 1, 2], "s": "Ä b", "o": {"k": 1, "l": null}, "n": 1.5, "big": 12_345_678_901_234_u64});
    for (text, expected) in [
        (".", input.clone()),
        (".a[0]", json!(3)),
        (".a | sort", json!([1, 2, 3])),
        (".a[]", json!([3, 1, 2])),
        ("empty", Value::Null),
        (".missing.deeper", Value::Null),
        ("[.a[] | . * 2]", json!([6, 2, 4])),
        (".a[1:] + [$x]", json!([1, 2, 5])),
        ("$context.a + 1", json!(2)),
        ("\"<\\(.s | ascii_downcase)>\\n\\u00e9\"", json!("<Ä b>\né")),
        ("@base64 \"x\\(.s)\"", json!("xw4QgYg==")),
        (
            "{s, \"n\", (.s): 1, x: $x, $x, a: (.a | length)}",
            json!({"s": "Ä b", "n": 1.5, "Ä b": 1, "x": 5, "a": 3}),
        ),
        ("reduce .a[] as $v (0; . + $v)", json!(6)),
        ("[foreach .a[] as $v (0; . + $v; [., $v])]", json!([[3, 3], [4, 1], [6, 2]])),
        ("if .n > 1 then \"big\" elif .n == 1 then 1 else 0 end", json!("big")),
        ("try error(\"no\") catch .", json!("no")),
        (".a as [$f, $g] | {f: $f, g: $g}", json!({"f": 3, "g": 1})),
        (".o as {k: $v, \"l\": $w} | [$v, $w]", json!([1, null])),
        (".o |= with_entries(.value //= 7) | .o", json!({"k": 1, "l": 7})),
        (".a[1] += 10 | .a", json!([3, 11, 2])),
        (".a[] *= 2 | .a", json!([6, 2, 4])),
        ("del(.a[0]).a", json!([1, 2])),
        ("[.a[] | select(. > 1)] | map(-.)", json!([-3, -2])),
        ("label $out | .a[] | if . == 1 then ., break $out else . end", json!([3, 1])),
        ("[limit(3; repeat(1))]", json!([1, 1, 1])),
        ("[recurse(if . < 3 then . + 1 else empty end)]", json!("x")),
        ("[range(3)], [range(5; 0; -2)]", json!([[0, 1, 2], [5, 3, 1]])),
        ("6 / 2", json!(3)),
        (".big + 1", json!(12_345_678_901_235_u64)),
        ("\"2026-01-02T03:04:05Z\" | fromdate | todate", json!("2026-01-02T03:04:05Z")),
        (".a | join(\"-\")", json!("3-1-2")),
        ("\"a,b\" | split(\",\")", json!(["a", "b"])),
        ("\"{\\\"a\\\": [1]}\" | fromjson.a", json!([1])),
        (".s | test(\"^Ä\")", json!(true)),
        ("\"ab\" * 3", json!("ababab")),
        ("{a: {b: 1}} * {a: {c: 2}}", json!({"a": {"b": 1, "c": 2}})),
        (".a | index(1)", json!(1)),
        ("[..] | length", json!(11)),
        (".a.[0]", json!(3)),
        (".o[\"k\"]?", json!(1)),
        (".n.x?", Value::Null),
        ("[paths] | length", json!(10)),
        (".a | @sh", json!("3 1 2")),
        ("10 as $y | [$x, $y] | add", json!(15)),
        (".a | until(length == 1; .[1:])", json!([2])),
        ("not", json!(false)),
    ] {
        let expected = if expected == json!("x") { json!([0, 1, 2, 3]) } else { expected };
        let given = if text.starts_with("[recurse(if") { json!(0) } else { input.clone() };
        assert_eq!(evaluate(text, &given), Ok(expected), "{text}");
    }
}

#[test]
fn what_reads_the_outside_does_not_exist() {
    for text in [
        "env",
        "$ENV",
        "$ENV.PATH",
        "env.PATH",
        "input",
        "[inputs]",
        "input_filename",
        "debug",
        "debug(1)",
        "stderr",
        "halt",
        "halt(1)",
        "halt_error",
        "now",
        "localtime",
        "strflocaltime(\"%Y\")",
        "def f: 1; f",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "[1 | (2, env)]",
        "{a: now}",
        "\"\\(now)\"",
        "$__loc__",
        "$__prog_args",
        "combinations",
        ". as $__value | .",
        "__tick",
        "map(env)",
        ".[env]",
        "get_search_list",
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert!(!error.message.is_empty(), "{text}");
    }
    assert_eq!(
        Expression::parse(".a | now").unwrap_err(),
        InvalidExpression {
            message:
                "\"now\" is not available: a replay would see another time; use $task.startedAt or \
                      $workflow.startedAt"
                    .to_owned(),
            offset: 5
        }
    );
}

#[test]
fn mistakes_have_a_place() {
    for (text, offset, part) in [
        (".a | ", 5, "term expected at the end"),
        (".a b", 3, "the end expected before \"b\""),
        ("if . then 1", 11, "else or end expected"),
        ("[1, 2", 5, "bracket"),
        ("\"abc", 4, ""),
        ("lenght", 0, "did you mean \"length\""),
        ("map(1; 2)", 0, "does not take 2 arguments"),
        ("", 0, "empty"),
        ("&", 0, ""),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!((error.offset, error.message.contains(part)), (offset, true), "{text}: {error}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about how long it takes")]
fn nothing_runs_without_end_or_eats_the_memory() {
    let large: Val = (0..100_000).map(|number| value::from_json(&Value::from(number))).collect();
    for text in [
        "repeat(1)",
        "[range(0; 1; 0)]",
        "range(1e12)",
        "until(false; .)",
        "[while(true; .)]",
        "[recurse(.)]",
        "reduce range(1000000000) as $i (0; . + 1)",
        "\"x\" * 1000000000",
        "reduce range(60) as $i (\"ab\"; . + .)",
        "reduce range(60) as $i ([1]; . + .)",
        "[range(100) | \"x\" * 16000000]",
        "try repeat(1) catch 1",
        "reduce range(400000) as $i (null; [.])",
        "reduce range(100) as $i (\"ab\"; . |= . + .)",
        "reduce range(100) as $i (\"ab\"; . += .)",
        "[.[] as $a | .[] as $b | .[] as $c | 1]",
        "[.[] | [range(100000)]]",
        "reduce range(1e6) as $i (.; {a: .})",
        "\"[\" * 1000000 | fromjson",
        "all(repeat(1); . == 1)",
        "[foreach repeat(1) as $i (0; . + $i)]",
        "getpath([range(1e9)])",
        "[range(1e9)]",
        "[limit(1e9; repeat(\"x\"))]",
        // Values that share their parts: small in memory, endless to walk through.
        "reduce range(100) as $i (0; [., .])",
        "reduce range(100) as $i (0; [., .]) | tojson",
        "reduce range(100) as $i (0; {a: ., b: .}) | tostring",
        "reduce range(100) as $i (0; [., .]) | \"\\(.)\"",
        "reduce range(100) as $i (0; [., .]) | . == .",
        "reduce range(100) as $i (0; [., .]) as $d | $d < [$d]",
        "reduce range(100) as $i (0; [., .]) | flatten",
        "reduce range(100) as $i (0; [., .]) | [paths] | length",
        "reduce range(100) as $i (0; [., .]) | [..] | length",
        "reduce range(100) as $i (0; [., .]) | unique",
        "reduce range(100) as $i (0; [., .]) as $d | {($d): 1}",
        "reduce range(100) as $i (0; [., .]) as $d | [$d] | index($d)",
        "reduce range(100) as $i (0; [., .]) as $d | [$d] - [$d]",
        "reduce range(100) as $i (0; [., .]) | .a",
        "reduce range(100) as $i (0; [., .]) | try .a catch .",
        "try (reduce range(100) as $i (0; [., .]) | .a.b) catch length",
        "try (reduce range(100) as $i (0; [., .]) | keys) catch length",
        "reduce range(100) as $i (0; [., .]) | error",
        "0 as $a | [$a, $a] as $a | [$a, $a] as $a | reduce range(60) as $i ($a; [., .]) | @json",
        "reduce range(60) as $i ({a: {}}; {a: ., b: .}) | . * .",
        "reduce range(60) as $i ([1]; .[0:0] = .)",
        "reduce range(60) as $i ({a: [1]}; .a[0:0] = .a)",
        "reduce range(60) as $i ([1]; setpath([{start: 0, end: 0}]; .))",
        "reduce range(60) as $i (10; . * .)",
        "(\"x\" * 16000000) as $s | [range(100000) | $s] | add",
        "(\"x\" * 16000000) as $s | [range(100) | $s] | join(\"\")",
        "(\"x\" * 16000000) as $s | [range(20) | $s | explode]",
        "(\"x\" * 1000000) as $s | (\"a\" * 100000) | gsub(\"a\"; $s)",
        "(\"x\" * 16000000) | [match(\".\"; \"g\")]",
        "(\"a\" * 16000000) | test(\"(a*)*b\")",
        "\"a\" | test(\"((a{100}){100}){100}\")",
        "\"a\" | test(\"a{99999999999999999999999}\")",
        "\"a\" | test(\"a\" * 100000)",
        "[1] | .[1e9] = 1 | length | . + 1 | error",
    ] {
        let started = Instant::now();
        let expression = Expression::parse(text).unwrap();
        // A tenth of the fuel, so that the test is quick; what is bounded by size has its full bound.
        let outcome = expression.run_within(FUEL_OF_FOLDS / 10, large.clone(), &|_| None);
        let outcome = outcome
            .and_then(|output| value::to_json(&output).map_err(|error| expression.failed(error)));
        assert!(outcome.is_err(), "{text}");
        assert!(started.elapsed() < Duration::from_secs(20), "{text}: {:?}", started.elapsed());
    }
}

/// The deepest value that a loop can build with all its fuel is dropped without harm.
#[test]
fn the_deepest_value_is_dropped_safely() {
    for text in [
        "reduce range(400000) as $i (null; [.])",
        "until(false; [.])",
        "reduce range(400000) as $i (null; {a: .})",
    ] {
        assert!(evaluate(text, &Value::Null).is_err(), "{text}");
    }
}

#[test]
fn texts_that_would_exhaust_the_parser_are_refused() {
    for text in [
        "(".repeat(4000),
        "[".repeat(4000),
        "-".repeat(4000) + "1",
        "if ".repeat(2000),
        "try ".repeat(1900) + "1",
        "1 as $x | ".repeat(700) + "1",
        "{a:".repeat(2000),
        "1|".repeat(3000) + "1",
        "reduce ".repeat(1000),
        "\"\\(".repeat(2000),
        "label $a | ".repeat(600) + "1",
        "x".repeat(9000),
        ".a".repeat(3500) + "(",
        "1 // ".repeat(1500) + "1",
        ".[0]".repeat(2000) + "[",
    ] {
        assert!(
            Expression::parse(&text).is_err(),
            "{}",
            &text.chars().take(20).collect::<String>()
        );
    }
    let long = format!("{}1", "1 + ".repeat(300));
    assert_eq!(evaluate(&long, &Value::Null), Ok(json!(301)));
    let deep = format!("{}1{}", "[".repeat(48), "]".repeat(48));
    assert!(evaluate(&deep, &Value::Null).is_ok());
}

#[test]
fn an_unknown_variable_is_named() {
    assert_eq!(
        evaluate("$nope", &Value::Null),
        Err("\"$nope\" uses $nope, which does not exist here".to_owned())
    );
}

#[test]
fn a_whole_text_is_one_expression_or_none() {
    for (text, expected) in [
        ("${ .a }", Some((" .a ", 2))),
        ("  ${.a}  ", Some((".a", 4))),
        ("hello ${ .a }", None),
        (".a", None),
        ("${", None),
    ] {
        assert_eq!(embedded(text), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[ .a\\[\\](){}|,;:?$x\"\\\\/*+@0-9=<>!-]{0,40}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _outcome = expression.evaluate(&json!({"a": [1, "x", null]}), &Map::new());
        }
    }

    #[test]
    fn no_unicode_makes_the_parser_panic(text in "\\PC{0,30}") {
        let _outcome = Expression::parse(&text);
    }

    #[test]
    fn json_survives_a_round_trip(text in "\\PC*", number in proptest::num::i64::ANY, float in -1e15..1e15_f64) {
        let given = json!({"t": text, "n": [number, {"f": float}], "b": true, "z": null});
        let back = evaluate(".", &given).unwrap();
        proptest::prop_assert_eq!(&back["t"], &given["t"]);
        proptest::prop_assert_eq!(&back["n"][0], &given["n"][0]);
        proptest::prop_assert_eq!(back["n"][1]["f"].as_f64(), given["n"][1]["f"].as_f64());
    }
}
