//! Passwords: which ones a connection accepts, and how they are kept.

mod hasher;
mod policy;

pub(crate) use hasher::{HashError, Hasher, MAX_BYTES};
pub(crate) use policy::{Policy, Weakness};
