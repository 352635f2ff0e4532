//! One named action of an app: everything that planning, undo, approvals, register and executor need to know about it.

use std::sync::Arc;

use callboard_contract::Operation;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::Service;
use crate::executor::request::{Request, Target};
use crate::schema::Schema;
use crate::template::{Template, TemplateError, escape};

/// An action as its manifest declares it.
#[derive(Debug, Clone)]
pub struct Action {
    /// `<app>.<noun>.<verb>`, for example `auth0.users.create`.
    pub id: String,
    /// Grows with every change that existing workflows would notice. Workflows call `id:version@callboard`.
    pub version: String,
    pub title: String,
    pub summary: String,
    /// Where the arguments are declared; JSON Schema 2020-12.
    pub input: Schema,
    pub output: Schema,
    /// The worst this action can do; [`Action::risk_of`] knows more once the arguments are known.
    pub risk: Risk,
    pub inverse: Inverse,
    pub recovery: Recovery,
    /// Which of the service's rate limits its calls draw on.
    pub bucket: String,
    pub personal_data: PersonalData,
    /// Manual work that one successful run replaces.
    pub minutes_saved: f64,
    /// JSON pointers into the output at which secrets stand.
    pub secret_outputs: Vec<String>,
    pub(crate) service: Arc<Service>,
    pub(crate) risk_by: Option<Template>,
    pub(crate) before: Option<PreImage>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) requests: Vec<Request>,
    pub(crate) returns: Option<Template>,
    /// Names of values that the executor makes up for each attempt: passwords.
    pub(crate) generated: Vec<String>,
    /// Fields that are personal elsewhere in the app and not here: the names of roles.
    pub(crate) show: Vec<String>,
}

/// How bad it is if an action was a mistake. Ordered: `Destructive` is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    Read,
    Additive,
    Change,
    Destructive,
}

/// What undoes an action.
#[derive(Debug, Clone)]
pub enum Inverse {
    /// A read: there is nothing to undo.
    Nothing,
    /// Another action; its arguments are made of `.input`, `.output` and `.before`. `null`: nothing was changed; a
    /// text: why this particular run cannot be undone.
    Action {
        action: String,
        arguments: Template,
    },
    Irreversible {
        why: String,
    },
}

/// What undoes one particular run of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Reversal {
    Nothing,
    Call { action: String, arguments: Value },
    Impossible { why: String },
}

/// How an attempt whose outcome is unknown is recovered.
#[derive(Debug, Clone)]
pub enum Recovery {
    /// Sending it again does no harm.
    Repeat,
    /// The service recognises the key it is sent; sending the same key again within this time does no harm.
    ProviderKey { header: String, valid_hours: u32 },
    /// The id of what is created is derived from the attempt's key, so finding it proves that it was this attempt.
    /// `conflicts`: statuses that a second create answers, which then may mean "already done, by us".
    ChosenId { probe: Probe, conflicts: Vec<u16> },
    /// Reading tells whether the effect is there.
    Probe(Probe),
    /// Only a person can tell.
    Ask { why: String },
}

/// Reads that tell whether an attempt had its effect.
#[derive(Debug, Clone)]
pub struct Probe {
    pub(crate) requests: Vec<Request>,
    /// The action's output if the effect is there, else no value or `null`.
    pub(crate) found: Template,
    /// Holds when "not found" proves nothing.
    pub(crate) inconclusive: Option<Template>,
}

/// What is read before the write, so that the inverse can restore it.
#[derive(Debug, Clone)]
pub(crate) struct PreImage {
    pub(crate) requests: Vec<Request>,
    pub(crate) value: Template,
}

/// What the action will not do although the service would: sees `.input` and `.before`.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) when: Template,
    pub(crate) why: String,
}

/// Personal data an action touches, in the register's words: `email`, `name`, `login history`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PersonalData {
    pub reads: Vec<String>,
    pub writes: Vec<String>,
}

impl Action {
    /// The app this action belongs to.
    pub fn app(&self) -> &str {
        &self.service.app
    }

    /// The name workflows call it by: `auth0.users.create:1@callboard`.
    pub fn function_name(&self) -> String {
        format!("{}:{}@callboard", self.id, self.version)
    }

    /// Whether what undoes it depends on what stood there before, so that this is read first.
    pub fn reads_before(&self) -> bool {
        self.before.is_some()
    }

    /// JSON pointers to the arguments that are secret.
    pub fn secret_inputs(&self) -> Vec<String> {
        self.input.secret_properties().map(|name| format!("/{}", escape(name))).collect()
    }

    /// The risk of these arguments: a raw `GET` is a read although a raw call can be anything.
    pub fn risk_of(&self, arguments: &Value) -> Risk {
        let Some(by) = &self.risk_by else { return self.risk };
        let named = by.evaluate(&json!({ "input": self.input.with_defaults(arguments) }));
        named.ok().and_then(|name| Risk::from_name(name.as_str()?)).unwrap_or(self.risk)
    }

    /// Operations of the Management API that a run may call, optional ones too; scopes follow from them.
    pub fn operations(&self) -> Vec<&'static Operation> {
        let before = self.before.iter().flat_map(|before| &before.requests);
        let probes = match &self.recovery {
            Recovery::ChosenId { probe, .. } | Recovery::Probe(probe) => probe.requests.as_slice(),
            _ => &[],
        };
        let all = before.chain(&self.requests).chain(probes);
        let mut operations: Vec<&'static Operation> = Vec::new();
        for request in all {
            if let Target::Operation(operation) = &request.target
                && !operations.iter().any(|known| known.id == operation.id)
            {
                operations.push(operation);
            }
        }
        operations
    }

    /// What undoes a run with this input, output and (if the action takes one) pre-image.
    pub fn reversal(
        &self,
        input: &Value,
        output: &Value,
        before: Option<&Value>,
    ) -> Result<Reversal, TemplateError> {
        match &self.inverse {
            Inverse::Nothing => Ok(Reversal::Nothing),
            Inverse::Irreversible { why } => Ok(Reversal::Impossible { why: why.clone() }),
            Inverse::Action { action, arguments } => {
                let input = self.input.with_defaults(input);
                let context = json!({ "input": input, "output": output, "before": before });
                Ok(match arguments.evaluate(&context)? {
                    Value::Null => Reversal::Nothing,
                    Value::String(why) => Reversal::Impossible { why },
                    arguments => Reversal::Call { action: action.clone(), arguments },
                })
            }
        }
    }

    /// Whether sending it twice does no harm whatever the method of its requests.
    pub(crate) fn is_repeatable(&self, arguments: &Value) -> bool {
        matches!(self.recovery, Recovery::Repeat) || self.risk_of(arguments) == Risk::Read
    }
}

impl Risk {
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("read", Self::Read),
        ("additive", Self::Additive),
        ("change", Self::Change),
        ("destructive", Self::Destructive),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, risk)| *risk)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Additive => "additive",
            Self::Change => "change",
            Self::Destructive => "destructive",
        }
    }
}
