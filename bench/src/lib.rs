//! Measures, side by side in one run, so that only the ratio counts: this needs no quiet machine.
//!
//! Knows HTTP/1.1 as bytes and nothing of Callboard: the load must cost less than what it measures.

mod load;

pub use load::{Load, Report, Request, answer_of, median};
