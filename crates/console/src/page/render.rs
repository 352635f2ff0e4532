//! The page as text.

use callboard_engine::{Approval, ApprovalError, ApprovalState, OnDeadline};
use jiff::Timestamp;

use super::html::{escaped, value};

/// What the page tells about the last try to answer.
pub(super) struct Said {
    text: String,
}

impl Said {
    pub(super) fn problem(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    pub(super) fn refusal(error: &ApprovalError) -> Self {
        let text = error.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(char::to_uppercase);
        let text = first.into_iter().flatten().chain(letters).chain(['.']).collect();
        Self { text }
    }
}

/// What was filled in and is not lost by a mistake; never the key.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) reason: String,
}

/// What is on the page beside the approval.
#[derive(Default)]
pub(super) struct Page {
    /// Somebody with a key looks at it.
    pub(super) opened: bool,
    pub(super) said: Option<Said>,
    pub(super) draft: Draft,
}

pub(super) fn approval(approval: &Approval, page: &Page) -> String {
    let asked = &approval.asked;
    let title = if page.opened { asked.question.as_str() } else { CLOSED };
    let mut body = format!(
        "<p class=\"from\">Workflow <strong>{}</strong></p><h1>{}</h1>",
        escaped(&approval.workflow),
        escaped(title)
    );
    if let Some(said) = &page.said {
        let text = escaped(&said.text);
        body.extend([format!("<p class=\"said\" role=\"alert\" id=\"said\">{text}</p>")]);
    }
    if page.opened && asked.round > 1 && approval.state == ApprovalState::Open {
        body.push_str("<p class=\"notice\">What this is about has changed, so it is asked again. What you see is as it is now.</p>");
    }
    body.push_str(&standing(approval));
    if !page.opened {
        body.push_str(&opening(approval, &page.draft));
        return document(title, &body);
    }
    if !asked.evidence.is_null() {
        body.extend([format!(
            "<section aria-labelledby=\"evidence\"><h2 id=\"evidence\">Evidence</h2>{}</section>",
            value(&asked.evidence)
        )]);
    }
    if !asked.seen.is_null() {
        body.extend([format!("<section aria-labelledby=\"seen\"><h2 id=\"seen\">What it is about</h2><p class=\"hint\">As it was at {}.</p>{}</section>",
            instant(approval.asked_at),
            value(&asked.seen))]);
    }
    body.push_str(&answers(approval));
    if approval.state == ApprovalState::Open {
        body.push_str(&form(approval, &page.draft));
    }
    document(title, &body)
}

/// In place of the question, which may be about a person.
const CLOSED: &str = "An approval is asked for";

pub(super) fn unknown() -> String {
    document(
        "No such question",
        "<h1>No such question</h1><p>Nothing is asked at this address.</p>",
    )
}

pub(super) fn broken() -> String {
    document(
        "Something failed",
        "<h1>Something failed</h1><p>Your answer was not taken. Try again in a moment.</p>",
    )
}

/// Where it stands, as sentences.
fn standing(approval: &Approval) -> String {
    let asked = &approval.asked;
    let ended = approval.ended_at.map(instant).unwrap_or_default();
    let (class, state) = match approval.state {
        ApprovalState::Open => ("open", "Waiting for an answer".to_owned()),
        ApprovalState::Stale => ("open", "About to be asked again: reload the page".to_owned()),
        ApprovalState::Approved => ("yes", format!("Approved at {ended}")),
        ApprovalState::Rejected => ("no", format!("Rejected at {ended}")),
        ApprovalState::Expired => ("no", format!("Nobody answered in time; it ended at {ended}")),
        ApprovalState::Dropped => {
            ("no", "Not needed any more: the run went on, or is over".to_owned())
        }
    };
    let mut rows = vec![("Asked", instant(approval.asked_at))];
    let people = asked.from.people.iter().map(|person| escaped(person));
    let groups = asked.from.groups.iter().map(|group| format!("group {}", escaped(group)));
    let from: Vec<String> = people.chain(groups).collect();
    let everybody = || "everybody with the role approver".to_owned();
    rows.push(("Of", if from.is_empty() { everybody() } else { from.join(", ") }));
    if asked.four_eyes {
        let by: Vec<String> = asked.requested_by.iter().map(|person| escaped(person)).collect();
        let but = if by.is_empty() { "whoever asked for the run".into() } else { by.join(", ") };
        rows.push(("But not", but));
    }
    if asked.count > 1 {
        rows.push(("Needed", format!("{} different people", asked.count)));
    }
    if let Some(deadline) = asked.deadline {
        let then = match asked.on_deadline {
            OnDeadline::Reject => "without an answer it is rejected",
            OnDeadline::Approve => "without an answer it is approved",
            OnDeadline::Fail => "without an answer the step fails",
        };
        rows.push(("Until", format!("{}; {then}", instant(deadline))));
    }
    let mut list =
        format!("<p class=\"state {class}\" role=\"status\">{state}</p><dl class=\"facts\">");
    for (name, text) in rows {
        list.extend([format!("<dt>{name}</dt><dd>{text}</dd>")]);
    }
    list + "</dl>"
}

