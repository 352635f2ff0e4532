//! Which behaviour answers which operation.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use axum::response::{IntoResponse as _, Response};

use super::{Answer, ApiError, Context, Request};

type Outcome = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// What an operation does.
pub(super) struct Behaviour {
    pub(super) run: Box<dyn Fn(Context, Request) -> Outcome + Send + Sync>,
    /// The operation's name in the log; none where nothing is logged.
    pub(super) title: Option<&'static str>,
}

/// Behaviours by operation id. Each family adds its own.
#[derive(Default)]
pub(crate) struct Table {
    behaviours: HashMap<&'static str, Behaviour>,
}

impl Table {
    /// An operation that changes nothing.
    pub(crate) fn read<F, R>(&mut self, operation: &'static str, behaviour: F)
    where
        F: Fn(Context, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.add(operation, None, answering(behaviour));
    }

    /// An operation whose answer does not end by itself.
    pub(crate) fn stream<F, R>(&mut self, operation: &'static str, behaviour: F)
    where
        F: Fn(Context, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        self.add(operation, None, behaviour);
    }

    /// An operation that writes; `title` is the description of its `sapi` log entry.
    pub(crate) fn write<F, R>(&mut self, operation: &'static str, title: &'static str, behaviour: F)
    where
        F: Fn(Context, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.add(operation, Some(title), answering(behaviour));
    }

    fn add<F, R>(&mut self, operation: &'static str, title: Option<&'static str>, behaviour: F)
    where
        F: Fn(Context, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        let run =
            Box::new(move |context, request| Box::pin(behaviour(context, request)) as Outcome);
        self.behaviours.insert(operation, Behaviour { run, title });
    }

    pub(super) fn take(&mut self, operation: &str) -> Option<Behaviour> {
        self.behaviours.remove(operation)
    }

    #[cfg(test)]
    pub(crate) fn knows(&self, operation: &str) -> bool {
        self.behaviours.contains_key(operation)
    }

    /// What no route has taken: misspelt operation ids.
    pub(super) fn left_over(&self) -> Vec<&'static str> {
        self.behaviours.keys().copied().collect()
    }
}

fn answering<F, R>(
    behaviour: F,
) -> impl Fn(Context, Request) -> Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>
+ Send
+ Sync
+ 'static
where
    F: Fn(Context, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    move |context, request| {
        let outcome = behaviour(context, request);
        Box::pin(async move { Ok(outcome.await?.into_response()) })
    }
}
