//! The page of an approval: server-rendered, complete without scripts. Whoever has its address learns who may answer and
//! until when; what is asked, with its evidence, is shown for an API key, which never stands in an address. Reading
//! answers nothing; a form does, with the key as the identity of whoever answers.

mod html;
mod render;

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use callboard_engine::{ApprovalError, ApprovalReply, Engine};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::decode::Segments;
use render::{Draft, Page, Said};

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a form sends: a key alone asks for the question, with an answer it gives that.
#[derive(Deserialize)]
pub(crate) struct Filled {
    key: SecretString,
    answer: Option<Choice>,
    #[serde(default)]
    reason: String,
    round: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Approve,
    Reject,
}

/// `GET /approvals/{id}`: shows that something is asked, and answers nothing.
#[tracing::instrument(name = "http.approval_page.show", skip_all)]
pub(crate) async fn show(
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Response {
    page(&engine, &id, StatusCode::OK, &Page::default()).await
}

/// `POST /approvals/{id}`: the forms. A taken answer leads back to the page, so that reloading it sends nothing again.
#[tracing::instrument(name = "http.approval_page.answer", skip_all)]
pub(crate) async fn answer(
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    filled: Result<Form<Filled>, FormRejection>,
) -> Response {
    let Ok(Form(Filled { key, answer, reason, round })) = filled else {
        let page = Page {
            said: Some(Said::problem("Give your key, and choose Approve or Reject.")),
            ..Page::default()
        };
        return self::page(&engine, &id, StatusCode::BAD_REQUEST, &page).await;
    };
    let mut page = Page { opened: false, said: None, draft: Draft { reason: reason.clone() } };
    let person = match engine.api_keys().check(key.expose_secret().trim()).await {
        Ok(Some(person)) => person,
        Ok(None) => {
            let not_taken = if answer.is_some() { " Your answer was not taken." } else { "" };
            page.said = Some(Said::problem(&format!("This key is not valid.{not_taken}")));
            return self::page(&engine, &id, StatusCode::UNAUTHORIZED, &page).await;
        }
        Err(error) => return failed(&ApprovalError::Store(error)),
    };
    page.opened = true;
    let (answer, round) = match (answer, round) {
        (Some(answer), Some(round)) => (answer, round),
        (None, None) => return self::page(&engine, &id, StatusCode::OK, &page).await,
        _ => {
            page.said = Some(Said::problem("Choose Approve or Reject."));
            return self::page(&engine, &id, StatusCode::BAD_REQUEST, &page).await;
        }
    };
    let reply = ApprovalReply {
        approve: answer == Choice::Approve,
        reason: Some(reason),
        round: Some(round),
    };
    match engine.answer_approval(&id, &person, reply).await {
        Ok(_) => guarded(Redirect::to(&format!("/approvals/{id}")).into_response()),
        Err(error @ ApprovalError::Store(_)) => failed(&error),
        Err(error) => {
            page.said = Some(Said::refusal(&error));
            self::page(&engine, &id, crate::problem::status_of(&error), &page).await
        }
    }
}

/// `GET /assets/approval.css`
pub(crate) async fn style() -> Response {
    let mut response = include_str!("page/approval.css").into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}

async fn page(engine: &Engine, id: &str, status: StatusCode, page: &Page) -> Response {
    match engine.approval(id).await {
        Ok(approval) => html(status, render::approval(&approval, page)),
        Err(ApprovalError::Unknown { .. }) => html(StatusCode::NOT_FOUND, render::unknown()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &ApprovalError) -> Response {
    tracing::error!("the page of an approval cannot be shown: {error}");
    html(StatusCode::INTERNAL_SERVER_ERROR, render::broken())
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    guarded(response)
}

/// Nobody keeps a copy, nothing foreign is loaded, no other page frames it, and its address travels nowhere.
fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
