//! `call` and what it is given.

use serde_json::Value;

use super::{Reader, text};
use crate::{
    document::{Call, Endpoint, HttpOutput, HttpTemplate, Kind, OpenApiTemplate},
    pointer::join,
    template::Template,
};

impl<'d> Reader<'d> {
    pub(super) fn call(&mut self, source: &'d Value, at: &str) -> Kind {
        let name = text(source, "call").unwrap_or_default();
        let with = source.get("with").unwrap_or(&Value::Null);
        let at_with = join(at, "with");
        Kind::Call(match name {
            "http" => Call::Http(self.http(with, &at_with)),
            "openapi" => Call::OpenApi(OpenApiTemplate {
                document: self.endpoint(
                    &with["document"]["endpoint"],
                    &format!("{at_with}/document/endpoint"),
                ),
                operation_id: text(with, "operationId").unwrap_or_default().to_owned(),
                parameters: self.entry(with, &at_with, "parameters"),
                authentication: self.authentication(with, &at_with),
                output: http_output(with),
                redirect: with["redirect"].as_bool().unwrap_or(false),
            }),
            "mcp" => Call::Mcp(self.template(with, &at_with)),
            "grpc" | "asyncapi" | "a2a" => {
                return Kind::Unsupported(format!(
                    "\"call: {name}\" is not supported: this runtime speaks HTTP, OpenAPI and MCP"
                ));
            }
            name => {
                let arguments = self.entry(source, at, "with");
                let name = name.to_owned();
                if self.source.pointer(&join("/use/functions", &name)).is_some() {
                    Call::Reusable { name, arguments }
                } else {
                    Call::Catalogued { name, arguments }
                }
            }
        })
    }

    fn http(&mut self, with: &'d Value, at: &str) -> HttpTemplate {
        HttpTemplate {
            method: text(with, "method").unwrap_or("get").to_uppercase(),
            endpoint: self.endpoint(&with["endpoint"], &join(at, "endpoint")),
            headers: self.entry(with, at, "headers"),
            query: self.entry(with, at, "query"),
            body: self.entry(with, at, "body"),
            output: http_output(with),
            redirect: with["redirect"].as_bool().unwrap_or(false),
        }
    }

    fn endpoint(&mut self, source: &'d Value, at: &str) -> Endpoint {
        match source {
            Value::Object(_) => Endpoint {
                uri: self.template(&source["uri"], &join(at, "uri")),
                authentication: self.authentication(source, at),
            },
            uri => Endpoint { uri: self.template(uri, at), authentication: None },
        }
    }

    fn authentication(&mut self, parent: &'d Value, at: &str) -> Option<Template> {
        let given = parent.get("authentication")?;
        let at = join(at, "authentication");
        let (policy, at) = match given.get("use") {
            Some(name) => self.component(name, &join(&at, "use"), "authentications")?,
            None => (given, at),
        };
        Some(self.template(policy, &at))
    }
}

fn http_output(parent: &Value) -> HttpOutput {
    match text(parent, "output") {
        Some("raw") => HttpOutput::Raw,
        Some("response") => HttpOutput::Response,
        _ => HttpOutput::Content,
    }
}
