use callboard::stage::created;
use http::Method;

use crate::theatre::{Theatre, Traces, engineer, now};

/// `kill -9` before and after every journal entry of the story. "Before" is where an effect has happened and its
/// outcome is not yet recorded.
#[tokio::test]
async fn killed_at_any_journal_entry_the_story_ends_the_same() {
    let mut theatre = Theatre::open().await;
    let calm = theatre.announce(&engineer("calm", "Calm")).await;
    theatre.stage.settled(&calm).await.unwrap();
    let journal =
        theatre.stage.expect(Method::GET, &format!("/v1/runs/{calm}/journal"), None).await.unwrap();
    let entries = journal["entries"].as_array().unwrap().len();
    assert!(entries > 10, "the story has only {entries} entries");
    for ordinal in 1..=entries {
        for when in ["before", "after"] {
            theatre = killed(theatre, when, ordinal).await;
        }
    }
}

async fn killed(mut theatre: Theatre, when: &str, ordinal: usize) -> Theatre {
    let hire = engineer(&format!("{ordinal}{when}"), &format!("Killed{when}{ordinal}x"));
    let case = format!("killed {when} entry {ordinal}");
    theatre.stage.employ(&[&hire]).await.unwrap();
    let delivery = created(&[&hire], now(), &theatre.stage.webhook_secret);
    theatre.stage =
        theatre.stage.restart_autopilot(&["--hold", &format!("{when}:{ordinal}")]).await.unwrap();
    theatre.stage.deliver_until_held(&delivery).await.unwrap();
    theatre.stage = theatre.stage.restart_autopilot(&[]).await.unwrap();
    // An HRIS that got no answer delivers again; one that did may, too.
    let (_, report) = theatre.stage.deliver(&delivery).await.unwrap();
    let id = report["events"][0]["runs"][0].as_str().unwrap_or_else(|| panic!("{case}: {report}"));
    let run = theatre.stage.settled(id).await.unwrap();
    assert_eq!(run["status"], "completed", "{case}: {run}");
    assert_eq!(theatre.traces(&hire).await, Traces::of_an_engineer(), "{case}");
    assert_eq!(
        run["output"]["identity"], "created",
        "{case}: our own account was taken for somebody else's"
    );
    theatre
}
