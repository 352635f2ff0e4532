//! How urgent the calls of a run are.

use callboard_flow::{Definition, Profile};

pub use callboard_flow::profile::{InvalidPriority, Priority};

/// The priority of a run, given what began it: a workflow that says nothing goes on as urgently as that, and none goes on
/// less urgently.
pub(crate) fn of_run(definition: &Definition, handed_down: Option<Priority>) -> Priority {
    match (Profile::of(definition).priority, handed_down) {
        (Some(own), Some(handed)) => own.min(handed),
        (own, handed) => own.or(handed).unwrap_or_default(),
    }
}
