//! What people see of the budgets.

use jiff::Timestamp;
use serde::Serialize;

/// One bucket of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetGauge {
    /// The tenant's address, or the link's name where the app is no tenant.
    pub tenant: String,
    /// Kinds of calls that draw from it.
    pub calls: Vec<String>,
    pub limit: u32,
    /// At least so many are left.
    pub remaining: u32,
    /// So many are left to logins and other tools.
    pub reserve: u32,
    /// So many a second come in, as far as answers have proven it.
    pub per_second: f64,
    pub under_way: u64,
    pub reset_at: Option<Timestamp>,
    /// Nothing goes before, because the tenant refused a call.
    pub blocked_until: Option<Timestamp>,
    pub waiting: Waiting,
}

/// How many calls wait, by priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    pub urgent: u64,
    pub normal: u64,
    pub bulk: u64,
}

/// As the tenant's state tells it.
pub(super) struct Bucket {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) reserve: u32,
    pub(super) per_second: f64,
    pub(super) under_way: u64,
    pub(super) reset_at: Option<Timestamp>,
    pub(super) blocked_until: Option<Timestamp>,
    pub(super) waiting: [u64; 3],
    pub(super) calls: Vec<String>,
}

impl Bucket {
    pub(super) fn of(self, tenant: &str) -> BudgetGauge {
        let [urgent, normal, bulk] = self.waiting;
        BudgetGauge {
            tenant: tenant.to_owned(),
            calls: self.calls,
            limit: self.limit,
            remaining: self.remaining,
            reserve: self.reserve,
            per_second: self.per_second,
            under_way: self.under_way,
            reset_at: self.reset_at,
            blocked_until: self.blocked_until,
            waiting: Waiting { urgent, normal, bulk },
        }
    }
}
