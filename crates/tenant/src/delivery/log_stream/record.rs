//! What a sink gets of the log, and in which form.

use callboard_contract::log_events::LogEvent;
use serde_json::{Map, Value, json};

use super::privacy::Privacy;
use crate::store::LogEntry;

/// The filter that carries security events of every category.
const SECURITY: &str = "security";

/// How requests hold records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One record per line.
    Lines,
    Array,
    /// One record per request.
    Object,
}

/// A log stream's sink, with what it wants to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sink {
    pub(super) endpoint: String,
    pub(super) headers: Vec<(String, String)>,
    form: Form,
    /// Categories; empty for all of them.
    wanted: Vec<String>,
    privacy: Privacy,
}

/// An entry as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    id: String,
    body: Value,
}

impl Sink {
    /// None for the sinks of clouds, which keep their configuration and get nothing.
    pub(super) fn of(stream: &Value) -> Option<Self> {
        if stream["type"] != "http" {
            return None;
        }
        let sink = &stream["sink"];
        let text = |name: &str| sink[name].as_str().filter(|text| !text.is_empty());
        let mut headers = vec![(
            "Content-Type".to_owned(),
            text("httpContentType").unwrap_or("application/json").to_owned(),
        )];
        headers
            .extend(text("httpAuthorization").map(|value| ("Authorization".into(), value.into())));
        for custom in sink["httpCustomHeaders"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (custom["header"].as_str(), custom["value"].as_str())
            {
                headers.push((name.into(), value.into()));
            }
        }
        let wanted = stream["filters"].as_array().into_iter().flatten();
        Some(Self {
            endpoint: text("httpEndpoint")?.to_owned(),
            headers,
            form: match text("httpContentFormat") {
                Some("JSONARRAY") => Form::Array,
                Some("JSONOBJECT") => Form::Object,
                _ => Form::Lines,
            },
            wanted: wanted.filter_map(|filter| Some(filter["name"].as_str()?.to_owned())).collect(),
            privacy: Privacy::of(&stream["pii_config"]),
        })
    }

    /// The record of an entry, if the sink wants it.
    pub(super) fn record(&self, entry: &LogEntry, tenant: &str) -> Option<Record> {
        let code = entry.body["type"].as_str().unwrap_or_default();
        if !self.wants(code) {
            return None;
        }
        let mut data = streamed(&entry.body, tenant);
        self.privacy.apply(&mut data);
        Some(Record { id: entry.id.clone(), body: json!({"log_id": entry.id, "data": data}) })
    }

    fn wants(&self, code: &str) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        let event = LogEvent::find(code);
        let category = event.map_or("other", |event| event.category);
        self.wanted.iter().any(|wanted| match wanted.as_str() {
            SECURITY => event.is_some_and(LogEvent::is_prioritized),
            wanted => wanted == category,
        })
    }

    /// The bodies of the requests that carry the records, each with the id of its last one.
    pub(super) fn bodies<'a>(&self, records: &'a [Record]) -> Vec<(String, &'a str)> {
        let Some(last) = records.last() else { return Vec::new() };
        let texts = records.iter().map(|record| record.body.to_string());
        match self.form {
            Form::Lines => {
                vec![(texts.map(|text| text + "\n").collect(), &last.id)]
            }
            Form::Array => {
                vec![(format!("[{}]", texts.collect::<Vec<_>>().join(",")), &last.id)]
            }
            Form::Object => {
                texts.zip(records).map(|(text, record)| (text, record.id.as_str())).collect()
            }
        }
    }
}

/// An entry as streams show it: what is not known is left out, a few members have other names.
pub(super) fn streamed(entry: &Value, tenant: &str) -> Value {
    let mut data = Map::new();
    for (name, value) in entry.as_object().into_iter().flatten() {
        let name = match name.as_str() {
            "_id" => continue,
            "isMobile" => "is_mobile",
            other => other,
        };
        if !value.is_null() {
            data.insert(name.to_owned(), value.clone());
        }
    }
    data.insert("tenant_name".into(), tenant.into());
    data.insert("environment_name".into(), "local".into());
    data.insert("$event_schema".into(), json!({"version": "1.0.0"}));
    Value::Object(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(more: &Value) -> Sink {
        let mut stream = json!({"type": "http", "sink": {"httpEndpoint": "https://x.example"}});
        stream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Sink::of(&stream).unwrap()
    }

    fn entry(id: &str, code: &str) -> LogEntry {
        LogEntry { id: id.into(), body: json!({"_id": id, "log_id": id, "type": code, "ip": null}) }
    }

    #[test]
    fn records_are_held_as_the_sink_wants_them() {
        for (format, bodies) in [
            ("JSONLINES", vec![("A\nB\n", "2")]),
            ("JSONARRAY", vec![("[A,B]", "2")]),
            ("JSONOBJECT", vec![("A", "1"), ("B", "2")]),
        ] {
            let sink = sink(&json!({"sink": {
                "httpEndpoint": "https://x.example", "httpContentFormat": format,
            }}));
            let records: Vec<_> =
                ["1", "2"].iter().filter_map(|id| sink.record(&entry(id, "s"), "t")).collect();
            let expected: Vec<_> = bodies
                .into_iter()
                .map(|(text, id)| {
                    let text = text
                        .replace('A', &records[0].body.to_string())
                        .replace('B', &records[1].body.to_string());
                    (text, id)
                })
                .collect();
            assert_eq!(sink.bodies(&records), expected, "{format}");
        }
    }

    #[test]
    fn filters_name_categories_or_security() {
        for (filters, code, wanted) in [
            (json!([]), "anything", true),
            (json!([{"type": "category", "name": "auth.login.fail"}]), "fp", true),
            (json!([{"type": "category", "name": "auth.login.fail"}]), "s", false),
            (json!([{"type": "category", "name": "other"}]), "unheard_of", true),
            (json!([{"type": "category", "name": "security"}]), "limit_wc", true),
            (json!([{"type": "category", "name": "security"}]), "sapi", false),
        ] {
            let sink = sink(&json!({"filters": filters}));
            assert_eq!(sink.wants(code), wanted, "{filters} {code}");
        }
    }

    #[test]
    fn an_entry_is_streamed_without_what_is_not_known() {
        let body =
            json!({"_id": "1", "log_id": "1", "isMobile": false, "ip": null, "description": ""});
        assert_eq!(
            streamed(&body, "acme"),
            json!({
                "log_id": "1", "is_mobile": false, "description": "", "tenant_name": "acme",
                "environment_name": "local", "$event_schema": {"version": "1.0.0"},
            })
        );
    }
}
