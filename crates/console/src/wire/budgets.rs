//! Rate budgets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budgets {
    pub budgets: Vec<Budget>,
}

/// A rate bucket of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The tenant's address, or the link's name where the app is no tenant.
    pub tenant: String,
    /// Kinds of calls that draw from it.
    pub calls: Vec<String>,
    pub limit: u32,
    /// At least so many are left.
    pub remaining: u32,
    /// So many are left to logins and other tools.
    pub reserve: u32,
    /// So many a second come in, as far as is known.
    pub per_second: f64,
    pub under_way: u64,
    pub reset_at: Option<Timestamp>,
    pub blocked_until: Option<Timestamp>,
    pub waiting: BudgetWaiting,
}

/// How many calls wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetWaiting {
    pub urgent: u64,
    pub normal: u64,
    pub bulk: u64,
}
