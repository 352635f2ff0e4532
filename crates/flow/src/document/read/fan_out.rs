//! How the items of a `for` run beside each other: words in the task's metadata, since the language has none.

use serde_json::Value;

use super::Reader;
use crate::{
    document::{FanOut, OnError},
    pointer::join,
};

impl Reader<'_> {
    pub(super) fn fan_out(&mut self, task: &Value, at: &str) -> Option<FanOut> {
        let metadata = &task["metadata"];
        let at_metadata = join(at, "metadata");
        let Some(concurrency) = metadata.get("concurrency") else {
            for key in ["onError", "collect"] {
                if metadata.get(key).is_some() {
                    let message = format!(
                        "\"{key}\" is for items that run beside each other; this loop has no \"concurrency\""
                    );
                    let help = "write metadata: {concurrency: 10}";
                    self.report_with(&join(&at_metadata, key), message, help);
                }
            }
            return None;
        };
        let count = concurrency.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| (1..=FanOut::MOST).contains(count));
        if count.is_none() {
            let most = FanOut::MOST;
            let message =
                format!("\"concurrency\" is how many items run at once, not {concurrency}");
            let help = format!("write a whole number from 1 to {most}");
            self.report_with(&join(&at_metadata, "concurrency"), message, &help);
        }
        if task.get("while").is_some() {
            let message = "\"while\" looks at the output of the item before; items that run beside each other have none";
            let help = "remove \"while\" or \"concurrency\"";
            self.report_with(&join(at, "while"), message, help);
        }
        let on_error = match metadata.get("onError") {
            None => OnError::default(),
            Some(Value::String(word)) if word == "stop" => OnError::Stop,
            Some(Value::String(word)) if word == "continue" => OnError::Continue,
            Some(other) => {
                let message =
                    format!("\"onError\" says what follows when an item fails, not {other}");
                self.report_with(&join(&at_metadata, "onError"), message, "write stop or continue");
                OnError::default()
            }
        };
        let collect = match metadata.get("collect") {
            None => false,
            Some(Value::Bool(collect)) => *collect,
            Some(other) => {
                let message = format!("\"collect\" says whether outputs are kept, not {other}");
                self.report_with(&join(&at_metadata, "collect"), message, "write true or false");
                false
            }
        };
        Some(FanOut { concurrency: count?, on_error, collect })
    }

    fn report_with(&mut self, at: &str, message: impl Into<String>, help: &str) {
        let mut problem = self.positions.problem(at, message);
        problem.suggestion = Some(help.to_owned());
        self.problems.push(problem);
    }
}
