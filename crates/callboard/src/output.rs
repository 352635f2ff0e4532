//! What a person or a script reads: tables and sentences, or one JSON document.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// Writes to stdout and stderr; colours only on a terminal.
pub(crate) struct Output {
    json: bool,
    out: anstream::Stdout,
    err: anstream::Stderr,
}

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, out: anstream::stdout(), err: anstream::stderr() }
    }

    /// Whether data is to be printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// One line on stdout.
    pub(crate) fn line(&mut self, text: &str) {
        // A closed pipe ends the reader, not us.
        drop(writeln!(self.out, "{text}"));
    }

    /// One JSON document on stdout: pretty for people, one line for readiness messages (see [`Self::json_line`]).
    pub(crate) fn document(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(&text);
        Ok(())
    }

    /// One JSON document in one line, flushed: what a parent process waits for.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }

    /// A remark on stderr, so that stdout stays data.
    pub(crate) fn note(&mut self, text: &str) {
        drop(writeln!(self.err, "{text}"));
    }

    /// How to see the page after this one, where there is one.
    pub(crate) fn more(&mut self, next: Option<&str>, option: &str) {
        if let Some(next) = next {
            self.note(&format!("there are more: {option} {next}"));
        }
    }

    pub(crate) fn error(&mut self, text: &str) {
        drop(writeln!(self.err, "{BAD}error{BAD:#}: {text}"));
    }

    /// A table with a head line; columns as wide as their widest cell. An empty one says `nothing`.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>], nothing: &str) {
        if rows.is_empty() {
            self.note(nothing);
            return;
        }
        let widths: Vec<usize> = (0..head.len())
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .chain([head[column].len()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let head: Vec<String> = head.iter().map(|title| title.to_uppercase()).collect();
        self.line(&format!("{DIM}{}{DIM:#}", pad(&head, &widths)));
        for row in rows {
            self.line(&pad(row, &widths));
        }
    }
}

fn pad(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_owned()
}
