//! What a request got wrong, in the words of the API.

use std::fmt;

use crate::{Place, validation::Fault};

/// The first thing that is wrong with a request.
///
/// Displays as Auth0's message, without the description of the property that Auth0 adds in brackets:
/// `Payload validation error: 'Missing required property: email'.`
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violation {
    /// The part of the request that is wrong.
    pub place: Place,
    /// The validator's sentence, without quotes and full stop.
    pub sentence: String,
    /// The path of the property, as in `groups[0].email`; `None` for the part as a whole.
    pub property: Option<String>,
    error_code: &'static str,
}

impl Violation {
    pub(crate) fn new(place: Place, fault: Fault) -> Self {
        let property = (!fault.path.is_empty()).then_some(fault.path);
        let mut violation =
            Self { place, sentence: fault.sentence, property, error_code: place.error_code() };
        if place == Place::Path
            && let Some(value) = violation.sentence.strip_prefix("No enum match for: ")
        {
            // A name that is not in the list of a path has its own sentence and code.
            violation.sentence = format!("Invalid value \"{value}\"");
            violation.error_code = "bad_request";
        }
        violation
    }

    /// The `errorCode` that goes with the message: `invalid_body`, `invalid_query_string`, `invalid_uri` or `bad_request`.
    pub fn error_code(&self) -> &'static str {
        self.error_code
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.place {
            Place::Body => "Payload",
            Place::Query => "Query",
            Place::Path => "Path",
            Place::Header => "Header",
        };
        write!(formatter, "{what} validation error: '{}'", self.sentence)?;
        match &self.property {
            Some(property) => write!(formatter, " on property {property}."),
            None => formatter.write_str("."),
        }
    }
}
