//! One layout for every page, and the headers that keep it harmless.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::management::tickets::destination::Destination;

const STYLE: &str = include_str!("page.css");

/// Nothing but our one style, and forms that come back to us.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 and the words above are visible ASCII")
});

/// A page in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    status: StatusCode,
    /// The window's title and the heading.
    title: &'static str,
    problem: Option<String>,
    /// Markup.
    content: String,
}

impl Page {
    pub(super) fn new(title: &'static str) -> Self {
        Self { status: StatusCode::OK, title, problem: None, content: String::new() }
    }

    /// Says first what went wrong; the answer's status is 400.
    pub(super) fn with_problem(mut self, problem: Option<&str>) -> Self {
        if let Some(problem) = problem {
            self.status = StatusCode::BAD_REQUEST;
            self.problem = Some(problem.to_owned());
        }
        self
    }

    pub(super) fn paragraph(self, text: &str) -> Self {
        let text = format!("<p>{}</p>\n", escaped(text));
        self.markup(&text)
    }

    /// What is not a constant in it has been [`escaped`].
    pub(super) fn markup(mut self, markup: &str) -> Self {
        self.content.push_str(markup);
        self
    }

    /// A link onwards, where there is one.
    pub(super) fn onwards(self, destination: Option<&Destination>) -> Self {
        let Some(Destination { url, name }) = destination else {
            return self.paragraph("You can close this window.");
        };
        let label =
            name.as_ref().map_or_else(|| "Continue".into(), |name| format!("Continue to {name}"));
        let link = format!(
            "<p><a href=\"{}\" rel=\"noreferrer\">{}</a></p>\n",
            escaped(url),
            escaped(&label)
        );
        self.markup(&link)
    }

    /// The ticket is unknown, used, expired or replaced; nobody learns which.
    pub(super) fn unusable() -> Self {
        let mut page = Self::new("This link does not work any more")
            .paragraph("Links like this one work once, and only for some time.")
            .paragraph("Ask for a new one where you got this one, or where you log in.");
        page.status = StatusCode::BAD_REQUEST;
        page
    }

    /// A failure of ours; only the log tells which.
    pub(super) fn failed(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a page failed");
        let mut page = Self::new("Something went wrong here")
            .paragraph("It is not your fault, and nothing has changed. Try again in a moment.");
        page.status = StatusCode::INTERNAL_SERVER_ERROR;
        page
    }

    fn html(&self) -> String {
        let title = escaped(self.title);
        let mark = if self.problem.is_some() { "Error: " } else { "" };
        let problem = self.problem.as_ref().map_or_else(String::new, |problem| {
            format!("<p role=\"alert\" id=\"problem\">{}</p>\n", escaped(problem))
        });
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{mark}{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{problem}{}</main>\n</body>\n</html>\n",
            self.content
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.html())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
        for (name, value) in [
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Text that stays text in an element and in a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' | '\'' => {
                write!(safe, "&#{};", u32::from(character)).expect("writing to a String succeeds");
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        let destination = Destination {
            url: "https://example.com/?a=\"><script>".into(),
            name: Some("<b>A & B</b>".into()),
        };
        let html = Page::new("T").with_problem(Some("<i>")).onwards(Some(&destination)).html();
        assert!(
            html.contains("href=\"https://example.com/?a=&#34;&#62;&#60;script&#62;\""),
            "{html}"
        );
        assert!(html.contains("Continue to &#60;b&#62;A &#38; B&#60;/b&#62;"), "{html}");
        assert!(html.contains("<p role=\"alert\" id=\"problem\">&#60;i&#62;</p>"), "{html}");
    }
}
