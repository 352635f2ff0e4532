use super::*;
use crate::{Functions, parse, warnings};

struct Nothing;

impl Functions for Nothing {
    fn find(&self, _: &str) -> Option<crate::FunctionSignature> {
        None
    }

    fn names(&self) -> Vec<String> {
        vec!["auth0.users.create:1@callboard".to_owned()]
    }
}

fn definition(metadata: &str) -> Definition {
    let text = format!(
        "document:\n  dsl: 1.0.3\n  namespace: n\n  name: a\n  version: 1.0.0\n  metadata:\n    {metadata}\ndo: [{{a: {{set: {{x: 1}}}}}}]"
    );
    parse("a.yaml", &text).unwrap()
}

#[test]
fn a_profile_is_read_whole() {
    let profile = Profile::of(&definition(
        "{timezone: Europe/Berlin, missed: all, missedLimit: 7, overlap: queue, jitter: PT5M, deadline: {hours: 1}, \
         concurrency: {limit: 2, key: .data.who}, owner: it-ops, links: {auth0: production}, priority: urgent, minutesSaved: 25, mine: 1}",
    ));
    assert_eq!(profile.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(profile.missed, Missed::All { limit: 7 });
    assert_eq!(profile.overlap, Some(Overlap::Queue));
    let concurrency = profile.concurrency.unwrap();
    assert_eq!((concurrency.limit, concurrency.key.unwrap().text()), (2, ".data.who"));
    assert_eq!(profile.jitter, Some(SignedDuration::from_mins(5)));
    assert_eq!(profile.deadline, Some(SignedDuration::from_hours(1)));
    assert_eq!(profile.owner.as_deref(), Some("it-ops"));
    assert_eq!(profile.links["auth0"], "production");
    assert_eq!(profile.priority, Some(Priority::Urgent));
    assert_eq!(profile.minutes_saved, Some(25.0));
    let usual = Profile::of(&definition("{}"));
    assert_eq!((usual.missed, usual.priority), (Missed::Once, None));
}

#[test]
fn every_mistake_has_its_place_and_what_would_be_right() {
    for (metadata, message, suggestion) in [
        ("timezone: Europe/Berln", "not a time zone", "Europe/Berlin"),
        ("timezone: 5", "5 is not a time zone", "IANA"),
        ("missed: onse", "is one of \"skip\", \"once\", \"all\"", "did you mean \"once\"?"),
        ("missedLimit: 0", "from 1 to 1000, not 0", "whole number"),
        ("overlap: cancel", "is one of", "cancel-running"),
        ("jitter: 5 minutes", "is not a duration", "PT5M"),
        ("deadline: {minuets: 5}", "is not a unit", "PT5M"),
        ("concurrency: 2", "is a mapping", "{limit: 2}"),
        ("concurrency: {}", "neither \"key\" nor \"limit\"", "{limit: 1}"),
        ("concurrency: {key: 7}", "a jq expression on the input", ".employee"),
        ("concurrency: {key: '.a |'}", "\"concurrency.key\"", ".employee"),
        ("concurrency: {key: $context.a}", "only the input, not $context", ".employee"),
        ("concurrency: {limits: 2}", "has no \"limits\"", "did you mean \"limit\"?"),
        ("concurrency: {limit: many}", "\"concurrency.limit\" is a number", "whole number"),
        ("owner: [it-ops]", "\"owner\" is a text", "owner: it-ops"),
        ("links: production", "for each app", "{auth0: production}"),
        ("links: {auth0: 7}", "is a name, not 7", "callboard link list"),
        ("priority: urgnt", "is one of", "did you mean \"urgent\"?"),
        ("minutesSaved: a lot", "a number of minutes", "25"),
    ] {
        let problems = problems(&definition(metadata));
        let [problem] = problems.as_slice() else { panic!("{metadata}: {problems:?}") };
        assert!(problem.message.contains(message), "{metadata}: {problem}");
        assert!(problem.suggestion.as_ref().unwrap().contains(suggestion), "{metadata}: {problem}");
        assert_eq!((problem.line, problem.file.as_str()), (7, "a.yaml"), "{metadata}");
        assert!(problem.column > 5, "{metadata}: {problem}");
    }
}

#[test]
fn a_key_of_others_may_stand_there_and_a_slip_is_pointed_out() {
    for (metadata, meant) in [
        ("time_zone: UTC", Some("timezone")),
        ("tz: UTC", Some("timezone")),
        ("missed-limit: 4", Some("missedLimit")),
        ("overlapp: skip", Some("overlap")),
        ("Owner: x", Some("owner")),
        ("pagerduty: x", None),
        ("team: x", None),
        ("window: x", None),
        ("costCenter: 4711", None),
    ] {
        let found = warnings(&definition(metadata), &Nothing);
        let suggestion = found.first().and_then(|problem| problem.suggestion.clone());
        assert_eq!(
            suggestion,
            meant.map(|meant| format!("did you mean \"{meant}\"?")),
            "{metadata}"
        );
        assert!(problems(&definition(metadata)).is_empty(), "{metadata}");
    }
}

#[test]
fn a_link_for_an_app_that_nobody_knows_is_pointed_out() {
    let found = warnings(&definition("links: {auht0: production, auth0: x}"), &Nothing);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].suggestion.as_deref(), Some("did you mean \"auth0\"?"));
}

#[test]
fn what_counts_only_for_plans_is_doubted_where_there_is_none() {
    let doubts = |schedule: &str| {
        let text = format!(
            "document:\n  dsl: 1.0.3\n  namespace: n\n  name: a\n  version: 1.0.0\n  metadata:\n    missed: once\n    \
             overlap: queue\n    owner: me\n{schedule}do: [{{a: {{set: {{x: 1}}}}}}]"
        );
        let doubts = warnings(&parse("a.yaml", &text).unwrap(), &Nothing);
        let told = |doubt: crate::Problem| (doubt.line, doubt.message, doubt.suggestion.unwrap());
        doubts.into_iter().map(told).collect::<Vec<_>>()
    };
    for none in ["", "schedule: {on: {one: {with: {type: a}}}}\n"] {
        let [(7, missed, remove), (8, overlap, instead)] = &doubts(none)[..] else {
            panic!("{:?}", doubts(none))
        };
        let only = "counts only with schedule.cron, schedule.every or schedule.after";
        assert_eq!(*missed, format!("\"missed\" {only}"));
        assert_eq!(*overlap, format!("\"overlap\" {only}"));
        assert_eq!(remove, "remove \"missed\"");
        assert!(instead.contains("concurrency: {limit: 1}"), "{instead}");
    }
    assert_eq!(doubts("schedule: {cron: '0 6 * * *'}\n"), []);
}
