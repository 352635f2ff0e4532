//! Questions to people: `call: callboard.approvals.ask:1@callboard`.
//!
//! A run asks, waits in its wake column, and goes on with the answer. What was asked and answered stands in the
//! journal; the store's table of approvals is drawn from it in the same transaction, so that people find what is open.
//! Nothing but [`Engine::answer_approval`](crate::Engine::answer_approval) answers: no link does.

mod announce;
mod answering;
mod asking;
mod function;
mod question;
mod state;

pub use answering::{ApprovalError, ApprovalReply};
pub use function::Callable;
pub use question::{Audience, OnDeadline, Question};
pub use state::{Approval, ApprovalState, Given, News};

pub(crate) use announce::announcement;
pub(crate) use asking::{Asking, prepare};
pub(crate) use function::ASK;
pub(crate) use question::{About, Ask};
pub(crate) use state::Outcome;
