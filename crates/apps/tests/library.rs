//! The workflows that come with Callboard call actions that exist, with arguments that fit.
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::fs;
use std::path::Path;

use callboard_apps::Catalogue;

#[test]
fn every_workflow_of_the_library_fits_the_catalogue() {
    let catalogue = Catalogue::embedded();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library/workflows");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let definition =
            callboard_flow::parse(name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        let problems = callboard_flow::check(&definition, &catalogue);
        assert!(problems.is_empty(), "{}", callboard_flow::Problems(problems));
    }
}