fn answers(approval: &Approval) -> String {
    if approval.answers.is_empty() {
        return String::new();
    }
    let mut list =
        String::from("<section aria-labelledby=\"answers\"><h2 id=\"answers\">Answers</h2><ul>");
    for given in &approval.answers {
        let word = if given.approve { "approved" } else { "rejected" };
        let (by, at) = (escaped(&given.by), instant(given.at));
        list.extend([format!("<li><strong>{by}</strong> {word} at {at}")]);
        if let Some(reason) = &given.reason {
            list.extend([format!(": <span class=\"text\">{}</span>", escaped(reason))]);
        }
        list.push_str("</li>");
    }
    list + "</ul></section>"
}

/// Asks for a key. What was filled in before goes along.
fn opening(approval: &Approval, draft: &Draft) -> String {
    let reason = if draft.reason.is_empty() {
        String::new()
    } else {
        let reason = escaped(&draft.reason);
        format!("<input type=\"hidden\" name=\"reason\" value=\"{reason}\">")
    };
    format!(
        "<section aria-labelledby=\"open\"><h2 id=\"open\">Question and evidence</h2>\
         <form method=\"post\" action=\"/approvals/{id}\">{reason}{KEY}\
         <div class=\"buttons\"><button>Show</button></div></form></section>",
        id = escaped(&approval.asked.id),
    )
}

fn form(approval: &Approval, draft: &Draft) -> String {
    format!(
        "<section aria-labelledby=\"answer\"><h2 id=\"answer\">Your answer</h2>\
         <form method=\"post\" action=\"/approvals/{id}\">\
         <input type=\"hidden\" name=\"round\" value=\"{round}\">\
         <label for=\"reason\">Reason <span class=\"hint\">(optional, kept in the history of the run)</span></label>\
         <textarea id=\"reason\" name=\"reason\" rows=\"3\" maxlength=\"2000\">{reason}</textarea>{KEY}\
         <div class=\"buttons\">\
         <button name=\"answer\" value=\"approve\" class=\"yes\">Approve</button>\
         <button name=\"answer\" value=\"reject\" class=\"no\">Reject</button>\
         </div></form></section>",
        id = escaped(&approval.asked.id),
        round = approval.asked.round,
        reason = escaped(&draft.reason),
    )
}

const KEY: &str = "<label for=\"key\">Your API key</label>\
     <input id=\"key\" name=\"key\" type=\"password\" required autocomplete=\"current-password\" autocapitalize=\"off\" spellcheck=\"false\" aria-describedby=\"why\">\
     <p class=\"hint\" id=\"why\">It says who you are. It is not kept.</p>";

fn instant(at: Timestamp) -> String {
    format!("<time datetime=\"{at}\">{}</time>", at.strftime("%Y-%m-%d %H:%M UTC"))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>{} · Callboard</title><link rel=\"stylesheet\" href=\"/assets/approval.css\"></head>\
         <body><header>Callboard</header><main>{body}</main></body></html>",
        escaped(title)
    )
}
