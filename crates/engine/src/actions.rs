//! One action as a run of one step: journalled, recovered and shown like any other.

use std::sync::Arc;

use callboard_apps::Action;
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::journal::{Fact, Trigger};
use crate::library::Source;
use crate::nearest::nearest;
use crate::sealing;
use crate::start::{StartError, Started, fingerprint};

/// A wish for one action.
#[derive(Debug, Clone)]
pub struct ActionRequest {
    /// Id of the action: `auth0.users.get`.
    pub action: String,
    pub arguments: Map<String, Value>,
    /// Where the app has more than one link.
    pub link: Option<String>,
    pub idempotency_key: Option<String>,
    /// Who asks.
    pub by: String,
}

impl Engine {
    /// Starts a run whose only step is this action; its output is the run's output.
    pub async fn start_action(&self, request: ActionRequest) -> Result<Started, StartError> {
        let ActionRequest { action: id, arguments, link, idempotency_key, by } = request;
        let action = self.action(&id)?;
        let input = Value::Object(arguments.clone());
        let given = action.input.with_defaults(&input);
        action.input.check(&given).map_err(|mismatches| StartError::InvalidArguments {
            action: action.id.clone(),
            why: mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        let (vault, secrets) = (&self.shared.vault, action.secret_inputs());
        let key = idempotency_key.map(|key| {
            let mut alike = input.clone();
            sealing::fingerprint(vault, &secrets, &mut alike);
            let what = ["action", &action.id, link.as_deref().unwrap_or_default()];
            (key, fingerprint(&what, &alike))
        });
        let source = definition(action, arguments.keys(), link.as_deref());
        let definition = callboard_flow::parse(&source.file, &source.text)?;
        let definition = Arc::new(definition);
        let keep = self.keep(&definition, source);
        let mut new = self.new_run(&definition, input, Trigger::Request { by });
        if let Fact::Started { input, .. } = &mut new.first.fact {
            sealing::seal(vault, &new.id, &secrets, input);
        }
        self.begin(new, vec![keep], key).await
    }

    /// An action of the catalogue.
    pub fn action(&self, id: &str) -> Result<&Arc<Action>, StartError> {
        self.catalogue().action(id).ok_or_else(|| self.unknown_action(id))
    }

    fn unknown_action(&self, name: &str) -> StartError {
        let names = self.catalogue().actions().map(|action| action.id.as_str());
        let nearest = nearest(name, names);
        StartError::UnknownAction { name: name.into(), nearest }
    }
}

/// The arguments come from the input one by one, so that no text of theirs is ever read as an expression.
fn definition<'a>(
    action: &Action,
    arguments: impl Iterator<Item = &'a String>,
    link: Option<&str>,
) -> Source {
    let with: Map<String, Value> = arguments
        .map(|name| {
            (name.clone(), Value::from(format!("${{ .[{}] }}", Value::from(name.as_str()))))
        })
        .collect();
    let name = action.id.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let mut document = json!({
        "dsl": "1.0.3", "namespace": "actions", "name": name, "version": "1.0.0", "title": action.title,
    });
    if let Some(link) = link {
        document["metadata"] = json!({ "links": { action.app(): link } });
    }
    let mut call = json!({ "call": action.function_name() });
    if !with.is_empty() {
        call["with"] = Value::Object(with);
    }
    let text = json!({ "document": document, "do": [{ "perform": call }] }).to_string();
    Source { file: format!("action {}", action.id), text }
}
