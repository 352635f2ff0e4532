//! The conformance kit of the workflow language, and a kit of our own for what that one leaves out, both in its step
//! language and both run through `callboard workflows try`.
//!
//! Our features stand in `features/`. The specification's are read from a checkout of it: `CALLBOARD_CONFORMANCE_KIT`
//! names its `ctk` folder; beside a checkout of this project `../shared/openworkflow/ctk` is looked at too.

#![expect(clippy::unwrap_used, reason = "a kit that cannot be read fails")]

mod feature;
mod outside;
mod steps;

use std::path::{Path, PathBuf};

use outside::Outside;

/// Runs every scenario below a folder and gives what went wrong, by name.
async fn play(folder: &Path) -> (usize, Vec<String>) {
    let outside = Outside::open().await;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "feature"));
    files.sort();
    let (mut count, mut failures) = (0, Vec::new());
    for file in files {
        for scenario in feature::read(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            if let Err(why) = steps::play(&scenario, &outside).await {
                failures.push(format!(
                    "{}: {}: {why}",
                    file.file_name().unwrap().display(),
                    scenario.name
                ));
            }
        }
    }
    (count, failures)
}

#[tokio::test]
async fn our_own_kit_passes() {
    let (count, failures) =
        play(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kit/features")).await;
    assert!(count >= 8, "only {count} scenarios were found");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn the_conformance_kit_passes_where_it_is_at_hand() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/openworkflow/ctk");
    #[expect(clippy::disallowed_methods, reason = "a test finds its own fixtures")]
    let folder = std::env::var("CALLBOARD_CONFORMANCE_KIT").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!(
            "skipped: no conformance kit at {}; set CALLBOARD_CONFORMANCE_KIT",
            folder.display()
        );
        return;
    }
    let (count, failures) = play(&folder).await;
    assert_eq!(count, 21, "scenarios found in {}", folder.display());
    assert!(failures.is_empty(), "{failures:#?}");
}
