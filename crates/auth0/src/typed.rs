//! Calls whose answers have a type.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::Call;

/// A call together with the type of its answer.
pub struct Typed<T> {
    /// The call; adjust it (correlation id, query) before it is performed.
    pub call: Call,
    answer: PhantomData<fn() -> T>,
}

/// The answer of a call that only says that it was done, whatever its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done;

impl<T> Typed<T> {
    /// Says that this call is answered by a `T`.
    pub fn new(call: Call) -> Self {
        Self { call, answer: PhantomData }
    }

    /// See [`Call::correlated`].
    #[must_use]
    pub fn correlated(self, id: &str) -> Self {
        Self::new(self.call.correlated(id))
    }
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Self::new(self.call.clone())
    }
}

impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
