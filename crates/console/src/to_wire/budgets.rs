//! Rate budgets.

use callboard_engine::{BudgetGauge, Waiting};

use crate::wire;

pub(crate) fn budget(gauge: BudgetGauge) -> wire::Budget {
    let Waiting { urgent, normal, bulk } = gauge.waiting;
    wire::Budget {
        tenant: gauge.tenant,
        calls: gauge.calls,
        limit: gauge.limit,
        remaining: gauge.remaining,
        reserve: gauge.reserve,
        per_second: gauge.per_second,
        under_way: gauge.under_way,
        reset_at: gauge.reset_at,
        blocked_until: gauge.blocked_until,
        waiting: wire::BudgetWaiting { urgent, normal, bulk },
    }
}
