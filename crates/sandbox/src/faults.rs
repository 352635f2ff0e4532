//! Trouble on order: the next answers of an app fail as told.

use serde::{Deserialize, Serialize};

/// What goes wrong, where, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub app: String,
    /// `messages.post` or `slack.messages.post`; any request of the app unless given.
    #[serde(default)]
    pub action: Option<String>,
    /// Answered instead, in the app's own shape.
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default = "once")]
    pub times: u32,
    /// Seconds.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// The connection ends without an answer.
    #[serde(default)]
    pub cut: Option<Cut>,
}

/// When the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Before the request has any effect.
    Before,
    /// After its effect: the answer is lost.
    After,
}

fn once() -> u32 {
    1
}

impl Fault {
    fn is_for(&self, app: &str, action: &str) -> bool {
        let wanted = self
            .action
            .as_deref()
            .map(|wanted| wanted.strip_prefix(&format!("{app}.")).unwrap_or(wanted));
        self.app == app && wanted.is_none_or(|wanted| wanted == action)
    }
}

/// The fault for this request, if one is ordered; it is used up.
pub(crate) fn take(faults: &mut Vec<Fault>, app: &str, action: &str) -> Option<Fault> {
    let index = faults.iter().position(|fault| fault.times > 0 && fault.is_for(app, action))?;
    faults[index].times -= 1;
    let fault = faults[index].clone();
    faults.retain(|fault| fault.times > 0);
    Some(fault)
}
