//! What happens to approvals, as events: a workflow can send them to a chat or by mail.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Approval, News};
use crate::engine::Shared;
use crate::ids::RunId;

const TYPES: &str = "callboard.approval";

/// The announcement of an entry. `number` is that of the entry, so that it is announced once.
pub(crate) fn announcement(
    shared: &Shared,
    run: &RunId,
    number: i64,
    approval: &Approval,
    news: &News,
    at: Timestamp,
) -> Value {
    let Approval { workflow, step, task, asked, .. } = approval;
    let mut data = json!({
        "approval": asked.id,
        "run": run.as_str(),
        "workflow": workflow,
        "step": step.as_str(),
        "task": task,
        "question": asked.question,
        "evidence": asked.evidence,
        "from": asked.from,
        "deadline": asked.deadline.map(|deadline| deadline.to_string()),
        "round": asked.round,
        "state": approval.state.name(),
        "url": shared.approval_url(&asked.id),
    });
    match news {
        News::Answered { by, approve, reason } => {
            data["by"] = by.as_str().into();
            data["approve"] = (*approve).into();
            data["reason"] = reason.clone().map_or(Value::Null, Value::String);
        }
        News::Stale { by } => data["by"] = by.as_str().into(),
        News::Asked(_) | News::Reminded | News::Expired => {}
    }
    json!({
        "specversion": "1.0",
        "id": format!("{run}:{number}"),
        "source": format!("/runs/{run}"),
        "type": format!("{TYPES}.{}.v1", news.name()),
        "subject": asked.id,
        "time": at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    })
}

impl Shared {
    /// Where a person reads and answers it.
    pub(crate) fn approval_url(&self, id: &str) -> String {
        format!("{}/approvals/{id}", self.public_url.trim_end_matches('/'))
    }
}
