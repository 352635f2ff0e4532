//! What a tenant answered to one call.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, RateState};

/// A successful answer (2xx).
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status, 200–299.
    pub status: u16,
    /// The JSON body; `null` when there was none, a string when it was not JSON.
    pub body: Value,
    /// The state of the rate bucket, where the tenant told it.
    pub rate: Option<RateState>,
    /// Auth0's id of this exchange (`x-auth0-requestid`), for support cases.
    pub request_id: Option<String>,
    /// How often the call was sent until this answer came, from 1.
    pub attempts: u32,
}

impl Answer {
    /// The body as a typed value.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when the body has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.body)
            .map_err(|error| Error::Unexpected { status: self.status, why: error.to_string() })
    }
}

/// Prints no body: answers hold secrets and personal data.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("rate", &self.rate)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
