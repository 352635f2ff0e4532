//! Flexible identifiers of a database connection: what must hold between its `attributes` and other options.

use serde_json::Value;

use crate::pipeline::ApiError;

/// In the order in which faults are looked for.
const NAMES: [&str; 3] = ["email", "username", "phone_number"];

/// Checks options as they were sent.
pub(super) fn check(options: &Value) -> Result<(), ApiError> {
    let attributes = &options["attributes"];
    if !attributes.is_object() {
        return Ok(());
    }
    for other in ["requires_username", "validation"] {
        if !options[other].is_null() {
            let message = format!("Cannot set both options.attributes and options.{other}");
            return Err(ApiError::invalid_body(message));
        }
    }
    if !NAMES.iter().any(|name| attributes[name]["identifier"]["active"] == true) {
        return Err(ApiError::invalid_body("attributes must contain one active identifier"));
    }
    for name in NAMES {
        let attribute = &attributes[name];
        if attribute["profile_required"] == true && attribute["signup"]["status"] != "required" {
            let message = format!("attribute {name} must also be required on signup");
            return Err(ApiError::invalid_body(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn identifiers_that_cannot_work_are_refused_with_the_reason() {
        let active = json!({"identifier": {"active": true}, "profile_required": true, "signup": {"status": "required"}});
        let late = json!({"identifier": {"active": true}, "profile_required": true, "signup": {"status": "inactive"}});
        for (options, expected) in [
            (json!({"requires_username": true}), None),
            (json!({"attributes": {"email": active}}), None),
            (
                json!({"attributes": {"email": active}, "requires_username": true}),
                Some("Cannot set both options.attributes and options.requires_username"),
            ),
            (
                json!({"attributes": {"email": active}, "validation": {}}),
                Some("Cannot set both options.attributes and options.validation"),
            ),
            (
                json!({"attributes": {"email": {"identifier": {"active": false}}}}),
                Some("attributes must contain one active identifier"),
            ),
            (
                json!({"attributes": {"phone_number": late}}),
                Some("attribute phone_number must also be required on signup"),
            ),
        ] {
            let message = check(&options).err().map(|error| error.to_string());
            let tells =
                |message: &String| expected.is_some_and(|expected| message.ends_with(expected));
            assert_eq!(
                message.as_ref().is_some_and(tells),
                expected.is_some(),
                "{options}: {message:?}"
            );
        }
    }
}
