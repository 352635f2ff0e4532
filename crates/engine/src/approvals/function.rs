//! The catalogued function by which a workflow asks, beside the actions of apps.

use callboard_apps::Catalogue;
use callboard_flow::{FunctionSignature, Functions};
use serde_json::{Value, json};

/// As a workflow calls it.
pub(crate) const ASK: &str = "callboard.approvals.ask:1@callboard";

/// All that a workflow can call by name: the actions of the catalogue, and asking people.
pub struct Callable<'c>(pub &'c Catalogue);

impl Functions for Callable<'_> {
    fn find(&self, name: &str) -> Option<FunctionSignature> {
        if name == ASK { Some(signature()) } else { self.0.find(name) }
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.0.names();
        names.push(ASK.to_owned());
        names
    }

    fn app_title(&self, name: &str) -> Option<String> {
        self.0.app_title(name)
    }

    fn event_title(&self, event_type: &str) -> Option<String> {
        self.0.event_title(event_type)
    }
}

fn signature() -> FunctionSignature {
    FunctionSignature { title: "Ask for Approval".into(), input: input(), output: output() }
}

fn input() -> Value {
    let names =
        json!({"type": "array", "uniqueItems": true, "items": {"type": "string", "minLength": 1}});
    let duration = json!({"type": ["string", "object"]});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["question"],
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 1000},
            "evidence": {},
            "from": {
                "type": "object",
                "additionalProperties": false,
                "properties": {"people": names, "groups": names},
            },
            "fourEyes": {"type": "boolean", "default": false},
            "count": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
            "deadline": duration,
            "onDeadline": {"enum": ["reject", "approve", "fail"], "default": "reject"},
            "remind": duration,
            "about": {},
        },
    })
}

fn output() -> Value {
    json!({
        "type": "object",
        "properties": {
            "approval": {"type": "string"},
            "approved": {"type": "boolean"},
            "by": {"type": ["string", "null"]},
            "reason": {"type": ["string", "null"]},
            "at": {"type": "string"},
            "expired": {"type": "boolean"},
            "answers": {"type": "array"},
        },
    })
}
